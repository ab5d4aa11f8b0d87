"""The small run that everything is tried on: its images, and the commands that make it."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["EVALUATE", "EXPLORE", "NAME", "REPORT", "SIDE", "TRAIN", "write_pictures"]

SIDE, CLASSES, IMAGES = 8, 3, 240  # pixels; of these images a sixth is for tests, as many as an exploration needs
NAME = "small"
TRAIN = tuple(
    shlex.split(
        "train --run small --epochs 3 --batch-size 20 --widths 8 --latent-dim 3 --prior-components 3 --grid-every 1 "
        "--projector-every 1 --histogram-every 1 --steps-per-execution 1 --xla off --mixed-precision off"
    )
)
EVALUATE = tuple(shlex.split("evaluate small --importance-samples 3 --features none"))
EXPLORE = tuple(shlex.split("explore small --neighbours 5 --perplexity 5 --pairs 4 --repeats 2 --steps 4"))
REPORT = tuple(shlex.split("report small"))


def write_pictures(folder: Path, seed: int = 0) -> Path:
    """Write a small data set: grey images of three classes, in a folder for each."""
    rng = np.random.default_rng(seed)
    for number in range(IMAGES):
        place = folder / f"class-{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        image = rng.integers(0, 90, (SIDE, SIDE), np.uint8)
        image[2 * (number % CLASSES) : 2 * (number % CLASSES) + 3] += 150
        Image.fromarray(image).save(place / f"{number:03}.png")
    return folder
