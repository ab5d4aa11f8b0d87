"""Where the time of each command goes, by Python's profiler: the command itself runs, in a process of its own."""

from __future__ import annotations

import pstats
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_vae.benchmark.processes import measured_in_child

__all__ = ["STAGES", "Stage", "profile_commands", "stage_table"]

RUN = "profiled"
CALLBACKS = "callbacks"


class Stage(NamedTuple):
    """A part of a command.

    Attributes:
        title: what it is called in the table.
        functions: names of functions, each after the end of its file's path. None of them may call another.
    """

    title: str
    functions: tuple[str, ...]


# What is indented is a part of what stands above it.
STAGES: Mapping[str, tuple[Stage, ...]] = {
    "train": (
        Stage("data opened", ("runs/images.py open_data",)),
        Stage("model built", ("training/compilation.py compiled_model",)),
        Stage("epochs, with their callbacks", ("backend/tensorflow/trainer.py fit",)),
        Stage(f"  {CALLBACKS} at batches and epochs", tuple(
            f"callbacks/callback_list.py on_{when}"
            for when in ("train_batch_begin", "train_batch_end", "epoch_begin", "epoch_end")
        )),
        Stage("    checkpoints, but for what is written beside the next epoch", (
            "training/checkpoints.py on_epoch_end",
        )),
        Stage("    pictures", ("tensorboard/callbacks.py on_epoch_end",)),
        Stage("    curves and histograms", ("callbacks/tensorboard.py on_epoch_end",)),
        Stage(f"  {CALLBACKS} at the end: sharpening, prior, exports, pictures, projector", (
            "callbacks/callback_list.py on_train_end",
        )),
        Stage("splits measured, results written", (
            "training/trainer.py _measured", "training/trainer.py _write_results",
        )),
    ),
    "evaluate": (
        Stage("reconstructions", ("evaluation/reconstruction_study.py measure_reconstruction",)),
        Stage("likelihood", ("evaluation/likelihood_study.py measure_likelihood",)),
        Stage("  bound", ("evaluation/likelihood_study.py _bounds",)),
        Stage("neighbours", ("evaluation/neighbour_study.py measure_neighbours",)),
        Stage("generated images", ("evaluation/sample_study.py measure_samples",)),
        Stage("unusual images", ("evaluation/unusual_study.py measure_unusual_images",)),
    ),
    "explore": (
        Stage("maps", ("latent_space/map_study.py explore_maps",)),
        Stage("  t-SNE", ("latent_space/maps.py _tsne",)),
        Stage("clusters", ("latent_space/map_study.py explore_clusters",)),
        Stage("UMAP, in maps and clusters", ("latent_space/maps.py _umap",)),
        Stage("paths", ("latent_space/path_study.py explore_paths",)),
        Stage("  shortest paths", ("latent_space/paths.py geodesic",)),
        Stage("page", ("explorer/build.py write_explorer",)),
    ),
    "report": (
        Stage("pictures", ("report/build.py _pictures",)),
        Stage("typesetting", ("report/typesetting.py typeset", "report/typesetting.py page_pictures")),
    ),
}  # fmt: skip


def profile_commands(options: Sequence[str] = (), stages: Mapping[str, tuple[Stage, ...]] = STAGES) -> Iterator[str]:
    """Train, evaluate, explore and report, and say where the time goes.

    Args:
        options: of the training.
        stages: of each command.

    Yields:
        Rows of a table in Markdown, as they are measured.

    Raises:
        RuntimeError: a command failed, or a stage has no function of its name.
    """
    yield "| command | stage | seconds | share |"
    yield "| --- | --- | ---: | ---: |"
    with tempfile.TemporaryDirectory() as folder:
        for command, parts in stages.items():
            words = ["--run", RUN, *options] if command == "train" else [RUN]
            file = Path(folder, f"{command}.profile")
            measured_in_child("profile", words=[command, *words, "--root", folder], file=str(file))
            yield from stage_table(command, parts, pstats.Stats(str(file)))


def stage_table(command: str, parts: Sequence[Stage], stats: pstats.Stats) -> Iterator[str]:
    """Rows in Markdown for one command, the first of which is that of all of it.

    Args:
        command: what was profiled.
        parts: its stages.
        stats: its profile.

    Raises:
        RuntimeError: a stage has no function of its name.
    """
    total: float = stats.total_tt  # type: ignore[attr-defined]
    yield f"| `{command}` | all | {total:.1f} | |"
    for part in parts:
        seconds = sum(_cumulative(stats, function) for function in part.functions)
        title = part.title.replace("  ", "&emsp;")
        yield f"| | {title} | {seconds:.1f} | {seconds / total:.1%} |"


def _cumulative(stats: pstats.Stats, function: str) -> float:
    """Seconds in a function and in what it calls."""
    path, name = function.split(" ")
    found = [
        times[3]
        for (file, _, called), times in stats.stats.items()  # type: ignore[attr-defined]
        if file.endswith(f"/{path}") and called == name
    ]
    if not found:
        raise RuntimeError(f"There is no {name} of {path} in the profile: name the functions of this stage anew.")
    return float(sum(found))
