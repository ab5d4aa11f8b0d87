"""The images of a configuration, or those that a run was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from keras_vae.data import ImageData, open_dataset
from keras_vae.errors import InputError
from keras_vae.files import write_atomically
from keras_vae.runs.config import TrainConfig
from keras_vae.runs.records import read_record
from keras_vae.runs.run import DATA, TRAIN_ANEW, Run

__all__ = ["NOTED", "keep_data", "open_data"]

NOTED = "data.json"  # in a run's folder: what the file or folder held that it is trained on


def keep_data(folder: Path, data: ImageData) -> None:
    """Put into the folder of a new run what `open_data` finds its images by.

    Arrays are copied; of a file or folder, what it holds is noted, to be compared.

    Args:
        folder: that becomes the run's.
        data: the images of the run.

    Raises:
        InputError: there is no room for the arrays.
    """
    if not data.is_kept:
        data.keep(folder / DATA)
    elif digest := data.digest():
        write_atomically(folder / NOTED, json.dumps({"counts": data.counts, "sha256": digest}, indent=2) + "\n")


def open_data(config: TrainConfig, run: Run | None = None, dataset: str | None = None) -> ImageData:
    """Open the images that a configuration names.

    Args:
        config: data set, size, values, splits and memory budget.
        run: a run of this configuration, whose own copy of the images is taken where it has one.
        dataset: another data set, read in the same way; None takes the configuration's.

    Raises:
        InputError: there is no such data set, its images cannot be used, or a file or folder holds others than when the
            run was begun: their splits would mix what was learned with what is measured.
    """
    budget = config.memory_budget * 2**20
    if dataset is None and run is not None and run.data.is_dir():
        return open_dataset(run.data, name=config.dataset, memory_budget=budget)
    of_arrays = dataset is None or Path(dataset).suffix.lower() in (".npy", ".npz")  # others have no range
    data = open_dataset(
        dataset or config.dataset,
        data_dir=None if dataset else config.data_dir,
        memory_budget=budget,
        image_size=config.image_size,
        value_range=config.value_range if of_arrays else None,
        held_out=config.held_out,
    )
    if run is not None and data.name == config.dataset and (run.folder / NOTED).is_file():
        noted = read_record(run.folder / NOTED, {"counts": {str: int}, "sha256": str}, TRAIN_ANEW)
        if data.digest() != noted["sha256"]:
            raise InputError(
                f"{data.name} holds other images ({_in_words(data.counts)}) than when run {run.name!r} was begun "
                f"({_in_words(noted['counts'])}): bring them back as they were, or train a new run."
            )
    return data


def config_as_opened(config: TrainConfig, data: ImageData) -> TrainConfig:
    """The configuration by which `open_data` opens the same images again, unless they are copied into the run.

    Raises:
        InputError: classes were named that the configuration cannot name.
    """
    if not data.is_kept:
        return config
    options = dict(data.options)
    if options.pop("class_names", None):
        raise InputError(f"{data.name}: class_names are kept of arrays alone: open those of the file, not the file.")
    return config.replace(**options)


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in counts.items())
