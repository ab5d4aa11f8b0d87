"""Whether the files of a run are whole, and what they say that no interruption may change."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from keras_vae.runs import Run

__all__ = ["damaged_files", "outcome_of"]

# What depends on the machine and the moment.
TIMES = ("seconds", "_per_second", "peak_memory_mib", "commit")


def damaged_files(root: Path) -> list[str]:
    """Files below a folder that bear their name and are not whole; hidden ones are not finished yet.

    TensorBoard's own files grow while they are written, and are left out.
    """
    found = []
    for path in sorted(root.rglob("*")):
        check = CHECKS.get(path.suffix)
        if check is None or not path.is_file() or any(part.startswith(".") for part in path.relative_to(root).parts):
            continue
        try:
            check(path)
        except Exception as error:  # whatever a reader stumbles over
            found.append(f"{path.relative_to(root)}: {next(iter(str(error).splitlines()), type(error).__name__)}")
    return found


def outcome_of(run: Run) -> dict[str, str]:
    """What a run came to, each part as a SHA-256 sum: weights and optimizer, figures, maps, page and report.

    Parts that are not there are left out; times and speeds do not count.
    """
    parts: dict[str, Callable[[], bytes]] = {
        "vae.keras": lambda: _arrays_of_model(run.model_file),
        **{
            name: lambda name=name: _without_times(run.folder / name)  # type: ignore[misc]
            for name in ("config.json", "history.json", "training.json", "metrics.json", "latent.json")
        },
        "maps.npz": lambda: _arrays(run.folder / "maps.npz"),
        "explorer.html": lambda: (run.folder / "explorer.html").read_bytes(),
        "projector": lambda: b"".join(path.read_bytes() for path in sorted(run.logs.glob("projector/*.tsv"))),
    }
    return {
        name: hashlib.sha256(content()).hexdigest()
        for name, content in parts.items()
        if name == "projector" or (run.folder / name).is_file()
    }


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
        picture.load()


def _check_end(path: Path, end: bytes) -> None:
    if not path.read_bytes().rstrip(b"\0\n ").endswith(end):
        raise ValueError("its end is missing")


CHECKS: dict[str, Callable[[Path], Any]] = {
    ".json": lambda path: json.loads(path.read_bytes()),
    ".keras": _check_zip,
    ".npz": _check_zip,
    ".npy": lambda path: np.load(path, mmap_mode="r", allow_pickle=False),
    ".h5": _check_weights,
    ".png": _check_picture,
    ".gif": _check_picture,
    ".svg": lambda path: _check_end(path, b"</svg>"),
    ".pdf": lambda path: _check_end(path, b"%%EOF"),
    ".html": lambda path: _check_end(path, "</html>".encode("utf-16-le").rstrip(b"\0")),
}
