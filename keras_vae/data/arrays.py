"""Arrays as they come -> images `(n, h, w, c)` of 8 bits, and labels from 0: a clear word where they cannot be that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from keras_vae.errors import InputError

__all__ = [
    "HELD_OUT",
    "LABEL_ALL",
    "ROUNDING",
    "SMALLEST_SIDE",
    "SPLITS",
    "UNLABELLED",
    "HeldOut",
    "Split",
    "check_image_shape",
    "check_value_range",
    "held_out_rows",
    "labels_of",
    "name_classes",
    "pixels_of",
    "range_of",
]

SPLITS = ("train", "validation", "test")
HELD_OUT = {"test": 4, "validation": 5}  # which of every six images of a class goes there
HeldOut = Literal["shuffled", "in_order"]  # how images of a class are counted off
UNLABELLED = "unlabelled"
LABEL_ALL = "label them all, leave those out, or give no labels"

SMALLEST_SIDE, LARGEST_SIDE = 8, 256
CHANNELS = (1, 3)
USUAL = ((0, 1), (-1, 1), (0, 255), (0, 65535))  # values of black and white
ROUNDING = 1e-3  # share of the range by which values may leave it: less than half a level of 8 bits
VALUES_AT_ONCE = 2**24  # of an array that may be larger than the memory


class Split(NamedTuple):
    """Images and labels of one split, in rows of arrays that may lie on disk.

    Attributes:
        images: `(m, h, w, c)` uint8.
        labels: `(m,)` int64.
        rows: `(n,)`, the rows that belong to the split, in its order; None takes all of them.
        paths: `(m,)` bytes, the files that the images come from; None where they come from none.
    """

    images: np.ndarray
    labels: np.ndarray
    rows: np.ndarray | None = None
    paths: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images) if self.rows is None else len(self.rows)

    def part(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels from one place to another."""
        chosen = slice(start, end) if self.rows is None else self.rows[start:end]
        return np.asarray(self.images[chosen]), np.asarray(self.labels[chosen])

    def rows_between(self, start: int, end: int) -> np.ndarray:
        """The rows of the arrays that images from one place to another have."""
        return np.arange(start, min(end, len(self))) if self.rows is None else self.rows[start:end]


def pixels_of(images: Any, name: str, value_range: Sequence[float] | None = None) -> np.ndarray:
    """Bring images of any size to 8 bits and to the shape `(n, h, w, c)`; what is so already stays where it is.

    What the values mean is never guessed: 8-bit values are taken as they are, floats in [0, 1] as shares of white, and
    everything else needs a range.

    Args:
        images: `(n, h, w)`, `(n, h, w, 1)` or `(n, h, w, 3)`; booleans, integers or floats.
        name: what they are called in an error.
        value_range: the values of black and white; None where the type tells them.

    Returns:
        `(n, h, w, c)` uint8.

    Raises:
        InputError: another shape, or several; a range that is none; values that are not finite, lie outside their
            range, or whose range is not known.
    """
    if value_range is not None:
        check_value_range(value_range)
    try:
        images = images if isinstance(images, np.ndarray) else np.asarray(images)
    except ValueError as error:
        raise InputError(f"{name}: its images differ in size: resize them all to one.") from error
    if images.dtype.kind not in "buif":
        raise InputError(f"{name}: images must be numbers, not {images.dtype}: give uint8, or floats in [0, 1].")
    images = _shaped(images, name)
    low, high = _smallest_and_largest(images, name, may_stop=value_range is None or tuple(value_range) == (0, 255))
    black, white = range_of(images.dtype, low, high, name) if value_range is None else value_range
    if not _lies_within(low, high, black, white):
        raise InputError(
            f"{name}: values lie between {low:g} and {high:g}, outside of --value-range {black:g} {white:g}."
        )
    if images.dtype == np.uint8 and (black, white) == (0, 255):
        return images
    pixels = np.empty(images.shape, np.uint8)
    for at in _parts(images):
        pixels[at] = np.rint((images[at].astype(np.float32) - black) * (255.0 / (white - black)))
    return pixels


