"""Configurations and command lines at random: each is refused before anything is written, or two steps are trained."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_vae.command_line import add_arguments, given_options
from keras_vae.data import ImageData, open_dataset
from keras_vae.reliability.answers import REFUSED, TAKEN, TRAINED, Try, outcome, refusing
from keras_vae.reliability.edits import VALUES, edited_json
from keras_vae.reliability.processes import Main
from keras_vae.reliability.small_run import write_pictures
from keras_vae.reliability.wholeness import damaged_files
from keras_vae.runs import PRESETS, TrainConfig
from keras_vae.training import compiled_model, fit_model

__all__ = ["combinations", "command_lines", "configurations", "trainings"]

SHAPE = (8, 8, 1)
TIME = 900.0  # seconds in which configurations of one kind are trained; those that come later are read alone
TWO_STEPS = ("--epochs", "1", "--batch-size", "80", "--widths", "8", "--prior-components", "4")  # of 160 images
OPTIONS = {
    "latent-dim": ("1", "2", "7", "512"),
    "levels": ("1", "2"),
    "network": ("dense", "convolutional"),
    "widths": ("1", "8", "8 4", "64"),
    "likelihood": ("bernoulli", "gaussian", "laplace", "discretized_logistic", "continuous_bernoulli"),
    "variance": ("optimal", "learned"),
    "beta": ("0", "1e-3", "1", "100", "1e6"),
    "prior": ("standard_normal", "mixture", "flow", "vamp"),
    "prior-components": ("1", "3", "50"),
    "prior-training": ("afterwards", "joint"),
    "prior-temperature": ("0.1", "0.9", "10"),
    "beta-warmup": ("0", "0.5", "1000"),
    "augmentation": ("0", "0.5", "1"),
    "binarize": ("none", "dynamic"),
    "image-size": ("8", "9", "16 12"),
    "memory-budget": ("0", "1", "2048"),
    "batch-size": ("1", "53", "160", "161"),
    "learning-rate": ("1e-30", "1e-3", "0.1", "1e10"),
    "learning-rate-warmup": ("0", "0.5", "100"),
    "schedule": ("cosine", "constant"),
    "weight-decay": ("0", "0.1", "1000"),
    "dropout": ("0", "0.5", "0.9"),
    "input-noise": ("0", "1", "10"),
    "patience": ("0", "1"),
    "importance-epochs": ("0", "1", "1000"),
    "importance-samples": ("2", "9"),
    "sharpening-epochs": ("0", "1"),
    "gradient-clip": ("0", "1e-9", "1"),
    "weight-average": ("0", "0.5", "0.995"),
    "xla": ("on", "updates", "off"),
    "mixed-precision": ("on", "off"),
    "steps-per-execution": ("1", "10"),
    "grid-every": ("0", "1"),
    "projector-every": ("0", "1"),
    "histogram-every": ("0", "1"),
}  # each with values that are usual, and others that are at an end of what is allowed


def configurations(main: Main, folder: Path) -> Try:
    """Files of configurations, edited."""
    del main, folder
    steps = _Steps()

    def attempt(rng: np.random.Generator) -> str:
        preset = list(PRESETS)[int(rng.integers(0, len(PRESETS)))]
        text = edited_json(json.loads(TrainConfig.from_preset(preset).to_json()), rng)
        with refusing() as answer:
            config = TrainConfig.from_json(text)
            if TrainConfig.from_json(config.to_json()) != config:
                raise AssertionError("the configuration does not survive its own file")
            config.suited_to(int(rng.integers(1, 60_000)))
            answer.outcome = steps.train(config)
        return answer.outcome

    return attempt


def combinations(main: Main, folder: Path) -> Try:
    """Options that may be given, with values at an end of what is allowed."""
    del main, folder
    steps = _Steps()

    def attempt(rng: np.random.Generator) -> str:
        parser = argparse.ArgumentParser()
        add_arguments(parser, TrainConfig, PRESETS)
        with refusing() as answer:
            options = given_options(parser.parse_args([*TWO_STEPS, *_options(rng)]), TrainConfig)
            answer.outcome = steps.train(TrainConfig.from_preset("default", **options))
        return answer.outcome

    return attempt


def command_lines(main: Main, folder: Path) -> Try:
    """Words after `train`: options with values that may be anything."""
    steps = _Steps()
    flags = ["--" + name.replace("_", "-") for name in TrainConfig.__dataclass_fields__] + ["--run", "--resume", "--x"]

    def attempt(rng: np.random.Generator) -> str:
        words = ["train", "--root", str(folder)]
        for _ in range(rng.integers(1, 4)):
            words.append(flags[int(rng.integers(0, len(flags)))])
            values = [VALUES[int(rng.integers(0, len(VALUES)))] for _ in range(rng.integers(0, 3))]
            words += [str(value).replace("\0", "") for value in values]
        code, output = outcome(main, [*words, "--show"])
        if any(folder.iterdir()):
            raise AssertionError(f"{words} has written something")
        if code == 0:
            if output.startswith("usage:"):
                return TAKEN
            with refusing() as answer:
                answer.outcome = steps.train(TrainConfig.from_json(output))
            return answer.outcome
        lines = output.splitlines()
        if code != 2 or "error: " not in lines[-1]:
            raise AssertionError(f"{words} ended with {code}: {lines[-1:]}")
        return REFUSED

    return attempt


def trainings(main: Main, folder: Path) -> Try:
    """Each combination of options is trained for an epoch of two steps, or refused before anything is written."""
    pictures, root = write_pictures(folder / "pictures"), folder / "root"

    def attempt(rng: np.random.Generator) -> str:
        words = ["train", "--run", "tried", "--dataset", str(pictures), "--root", str(root), *TWO_STEPS, *_options(rng)]
        shutil.rmtree(root, ignore_errors=True)
        code, output = outcome(main, words)
        if code not in (0, 2) or (code == 2 and "error: " not in output.splitlines()[-1]):
            raise AssertionError(f"{words} ended with {code}: {output.splitlines()[-1:]}")
        if damaged := damaged_files(root):
            raise AssertionError(f"{words} left {damaged}")
        if code == 2 and (root / "saved_models").exists() and "The loss became" not in output:
            raise AssertionError(f"{words} left a run that it refused")
        return TRAINED if code == 0 else REFUSED

    return attempt


def _options(rng: np.random.Generator) -> list[str]:
    words = []
    for option in rng.choice(list(OPTIONS), int(rng.integers(1, 6)), replace=False):
        value = OPTIONS[option][int(rng.integers(0, len(OPTIONS[option])))]
        words += [f"--{option}", *value.split()]
    return words


class _Steps:
    """Trains configurations for two steps of ten tiny images, without what a run writes."""

    def __init__(self) -> None:
        images = np.random.default_rng(0).integers(0, 256, (30, *SHAPE), np.uint8)
        self.data: ImageData = open_dataset((images, np.arange(30) % 3), name="noise")
        self.left = TIME

    def train(self, config: TrainConfig) -> str:
        """Train for two steps with what a configuration says, but for its data, and what would only take time."""
        if self.left <= 0:
            return TAKEN
        start = time.monotonic()
        try:
            cheap: dict[str, Any] = {"epochs": 1, "batch_size": 10, "xla": "off", "distribute": "auto"}
            cheap["widths"] = config.widths and tuple(min(8, width) for width in config.widths)
            cheap["prior_components"] = min(4, config.prior_components)
            config = config.replace(**cheap, init_from=None)
            model = compiled_model(config, self.data)
            fit_model(model, config, self.data)
            if not all(np.isfinite(weight).all() for weight in model.get_weights()):
                raise AssertionError(f"{config} is trained to weights that are not finite")
        finally:
            keras.backend.clear_session()
            self.left -= time.monotonic() - start
        return TRAINED
