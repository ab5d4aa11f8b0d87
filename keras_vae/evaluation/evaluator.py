"""Measure a run on a whole split, and write what was found."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from matplotlib.figure import Figure

from keras_vae.evaluation.config import EvaluationConfig
from keras_vae.evaluation.likelihood_study import measure_likelihood, partial_bounds
from keras_vae.evaluation.metrics import Measurement, card_of, comparison, write_metrics
from keras_vae.evaluation.neighbour_study import measure_neighbours
from keras_vae.evaluation.reconstruction_study import measure_reconstruction, plain_pictures
from keras_vae.evaluation.sample_study import measure_samples
from keras_vae.evaluation.subject import open_subject
from keras_vae.evaluation.unusual_study import measure_unusual_images
from keras_vae.files import write_atomically
from keras_vae.plotting import png, rendered
from keras_vae.runs import CARD_FILE, Run, environment
from keras_vae.tensorboard import write_evaluation

__all__ = ["evaluate"]


def evaluate(run: Run, config: EvaluationConfig) -> tuple[str, dict[str, Any]]:
    """Measure a run, and write `metrics.json`, `metrics.md`, its card `README.md`, charts, and what TensorBoard has.

    The files of another protocol than `grey`, or of another data set than the run's own, have its name as a suffix.

    Args:
        run: a trained run.
        config: what to measure.

    Returns:
        The name that the measurements are filed under, and what `metrics.json` holds.

    Raises:
        InputError: the run has no weights, the data do not fit it, the feature network cannot be had, or there
            is no room on the disk.
        KeyboardInterrupt: Ctrl-C; what is done of the bound is kept.
    """
    import resource  # of POSIX alone

    subject = open_subject(run, config)
    if config.features == "auto" and subject.features is None:
        print(f"{run.name}: generated images are not compared, as there are too few images", flush=True)
    start = time.perf_counter()
    measurements: dict[str, Measurement] = {}
    charts: dict[str, Figure] = {}
    for what, measure in (
        ("reconstruction", measure_reconstruction),
        ("likelihood", measure_likelihood),
        ("neighbours", measure_neighbours),
        ("generated images", measure_samples),
        ("unusual images", measure_unusual_images),
    ):
        print(f"{run.name}: {what}", flush=True)
        measured, drawn = measure(subject)
        measurements |= measured
        charts |= drawn
    settings = {
        **dataclasses.asdict(config),
        "dataset": subject.data.name,
        "seconds": round(time.perf_counter() - start, 1),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10,
        **environment(),
    }

    suffix = "" if subject.name == "grey" else f"-{subject.name}"
    pictures = {title: rendered(chart) for title, chart in charts.items()}
    for title, picture in pictures.items():
        write_atomically(run.figures / f"{title}{suffix}.png", png(picture))
    if subject.is_own_data and subject.split == "test":  # the report shows them as test images
        for title, picture in plain_pictures(subject).items():
            write_atomically(run.figures / "plain" / f"{title}.png", png(picture))
    metrics = write_metrics(run, subject.digest, subject.name, settings, measurements)
    run.write(CARD_FILE, card_of(run, metrics))
    run.write(f"metrics{suffix}.md", comparison([metrics], subject.name) + "\n")
    partial_bounds(subject).unlink(missing_ok=True)
    values = {name: each.value for name, each in measurements.items() if isinstance(each.value, (int, float))}
    write_evaluation(run, values, pictures, name=subject.name, step=run.config.epochs)
    return subject.name, metrics
