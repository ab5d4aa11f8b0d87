"""The same seed on the same machine gives the same bits: twice, and through an interruption."""

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_vae.data import ImageData, open_dataset
from keras_vae.runs import TrainConfig
from keras_vae.training.checkpoints import Checkpoint, restore
from keras_vae.training.compilation import compiled_model
from keras_vae.training.fitting import fit_model

EPOCHS = 2
KINDS = {
    "bernoulli": {"likelihood": "bernoulli", "binarize": "dynamic"},
    "gaussian": {"likelihood": "gaussian"},
    "learned variance": {"likelihood": "gaussian", "variance": "learned"},
    "laplace": {"likelihood": "laplace"},
    "sharpened": {"likelihood": "gaussian", "sharpening_epochs": 2},
    "discretized logistic": {"likelihood": "discretized_logistic"},
    "continuous bernoulli": {"likelihood": "continuous_bernoulli"},
    "convolutional": {"network": "convolutional", "widths": (4, 4)},
    "strided": {"network": "strided", "widths": (4, 4)},
    "mixture fitted": {"prior": "mixture"},
    "mixture learned": {"prior": "mixture", "prior_training": "joint"},
    "flow fitted": {"prior": "flow"},
    "flow learned": {"prior": "flow", "prior_training": "joint"},
    "vamp": {"prior": "vamp"},
    "two levels": {"levels": 2, "prior": "vamp"},
    "two levels of convolutions": {"levels": 2, "network": "convolutional", "widths": (4,)},
    "xla": {"xla": "on"},
    "mixed precision": {"mixed_precision": "on"},
    "importance weighted": {"beta": 1.0, "importance_epochs": 1, "importance_samples": 3, "beta_warmup": 0.0},
    "patience": {"patience": 1, "beta_warmup": 0.0},
    "two devices": {"distribute": "mirrored"},
    "disturbed": {"dropout": 0.2, "input_noise": 0.1, "gradient_clip": 1.0, "weight_average": 0.0},
}


class StopAfter(keras.callbacks.Callback):
    """End a training after an epoch, with what it keeps after each."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.model.stop_training = epoch + 1 >= self.epoch


@pytest.fixture(scope="module")
def data() -> ImageData:
    images = np.random.default_rng(0).integers(0, 256, (180, 8, 8, 1), np.uint8)
    return open_dataset((images, np.arange(180) % 3), name="noise")


def trained(config: TrainConfig, data: ImageData, folder: Path, until: int = EPOCHS) -> list[np.ndarray]:
    """All weights, of optimizer and noise too, after some epochs; from the checkpoint of a folder that has one."""
    model = compiled_model(config, data)
    finished = restore(model, folder / "checkpoints")
    callbacks = [Checkpoint(folder / "checkpoints", folder / "history.json", finished), StopAfter(until)]
    fit_model(model, config, data, callbacks=callbacks, first_epoch=finished, best=folder / "checkpoints")
    return [np.asarray(variable) for variable in (*model.variables, *model.optimizer.variables)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_twice_and_through_an_interruption_the_same_bits_come_out(kind, data, tmp_path):
    options = {"latent_dim": 4, "widths": (8,), "prior": "standard_normal", "prior_components": 3, "xla": "off"}
    options |= {"mixed_precision": "off", "batch_size": 30, "epochs": EPOCHS, "beta_warmup": 1.5}
    config = TrainConfig(**{**options, **KINDS[kind]})
    once = trained(config, data, tmp_path / "once")
    trained(config, data, tmp_path / "twice", until=1)
    resumed = trained(config, data, tmp_path / "twice")
    assert all(np.array_equal(a, b) for a, b in zip(once, resumed, strict=True))
