"""What runs there are in a folder, what each takes, and how it is made smaller or removed."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keras_vae.errors import InputError
from keras_vae.files import files_below, typed_command
from keras_vae.runs.records import Pattern, read_record
from keras_vae.runs.run import Run
from keras_vae.runs.shipped import is_shipped

__all__ = ["all_runs", "description", "prune", "remove", "run_table", "size_of"]

# What a command makes again of a finished run, below its folder.
MADE_AGAIN = ("explorer.html", "report.pdf", "report.png", "figures/*", "onnx", "*.tflite")
MADE_AGAIN_LOGS = ("projector-maps*", "explorer", "exploration")
# Figures that training alone draws, and those on its way.
OF_TRAINING = ("samples", "samples_by_class", "reconstructions", "traversal", "interpolation", "manifold", "progress")

FIGURES = (("MSE per pixel", 5, "reconstruction.mean.mse_per_pixel"), ("SSIM", 4, "reconstruction.mean.ssim"))


def all_runs(root: Path | str = ".") -> list[Run]:
    """Every run in a folder, by name."""
    root = Path(root).resolve()
    return [Run(path.parent.name, root) for path in sorted((root / "saved_models").glob("[!.]*/config.json"))]


def run_table(runs: Sequence[Run]) -> str:
    """Put runs into a table in Markdown: preset, data, size on disk, state, and the main figures of each."""
    titles = [title for title, *_ in FIGURES]
    lines = [f"| run | preset | data | MB | state | test ELBO, nats | {' | '.join(titles)} |"]
    lines.append("| --- | --- | --- | ---: | --- |" + " ---: |" * (1 + len(FIGURES)))
    for run in runs:
        cells = [run.name, *_configured(run), f"{size_of(run) / 1e6:.1f}", _state(run), _test_elbo(run), *_figures(run)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def description(run: Run) -> str:
    """Say all that is known of a run: its row, the command that makes it again, and what takes room.

    Raises:
        InputError: its configuration cannot be read.
    """
    command = f"{typed_command('train')} {shlex.join(['--run', run.name, *run.train_options()])}"
    parts = sorted(((_size(path), path) for path in (*_children(run.folder), *_children(run.logs))), reverse=True)
    sizes = [f"{size / 1e6:>10.1f} MB  {path}" for size, path in parts]
    return "\n".join([run_table([run]), "", f"made by: {command}", "", *sizes])


def size_of(run: Run) -> int:
    """Bytes on disk, logs included."""
    return _size(run.folder) + _size(run.logs)


def prune(run: Run, *, checkpoints: bool = False) -> int:
    """Remove from a finished run what the commands `evaluate`, `explore`, `report` and `export` make again.

    What training alone draws stays: its figures, and the projectors on its way.

    Args:
        run: a run.
        checkpoints: removes the state after the last epoch too: the run then cannot be prolonged.

    Returns:
        Bytes that are free again; 0 where the run is shipped, or its training is not finished.

    Raises:
        InputError: another process is training it on.
    """
    if is_shipped(run) or not run.is_finished:
        return 0
    with run.locked():
        return _pruned(run, checkpoints)


def remove(*runs: Run) -> list[int]:
    """Remove runs and their logs: all of them, or none.

    Returns:
        For each, bytes that are free again.

    Raises:
        InputError: one is shipped with the code, and stays, or another process is training it.
    """
    for run in runs:
        if is_shipped(run):
            raise InputError(f"Run {run.name!r} is shipped with the code, and is not removed.")
    with contextlib.ExitStack() as locks:
        for run in runs:
            locks.enter_context(run.locked())
        # In this order: left-over logs would block the name.
        return [_removed(run.logs) + _removed(run.folder) for run in runs]


def _pruned(run: Run, checkpoints: bool) -> int:
    found = [path for pattern in MADE_AGAIN for path in run.folder.glob(pattern)]
    found = [path for path in found if path.parent != run.figures or path.stem not in OF_TRAINING]
    found += [path for pattern in MADE_AGAIN_LOGS for path in run.logs.glob(pattern)]
    if checkpoints and run.checkpoints.is_dir():
        found.append(run.checkpoints)
    return sum(map(_removed, found))


def _configured(run: Run) -> tuple[str, str]:
    try:
        return run.config.preset, Path(run.config.dataset).name
    except InputError:
        return "?", "?"


def _state(run: Run) -> str:
    if is_shipped(run):
        return "shipped"
    if run.is_finished:
        return "finished"
    epochs = len(_read(run.folder / "history.json", [{"epoch": int}]) or [])
    return f"stopped after {epochs} epochs" if epochs else "begun"


def _test_elbo(run: Run) -> str:
    trained = _read(run.folder / "training.json", {"splits": {"test": {"elbo": float}}})
    return f"{trained['splits']['test']['elbo']:.2f}" if trained else ""


def _figures(run: Run) -> Iterator[str]:
    shown = {f"{name}?": {"value": (float, None)} for *_, name in FIGURES}
    found = _read(run.folder / "metrics.json", {"evaluations": {"grey": {"measurements": shown}}})
    measured = found["evaluations"]["grey"]["measurements"] if found else {}
    for _, digits, name in FIGURES:
        value = measured[name]["value"] if name in measured else None
        yield "" if value is None else f"{value:.{digits}f}"


def _read(path: Path, pattern: Pattern) -> Any:
    """What a JSON file holds; None where there is none, or it is damaged: a list must show the other runs too."""
    try:
        return read_record(path, pattern, "") if path.is_file() else None
    except InputError:
        return None


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _size(path: Path) -> int:
    size = 0
    for each in (path, *files_below(path)):
        with contextlib.suppress(FileNotFoundError):  # which another command has made anew meanwhile
            size += each.stat().st_size if each.is_file() else 0
    return size


def _removed(path: Path) -> int:
    if path.is_symlink():  # what it leads to is somebody else's
        path.unlink()
        return 0
    size = _size(path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    return size
