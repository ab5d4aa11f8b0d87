"""What each choice brings: runs that differ from one configuration by one change each, on the validation split."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_vae.errors import InputError
from keras_vae.runs import TrainConfig
from keras_vae.sweeps.trained_runs import measurements, trained_run

__all__ = ["ABLATION", "ablate"]

# One change at a time: what the default would be without one of its choices, or with another.
ABLATION: dict[str, dict[str, Any]] = {
    "none": {},
    "not sharpened": {"sharpening_epochs": 0},
    "Bernoulli likelihood": {"likelihood": "bernoulli"},
    "Laplace likelihood": {"likelihood": "laplace"},
    "discretised logistic likelihood": {"likelihood": "discretized_logistic"},
    "variance learned": {"variance": "learned"},
    "beta 1": {"beta": 1.0},
    "16 latents": {"latent_dim": 16},
    "32 latents": {"latent_dim": 32},
    "64 latents": {"latent_dim": 64},
    "two layers of 512": {"widths": (512, 512)},
    "images not varied": {"augmentation": 0.0},
    "no weight decay": {"weight_decay": 0.0},
    "dropout 0.1": {"dropout": 0.1},
    "noise 0.1 on what is encoded": {"input_noise": 0.1},
    "early stopping, patience 2": {"patience": 2},
    "constant learning rate": {"schedule": "constant"},
    "weights not averaged": {"weight_average": 0.0},
    "prior N(0, I)": {"prior": "standard_normal"},
    "prior of 100 Gaussians": {"prior": "mixture", "prior_components": 100},
    "prior a flow": {"prior": "flow", "prior_components": 8},
}

# Columns of the table: what it says, digits, and the name of the measurement, by the features that there are.
COLUMNS = (
    ("MSE per pixel", 5, "reconstruction.mean.mse_per_pixel"),
    ("SSIM", 4, "reconstruction.mean.ssim"),
    ("active latents", 0, "likelihood.active_units"),
    ("5-NN", 3, "neighbours.accuracy"),
    ("Frechet distance", 2, "generation.{}.frechet_distance"),
    ("precision", 3, "generation.{}.precision"),
    ("recall", 3, "generation.{}.recall"),
)


def ablate(base: TrainConfig, root: Path | str, names: Sequence[str] = ()) -> Iterator[str]:
    """Train and measure each change; what was trained before is not trained again, and what was interrupted goes on.

    Args:
        base: the configuration that is changed.
        root: the folder for the runs.
        names: keys of `ABLATION`; none takes all that the configuration can have.

    Yields:
        The lines of a table in Markdown, each as soon as it is known; before it, which changes are left out, and why.

    Raises:
        InputError: there is no such change, or one that is named does not go with the configuration.
    """
    if unknown := sorted(set(names) - ABLATION.keys()):
        raise InputError(f"There is no change {unknown[0]!r}; choose of {', '.join(map(repr, ABLATION))}.")
    refusals = {name: _refusal(base, name) for name in names or ABLATION}  # before all else
    for name, error in refusals.items():
        if error and names:
            raise InputError(f"The change {name!r} does not go with this configuration: {error}") from error
        if error:
            yield f"{name} is left out: {error}\n"
    yield f"| change | {' | '.join(title for title, *_ in COLUMNS)} | minutes |"
    yield f"| --- |{' ---: |' * (len(COLUMNS) + 1)}"
    for name in (name for name, error in refusals.items() if not error):
        run = trained_run(base.replace(**ABLATION[name]), re.sub(r"\W+", "-", name), Path(root))
        minutes = run.summary["seconds"] / 60
        yield f"| {name} | {' | '.join(_cells(measurements(run)))} | {minutes:.1f} |"


def _refusal(base: TrainConfig, name: str) -> InputError | None:
    try:
        base.replace(**ABLATION[name])
    except InputError as error:
        return error
    return None


def _cells(figures: Mapping[str, Any]) -> Iterator[str]:
    network = "own" if "generation.own.frechet_distance" in figures else "classifier"
    for _, digits, pattern in COLUMNS:
        name = pattern.format(network)
        value = figures[name]["value"] if name in figures else None
        yield "" if value is None else f"{value:.{digits}f}"
