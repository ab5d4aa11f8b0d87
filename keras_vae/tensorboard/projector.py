"""Arrays to a folder that TensorBoard's Embedding Projector opens.

The Projector trusts its files: a missing one closes it for every run, a row too few or a NaN leaves its page blank. So
everything is checked before anything is written, and the folder appears all at once.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image
from tensorboard.plugins.projector import ProjectorConfig, visualize_embeddings

from keras_vae.errors import InputError
from keras_vae.files import make_folder, replace_folder, synchronise, temporary_folder
from keras_vae.tensorboard.events import EVENT_FILES

__all__ = ["MAX_POINTS", "MAX_SPRITE_SIDE", "complete_projectors", "is_projector", "write_projector"]

MAX_POINTS = 100_000
"""Points that the page loads; it leaves out the rest."""

MAX_SPRITE_SIDE = 8192
"""Pixels a side of the largest mosaic of thumbnails that the page accepts."""

CONFIG = "projector_config.pbtxt"

_INK = 160
"""Luminance of grey thumbnails: darker muddies the colours that the page multiplies with it, lighter is faint alone."""


def write_projector(
    folder: Path | str,
    embeddings: Mapping[str, npt.ArrayLike],
    labels: Sequence[str],
    images: npt.NDArray[np.uint8] | None = None,
    columns: Mapping[str, Iterable[Any]] | None = None,
    description: str = "",
) -> Path:
    """Write embeddings of the same n points, with their labels and thumbnails, as a run of TensorBoard.

    TensorBoard names the run by the folder's path below its log directory. Of the embeddings it opens the first by
    alphabet. The page draws three axes, so embeddings of one or two dimensions are filled up with zeros to three; a
    two-dimensional map is flat again when Z is unticked. Values are kept as float32, in which the page computes.

    Args:
        folder: A folder that does not exist yet, such as `logs/<run>/projector`, or that was not finished.
        embeddings: Finite values of shape (n, d), with 2 <= n <= 100,000, under names of letters, digits and `_.-`.
        labels: The class names of the n points, not empty. What cannot be printed in them becomes a space.
        images: The images of the n points, uint8 of shape (n, h, w, 1) or (n, h, w, 3), drawn in place of dots. Grey
            ones are drawn as ink in the colour of their point: the pixel is its opacity, so black is transparent. They
            are scaled down only where all of them would not fit into what the page accepts.
        columns: Further values of the n points to search, name and colour them by. A column `index`, 0 to n - 1, is
            always added.
        description: Markdown for TensorBoard's text page; the names of the embeddings by default.

    Returns:
        The folder.

    Raises:
        InputError: The folder exists, or its name cannot name a run, or there are too few or too many points.
        ValueError: The arrays do not fit together, or hold what the page cannot show.
            Nothing has been written in either case.

    Source:
        Smilkov et al. 2016, "Embedding Projector: Interactive Visualization and Interpretation of Embeddings",
        https://arxiv.org/abs/1611.05469
    """
    folder = Path(folder)
    count = len(labels)
    _check_folder(folder)
    if not 2 <= count <= MAX_POINTS:
        raise InputError(f"The Embedding Projector shows 2 to {MAX_POINTS:,} points, not {count:,}.")
    if not embeddings:
        raise ValueError("There is no embedding to write.")
    tensors = {name: _tensor(name, values, count) for name, values in embeddings.items()}
    metadata = _metadata(labels, columns or {})
    mosaic = None if images is None else _mosaic(images, count)

    make_folder(folder.parent)
    with temporary_folder(folder) as temporary:
        building = Path(temporary) / folder.name
        building.mkdir()
        for name, tensor in tensors.items():
            np.savetxt(building / f"{name}.tsv", tensor, fmt="%.9g", delimiter="\t")  # 9 digits determine a float32.
        (building / "metadata.tsv").write_text(metadata, encoding="utf-8")
        if mosaic is not None:
            mosaic.save(building / "sprite.png", compress_level=1)
        visualize_embeddings(str(building), _config(tensors, mosaic))
        replace_folder(building, folder)  # one that is there was left unfinished: TensorBoard has not opened it

    _announce(folder, description or f"Embeddings: {', '.join(tensors)}")
    return folder


def complete_projectors(folder: Path) -> None:
    """Let TensorBoard open the projectors whose writer was killed just before their event file, the last of each.

    Args:
        folder: of a run; its projectors lie in folders whose names begin with `projector`.
    """
    for config in folder.glob(f"projector*/{CONFIG}"):
        if not is_projector(config.parent):
            tensors = sorted(path.stem for path in config.parent.glob("*.tsv") if path.name != "metadata.tsv")
            _announce(config.parent, f"Embeddings: {', '.join(tensors)}")


def is_projector(folder: Path) -> bool:
    """Whether TensorBoard opens a folder as a run: the event file comes last, so that all the rest is there."""
    return any(event_file.stat().st_size for event_file in folder.glob(EVENT_FILES))


def _announce(folder: Path, description: str) -> None:
    # TensorBoard reads the folder once, when it finds an event file there: not before all the rest is in place.
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        tf.summary.text("projector", description, step=0)
    writer.close()
    for event_file in folder.glob(EVENT_FILES):
        synchronise(event_file)
    synchronise(folder)


def _check_folder(folder: Path) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", folder.name):
        raise InputError(f"The folder {folder.name!r} cannot name a run: use letters, digits, '_', '.' and '-' only.")
    if is_projector(folder) or (folder.exists() and not (folder / CONFIG).is_file()):
        raise InputError(
            f"{folder} exists already, and TensorBoard would go on showing its old contents: choose another name."
        )


def _tensor(name: str, values: npt.ArrayLike, count: int) -> npt.NDArray[np.float32]:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name == "metadata":
        raise ValueError(f"{name!r} cannot name an embedding: use letters, digits, '_', '.' and '-', not 'metadata'.")
    array = np.asarray(values)
    if array.ndim != 2 or len(array) != count or array.size == 0:
        raise ValueError(f"The embedding {name!r} has shape {array.shape}, not ({count}, d) as the labels ask for.")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"The embedding {name!r} holds {array.dtype}, not real numbers.")
    with np.errstate(over="ignore"):  # What is too large becomes infinite, and is refused as such.
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"The embedding {name!r} holds values that are not finite in float32.")
    # The page would take a missing third component for NaN and draw nothing.
    return np.pad(array, ((0, 0), (0, max(0, 3 - array.shape[1]))))


def _metadata(labels: Sequence[str], columns: Mapping[str, Iterable[Any]]) -> str:
    """Return the table with a header line, as the page expects of more than one column."""
    if columns.keys() & {"label", "index"}:
        raise ValueError("The columns 'label' and 'index' are written always: give others other names.")
    table = []
    for name, values in {"label": labels, **columns, "index": range(len(labels))}.items():
        cells = [_printable(cell) for cell in (name, *values)]
        if len(cells) != len(labels) + 1:
            raise ValueError(f"The column {name!r} holds {len(cells) - 1} values for {len(labels)} labels.")
        table.append(cells)
    return "".join("\t".join(row) + "\n" for row in zip(*table, strict=True))


def _printable(value: Any) -> str:
    # A tab or a line break in a cell would shift all that follow; an empty cell breaks the page's search.
    text = "".join(character if character.isprintable() else " " for character in str(value)).strip()
    return text or ascii(str(value))


def _mosaic(images: npt.NDArray[np.uint8], count: int) -> Image.Image:
    """Return the images row by row in square tiles, with as many rows as columns: the page confuses the two."""
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) != count or images.shape[3] not in (1, 3):
        raise ValueError(
            f"The images are {images.dtype} {images.shape}, not uint8 ({count}, h, w, 1) or ({count}, h, w, 3)."
        )
    grey = images.shape[3] == 1
    columns = _columns(count)
    side = min(max(images.shape[1:3]), MAX_SPRITE_SIDE // columns)
    mosaic = Image.new("LA" if grey else "RGBA", (columns * side, columns * side))
    for index, image in enumerate(images):
        tile = Image.fromarray(image[..., 0] if grey else image)
        tile.thumbnail((side, side))
        if grey:
            tile = Image.merge("LA", (Image.new("L", tile.size, _INK), tile))
        left, top = index % columns * side, index // columns * side
        mosaic.paste(tile, (left + (side - tile.width) // 2, top + (side - tile.height) // 2))
    return mosaic


def _columns(count: int) -> int:
    return math.isqrt(count - 1) + 1


def _config(tensors: Mapping[str, npt.NDArray[np.float32]], mosaic: Image.Image | None) -> ProjectorConfig:
    config = ProjectorConfig()
    for name, tensor in tensors.items():
        embedding = config.embeddings.add(
            tensor_name=name, tensor_path=f"{name}.tsv", tensor_shape=tensor.shape, metadata_path="metadata.tsv"
        )
        if mosaic is not None:
            side = mosaic.width // _columns(len(tensor))
            embedding.sprite.image_path = "sprite.png"
            embedding.sprite.single_image_dim.extend([side, side])
    return config
