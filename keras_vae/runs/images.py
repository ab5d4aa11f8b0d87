"""The images of a configuration, or those that a run was given."""

from __future__ import annotations

from keras_vae.data import ImageData, open_dataset
from keras_vae.runs.config import TrainConfig
from keras_vae.runs.run import Run

__all__ = ["open_data"]


def open_data(config: TrainConfig, run: Run | None = None, dataset: str | None = None) -> ImageData:
    """Open the images that a configuration names.

    Args:
        config: data set, size, values, splits and memory budget.
        run: a run of this configuration, whose own copy of the images is taken where it has one.
        dataset: another data set, read in the same way; None takes the configuration's.

    Raises:
        InputError: there is no such data set, or its images cannot be used.
    """
    budget = config.memory_budget * 2**20
    if dataset is None and run is not None and run.data.is_dir():
        return open_dataset(run.data, name=config.dataset, memory_budget=budget)
    return open_dataset(
        dataset or config.dataset,
        data_dir=None if dataset else config.data_dir,
        memory_budget=budget,
        image_size=config.image_size,
        value_range=config.value_range,
        held_out=config.held_out,
    )
