"""What a peer is told and what it answers: settings in a file, then a number of steps on each line of its input."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TextIO

import numpy as np

__all__ = ["Network", "Ready", "Settings", "Train", "serve"]

Network = Literal["example", "default"]
Train = Callable[[int], float]  # a number of steps -> the seconds that they took


@dataclass(frozen=True)
class Settings:
    """What all peers have in common.

    Attributes:
        network: `example` is that of Keras's VAE example: convolutions of stride 2 with 32 and 64 channels, 16 units, 2
            latents, and back by transposed convolutions, Bernoulli pixels. `default` is that of the preset: two layers
            of 1,024 units with SiLU both ways, 40 latents, Gaussian pixels with the best variance of each batch, KL
            times 0.1. Both learn by Adam with 0.001.
        images: file of uint8 (n, h, w, 1).
        batch_size: images in a step.
        seed: of weights, order and noise.
        threads: processor threads.
        variant: how this peer computes, where there are several ways.
    """

    network: Network
    images: str
    batch_size: int
    seed: int
    threads: int
    variant: str = ""

    @property
    def pixels(self) -> np.ndarray:
        """The images, uint8 (n, h, w, 1)."""
        return np.load(self.images)

    def write(self, path: Path) -> None:
        """Put everything into a file."""
        path.write_text(json.dumps(asdict(self)))


@dataclass(frozen=True)
class Ready:
    """A peer that has compiled what it trains.

    Attributes:
        train: trains for some steps.
        version: of what it computes with.
        weights: numbers that it learns.
    """

    train: Train
    version: str
    weights: int


def serve(module: str, settings: str) -> None:
    """Be a peer: let a module make a model of settings, and train it as it is told.

    A line of JSON says on the output that it is ready, or which module is missing; then one for each number of steps.

    Args:
        module: of this package, with a function `make` from settings to what is ready.
        settings: file that they are in.
    """
    answers = _own_output()

    def answer(**content: object) -> None:
        print(json.dumps(content), file=answers, flush=True)

    told = Settings(**json.loads(Path(settings).read_text()))
    # Not all frameworks can be told a number of threads, but all go by the cores that they may use.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: told.threads])
    try:
        ready: Ready = importlib.import_module(f"{__package__}.{module}").make(told)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("keras_vae"):
            raise
        answer(missing=error.name)
        return
    answer(version=ready.version, weights=ready.weights)
    for line in sys.stdin:
        answer(seconds=ready.train(int(line)))


def _own_output() -> TextIO:
    """The output, which nothing else writes to any more: what frameworks print goes to the errors."""
    own = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return own
