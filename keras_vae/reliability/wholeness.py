"""Whether the files of a run are whole, and what they say that no interruption may change."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf
from google.protobuf import text_format  # type: ignore[import-untyped]
from PIL import Image
from tensorboard.plugins.projector import ProjectorConfig
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from keras_vae.runs import Run
from keras_vae.tensorboard import EVENT_FILES, read_events

__all__ = ["damaged_files", "outcome_of"]

# What depends on the machine and the moment.
TIMES = ("seconds", "_per_second", "peak_memory_mib", "commit")
# Curves of epochs, of which TensorFlow may hold the last in memory when it is killed.
CURVES = ("train", "validation")
# Maps that were explored again: TensorBoard goes on showing those in the first folder.
AGAIN = r"projector-maps-[0-9a-f]{8}"
THERE = "there"  # is all that counts of a file whose bytes depend on the moment


def damaged_files(root: Path) -> list[str]:
    """Files below a folder that bear their name and are not whole; hidden ones are not finished yet.

    TensorBoard's own files grow while they are written: their last entry may be cut off, as TensorBoard expects.
    """
    found = []
    for path in _visible(root):
        check = _tags if path.match(EVENT_FILES) else CHECKS.get(path.suffix)
        try:
            if check:
                check(path)
        except Exception as error:  # whatever a reader stumbles over
            found.append(f"{path.relative_to(root)}: {next(iter(str(error).splitlines()), type(error).__name__)}")
    return found


def outcome_of(run: Run) -> dict[str, str]:
    """What a run came to, by the names of its files, those of TensorBoard as `logs/<path>`.

    Returns:
        The SHA-256 sum of what counts in each: weights and optimizer, the variables of the SavedModel, figures, maps,
        page and embeddings, without times and speeds; for each folder of TensorBoard, but the curves, of what its
        event files are about. Of any other file, such as a picture or the report, counts only that it is there.
    """
    found = {}
    for path in _visible(run.folder):
        name = path.relative_to(run.folder)
        read = CONTENTS.get(path.name if path.parent == run.folder else path.suffix)
        found[str(name)] = hashlib.sha256(read(path)).hexdigest() if read else THERE
    for path in _visible(run.logs):
        name = path.relative_to(run.logs)
        if re.fullmatch(AGAIN, name.parts[0]):
            continue
        if path.match(EVENT_FILES) and name.parts[0] not in CURVES:
            tags = sorted({tag for file in path.parent.glob(EVENT_FILES) for tag in _tags(file)})
            found[str(Path("logs") / name.parent / "events")] = hashlib.sha256(repr(tags).encode()).hexdigest()
        elif not path.match(EVENT_FILES):
            found[str(Path("logs") / name)] = _sum_of(path) if path.suffix == ".tsv" else THERE
    return found


def _visible(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path


def _sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _arrays_of_model(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        return _datasets(file)


def _datasets(file: h5py.File) -> bytes:
    content = bytearray()

    def read(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            content.extend(name.encode() + np.asarray(item).tobytes())

    file.visititems(read)
    return bytes(content)


def _arrays(path: Path) -> bytes:
    with np.load(path, allow_pickle=False) as saved:
        return b"".join(name.encode() + saved[name].tobytes() for name in sorted(saved.files))


def _variables(index: Path) -> bytes:
    """Of a SavedModel, by the file that lists them, in the order of their values: Keras numbers them at random.

    TensorFlow compares each with its own sum as it is read.
    """
    saved = tf.train.load_checkpoint(str(index.with_suffix("")))
    names = set(saved.get_variable_to_shape_map()) - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    values = [np.asarray(saved.get_tensor(name)) for name in names]
    return b"".join(sorted(f"{value.dtype} {value.shape}".encode() + value.tobytes() for value in values))


def _tags(path: Path) -> set[str]:
    return {value.tag for event in read_events(path) for value in event.summary.value}


def _without_times(path: Path) -> bytes:
    def left(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: left(each) for name, each in value.items() if not name.endswith(TIMES)}
        return [left(each) for each in value] if isinstance(value, list) else value

    return json.dumps(left(json.loads(path.read_bytes())), sort_keys=True).encode()


def _check_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if broken := archive.testzip():
            raise ValueError(f"{broken} is damaged")


def _check_weights(path: Path) -> None:
    with h5py.File(path) as file:
        _datasets(file)


def _check_picture(path: Path) -> None:
    with Image.open(path) as picture:
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            picture.load()


def _check_projector(path: Path) -> None:
    for embedding in text_format.Parse(path.read_text(), ProjectorConfig()).embeddings:
        rows = (path.parent / embedding.tensor_path).read_text().splitlines()
        labels = (path.parent / embedding.metadata_path).read_text().splitlines()
        if len(rows) != embedding.tensor_shape[0] or len(labels) != len(rows) + 1:
            raise ValueError(f"{embedding.tensor_name} has {len(rows)} rows, and {len(labels) - 1} labels")


def _check_table(path: Path) -> None:
    rows = path.read_text().split("\n")
    if rows.pop() or len({row.count("\t") for row in rows}) != 1:
        raise ValueError("its rows are not all as long")


def _check_end(path: Path, end: bytes) -> None:
    if not path.read_bytes().rstrip(b"\0\n ").endswith(end):
        raise ValueError("its end is missing")


CONTENTS: dict[str, Callable[[Path], bytes]] = {
    "vae.keras": _arrays_of_model,
    **dict.fromkeys(("config.json", "history.json", "training.json", "metrics.json", "latent.json"), _without_times),
    "maps.npz": _arrays,
    "explorer.html": Path.read_bytes,
    ".index": _variables,
}
CHECKS: dict[str, Callable[[Path], Any]] = {
    ".json": lambda path: json.loads(path.read_bytes()),
    ".keras": _check_zip,
    ".npz": _check_zip,
    ".npy": lambda path: np.load(path, mmap_mode="r", allow_pickle=False),
    ".h5": _check_weights,
    ".pb": lambda path: path.name != "saved_model.pb" or SavedModel.FromString(path.read_bytes()),
    ".index": _variables,
    ".pbtxt": _check_projector,
    ".tsv": _check_table,
    ".png": _check_picture,
    ".gif": _check_picture,
    ".svg": lambda path: _check_end(path, b"</svg>"),
    ".pdf": lambda path: _check_end(path, b"%%EOF"),
    ".html": lambda path: _check_end(path, "</html>".encode("utf-16-le").rstrip(b"\0")),
}