def labels_of(labels: Any, count: int, name: str) -> np.ndarray | None:
    """Bring the labels of `count` images to one dimension; None where no image has a single class.

    Args:
        labels: `(n,)` or `(n, 1)`, whole numbers or words; `(n, k)` with one 1 in each row is the same. Rows with
            several ones, of images of several classes, cannot be used.
        count: images.
        name: what they are called in an error.

    Raises:
        InputError: there are more or fewer than images, some are missing, or they are fractions or something else.
    """
    try:
        labels = np.asarray(labels)
    except ValueError as error:  # rows of several lengths
        raise InputError(f"{name}: labels must be whole numbers or words, one for each image: {error}.") from error
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if len(labels.shape) not in (1, 2) or len(labels) != count:
        raise InputError(f"{name}: {count:,} images need labels ({count},), not {labels.shape}.")
    if labels.ndim == 2:
        ones = labels.sum(axis=1) if labels.dtype.kind in "buif" else np.zeros(1)
        return labels.argmax(axis=1) if np.all(ones == 1) and np.all((labels == 0) | (labels == 1)) else None
    if labels.dtype.kind in "fO":
        # NaN, which pandas has for what is missing, differs from itself.
        missing = sum(each is None or each != each for each in labels.tolist())
        if missing == count:
            return None
        if missing:
            raise InputError(f"{name}: {missing:,} of {count:,} images have no label: {LABEL_ALL}.")
        if all(isinstance(each, (int, np.integer)) and abs(int(each)) < 2**63 for each in labels.tolist()):
            labels = labels.astype(np.int64)
    if labels.dtype.kind == "f" and np.all(np.isfinite(labels)) and np.all(labels == np.rint(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind in "OS":  # as pandas has words, and as bytes
        labels = np.array([each.decode() if isinstance(each, bytes) else str(each) for each in labels])
    if labels.dtype.kind not in "buiU":
        raise InputError(f"{name}: labels must be whole numbers or words, not {labels.dtype}.")
    return labels


def name_classes(
    labels: dict[str, np.ndarray], class_names: Sequence[str] | None, name: str
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Number the classes of all splits from 0 in their order, and name them.

    Args:
        labels: `(n,)` for each split, whole numbers or words.
        class_names: one for each number from 0; None takes the labels themselves.
        name: what the data are called in an error.

    Raises:
        InputError: there is a number without a name.
    """
    present, places = np.unique(np.concatenate(list(labels.values())), return_inverse=True)
    ends = np.cumsum([len(each) for each in labels.values()])[:-1]
    if class_names is None:
        numbers, names = places, tuple(str(each) for each in present.tolist())
    else:
        names = tuple(map(str, class_names))
        if present.dtype.kind not in "bui" or present[0] < 0 or present[-1] >= len(names):
            raise InputError(f"{name}: {len(names)} class names do not fit labels {present[0]} to {present[-1]}.")
        numbers = present[places]
    parts = np.split(numbers.astype(np.int64), ends)
    return dict(zip(labels, parts, strict=True)), names


def held_out_rows(
    labels: np.ndarray, given: Sequence[str] = (), held_out: HeldOut = "shuffled"
) -> dict[str, np.ndarray]:
    """Take held-out splits out of the training images, always the same ones.

    Of every six images of a class, the fifth goes to the test and the sixth to the validation split; where no class has
    so many, of every six images, whatever their class.

    Args:
        labels: `(n,)` of the training images, from 0.
        given: The held-out splits that there are already.
        held_out: `shuffled` counts them off in a random order, always the same one, so that images that take turns
            (left, right, left, ...) are held out alike; `in_order` in their own.

    Returns:
        The rows of `train` and of each split that is not given.
    """
    missing = {split: place for split, place in HELD_OUT.items() if split not in given}
    # numpy promises to keep what this generator draws: a run finds its splits again.
    mixed = np.random.RandomState(0).permutation(len(labels)) if held_out == "shuffled" else np.arange(len(labels))
    order = mixed[np.argsort(labels[mixed], kind="stable")]
    places = np.empty(len(labels), np.int64)
    places[order] = np.concatenate([np.arange(count) for count in np.bincount(labels)] or [order])
    if not all(np.any(places % 6 == place) for place in missing.values()):
        places[mixed] = np.arange(len(labels))
    rows = {split: np.flatnonzero(places % 6 == place) for split, place in missing.items()}
    return {"train": np.flatnonzero(~np.isin(places % 6, list(missing.values()))), **rows}


def check_value_range(value_range: Sequence[float]) -> None:
    """Refuse a range of values that is none.

    Raises:
        InputError: It is not two finite values, black and a larger white.
    """
    if len(value_range) != 2 or not -math.inf < value_range[0] < value_range[1] < math.inf:
        raise InputError(f"--value-range takes two values, black and a larger white, not {list(value_range)}.")


def range_of(
    dtype: np.dtype[Any], low: float, high: float, name: str, remedy: str | None = None
) -> tuple[float, float]:
    """Tell the values of black and white by the type of images, where it tells them.

    Args:
        dtype: of the images.
        low: their smallest value.
        high: their largest one.
        name: what they are called in an error.
        remedy: what the user can do; None names the range that is likely.

    Raises:
        InputError: The type does not tell.
    """
    if dtype == np.bool_:
        return 0.0, 1.0
    if dtype == np.uint8 and high > 1:
        return 0.0, 255.0
    if dtype.kind == "f" and _lies_within(low, high, 0.0, 1.0):
        return 0.0, 1.0
    likely = next((f"{b} {w}" for b, w in USUAL if _lies_within(low, high, b, w)), f"{low:g} {high:g}")
    raise InputError(
        f"{name}: {dtype} values from {low:g} to {high:g} do not say what is black and what is white: "
        + (remedy or f"give --value-range {likely} if those two are.")
    )


def check_image_shape(name: str, shape: Sequence[int], remedy: str = "give --image-size 64, say") -> None:
    """Refuse images of a shape (h, w, c) that nothing here is made for.

    Raises:
        InputError: A side is not between 8 and 256, or the channels are neither 1 nor 3.
    """
    height, width, channels = shape
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width)) or channels not in CHANNELS:
        raise InputError(
            f"{name}: its images are {in_words(shape)}, but sides must be from {SMALLEST_SIDE} to {LARGEST_SIDE} and "
            f"channels 1 or 3: {remedy}"
        )


def in_words(shape: Sequence[int]) -> str:
    """Say what a shape (h, w, c) is."""
    height, width, channels = shape
    return f"{height} x {width} with {channels} channel{'s' * (channels > 1)}"


def _lies_within(low: float, high: float, black: float, white: float) -> bool:
    rounding = ROUNDING * (white - black)
    return black - rounding <= low and high <= white + rounding


def _shaped(images: np.ndarray, name: str) -> np.ndarray:
    shape = images.shape
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in CHANNELS:
        advice = "(n, h, w), (n, h, w, 1) or (n, h, w, 3)"
        if images.ndim == 2:
            side = math.isqrt(shape[1])
            advice += f": give images.reshape(-1, {side}, {side}), say" if side * side == shape[1] else ""
        elif images.ndim == 4 and shape[1] in CHANNELS:
            advice += ": give np.moveaxis(images, 1, -1)"
        elif images.ndim == 4 and shape[3] == 4:
            advice += ": give images[..., :3], without transparency"
        raise InputError(f"{name}: images are {shape}, not {advice}.")
    if not len(images):
        raise InputError(f"{name}: there is no image in it.")
    return images


def _parts(images: np.ndarray) -> Iterator[slice]:
    step = max(1, VALUES_AT_ONCE // math.prod(images.shape[1:]))
    return (slice(start, start + step) for start in range(0, len(images), step))


def _smallest_and_largest(images: np.ndarray, name: str, *, may_stop: bool) -> tuple[float, float]:
    """The ends of the values; `may_stop` takes those of the type where 8 bits are surely not only 0 and 1."""
    lows, highs = [], []
    for at in _parts(images):
        part = images[at]
        low, high = float(part.min()), float(part.max())
        if not math.isfinite(low) or not math.isfinite(high):  # NaN is the smallest and the largest of all
            finite = np.isfinite(part).reshape(len(part), -1).all(axis=1)
            first = at.start + int(np.argmin(finite))
            raise InputError(f"{name}: image {first} has NaN or infinite values: leave such images out.")
        lows.append(low)
        highs.append(high)
        if may_stop and images.dtype == np.uint8 and high > 1:
            return 0.0, 255.0
    return min(lows), max(highs)
