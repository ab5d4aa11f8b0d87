"""A configuration -> a run that is trained and measured, each only where it is not yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig, evaluate, read_metrics
from keras_vae.files import expanded
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import resume, train

__all__ = ["MINUTES", "known_measurements", "measurements", "trained_run"]

EVALUATION = EvaluationConfig(split="validation", importance_samples=20)
FILED_UNDER = "grey-validation"
MINUTES = "training.minutes"


def trained_run(config: TrainConfig, name: str, root: Path) -> Run:
    """Train a run, go on with one that was interrupted, or find one that is finished.

    Raises:
        InputError: the name is that of a run of another configuration; and as `train`.
    """
    if not (root / "saved_models" / name / "config.json").is_file():
        return train(config, name, root)
    run = Run.open(name, root)
    if not _is_of(run, config):
        raise InputError(f"{run.folder} is a run of another configuration: give another --root.")
    return run if run.is_finished else resume(run)


def measurements(run: Run) -> Mapping[str, Any]:
    """What is measured of a run on the validation split, by the names of the measurements."""
    known = _known(run)
    return evaluate(run, EVALUATION)[1]["evaluations"][FILED_UNDER]["measurements"] if known is None else known


def known_measurements(config: TrainConfig, name: str, root: Path) -> Mapping[str, Any] | None:
    """What was measured of a finished run of a configuration, and the minutes that it was trained for.

    Returns:
        The measurements by their names; None where there is no such run, or it is still to be measured.
    """
    run = Run(name, root.resolve())
    try:
        known = _known(run) if run.is_finished and _is_of(run, config) else None
        return known and {**known, MINUTES: {"value": run.summary["seconds"] / 60}}
    except InputError:  # which is told when it is that run's turn
        return None


def _known(run: Run) -> Mapping[str, Any] | None:
    known = read_metrics(run).get("evaluations", {}).get(FILED_UNDER)
    return known["measurements"] if known and known["importance_samples"] == EVALUATION.importance_samples else None


def _is_of(run: Run, config: TrainConfig) -> bool:
    # A run keeps absolute paths of these, and the network that was chosen for its images.
    kept = run.config
    if not (_is_data_of(run, kept.dataset, config.dataset) and _is_start(run, kept.init_from, config.init_from)):
        return False
    alike = ("dataset", "data_dir", "init_from", *(["network"] if config.network == "auto" else []))
    return kept.replace(**{name: getattr(config, name) for name in alike}) == config


def _is_data_of(run: Run, kept: str, wanted: str) -> bool:
    """Whether a data set is the one that a run is trained on: by its name, by its path, or by the run's own copy."""
    if wanted == kept:
        return True
    path = expanded(wanted).resolve()
    return path == (run.data.resolve() if run.data.is_dir() else Path(kept))


def _is_start(run: Run, kept: str | None, wanted: str | None) -> bool:
    """Whether both name the run whose weights a run started from, which may be gone since; or both name none."""
    if kept is None or wanted is None:
        return kept == wanted
    return Run.named(wanted, run.root) == Run.named(kept, run.root)
