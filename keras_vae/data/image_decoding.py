"""One image file -> its size, and its pixels of 8 bits as they are looked at."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["Size", "decode", "fitted", "read_header", "refuse_huge_images"]

EXIF_ORIENTATION, TURNED = 0x0112, {5, 6, 7, 8}  # by a quarter
GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L"}
WHITE = 255  # behind what is transparent
LARGEST_OF_16_BITS = 65_535

Size = tuple[int, int]  # height and width


class _UnusableError(Exception):
    """Why an image file cannot be used, in a few words."""


@contextlib.contextmanager
def refuse_huge_images() -> Iterator[None]:
    """Within the block, also in its threads, `decode` and `read_header` refuse what Pillow only warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_header(path: Path) -> tuple[Size, bool] | str:
    """Height, width and whether there is colour, without decoding; or why the file cannot be used."""
    try:
        with _open(path) as image:
            width, height = image.size
            # Of TIFF, Pillow tells the sides after the turn; to look for one in any PNG file would decode all of it.
            may_be_turned = image.format in ("JPEG", "MPO", "WEBP") or "exif" in image.info
            if may_be_turned and image.getexif().get(EXIF_ORIENTATION) in TURNED:
                width, height = height, width
            return (height, width), not _is_grey(image)
    except _UnusableError as reason:
        return str(reason)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        return _reason(error)


def decode(path: Path, shape: tuple[int, int, int], is_resized: bool) -> np.ndarray:
    """Decode one image file.

    Args:
        path: The file.
        shape: Height, width and channels that are wanted.
        is_resized: Whether the image is resized and cropped to them; otherwise it has this size.

    Returns:
        `(h, w, c)` uint8.

    Raises:
        ValueError: The file is damaged, no image, or of another size.
    """
    height, width, channels = shape
    try:
        with _open(path) as image:
            if is_resized:
                image.draft("RGB" if channels == 3 else "L", (2 * width, 2 * height))  # JPEG alone: skips what is lost
            turned = ImageOps.exif_transpose(image)
            plain = _flat(turned, "RGB" if channels == 3 else "L")
    except _UnusableError as reason:
        raise ValueError(str(reason)) from reason
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(_reason(error)) from error
    if is_resized and plain.size != (width, height):
        plain = _fit(plain, (height, width))
    if plain.size != (width, height):
        raise ValueError(f"is {plain.height} x {plain.width}, others are {height} x {width}")
    return np.asarray(plain).reshape(shape)


def fitted(images: np.ndarray, size: Size) -> np.ndarray:
    """Resize images with antialiasing until they cover a size, and crop what stands over on two sides alike.

    Args:
        images: `(n, h, w, c)` uint8.
        size: Height and width.
    """
    if images.shape[1:3] == size:
        return images
    resized = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for place, image in enumerate(images):
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        resized[place] = np.asarray(_fit(picture, size)).reshape(resized.shape[1:])
    return resized


def _fit(image: Image.Image, size: Size) -> Image.Image:
    return ImageOps.fit(image, (size[1], size[0]), Image.Resampling.LANCZOS)


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except Image.DecompressionBombWarning as warning:
        raise _UnusableError("has too many pixels") from warning


def _is_grey(image: Image.Image) -> bool:
    if image.mode == "P" and image.palette is not None:
        mode, colours = image.palette.mode, np.frombuffer(bytes(image.palette.palette), np.uint8)
        return bool(mode == "RGB" and len(colours) % 3 == 0 and np.ptp(colours.reshape(-1, 3), axis=1).max() == 0)
    if image.mode == "F":
        raise _UnusableError("has pixels in floating point, whose range is not known")
    return image.mode in GREY_MODES


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Grey or colour of 8 bits, on white where it is transparent."""
    if image.mode.startswith("I"):  # integers of 16 bits, in 16 or in 32
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > LARGEST_OF_16_BITS:
            raise _UnusableError("has pixels of more than 16 bits, whose range is not known")
        image = Image.fromarray(np.rint(values / 257.0).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (WHITE, WHITE, WHITE, 255))
        image = Image.alpha_composite(ground, image).convert("RGB")
    return image if image.mode == mode else image.convert("RGB").convert(mode)


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "is no image, or a damaged one"
    if isinstance(error, FileNotFoundError):
        return "is not there"
    return f"is damaged ({' '.join(str(error).split()) or type(error).__name__})"
