"""Runs that differ by their seed alone -> the mean and the spread of what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from keras_vae.evaluation import MEASURES
from keras_vae.runs import TrainConfig

__all__ = ["differ_by_seed", "spread_over_seeds"]


def differ_by_seed(configs: Sequence[TrainConfig]) -> bool:
    """Whether there are several configurations, each with another seed and all the rest alike."""
    are_seeds_different = len({each.seed for each in configs}) == len(configs) > 1
    return are_seeds_different and all(each.replace(seed=0) == configs[0].replace(seed=0) for each in configs)


def spread_over_seeds(all_metrics: Sequence[Mapping[str, Any]], name: str) -> str:
    """Put what was measured of several runs into one row for each measure.

    Args:
        all_metrics: what `evaluate` returned, one for each run.
        name: what the measurements are filed under.

    Returns:
        A table in Markdown: the mean over the runs, the standard deviation from run to run, the least and the largest.
    """
    measured = [metrics["evaluations"][name]["measurements"] for metrics in all_metrics]
    lines = [f"| {len(measured)} seeds | mean | standard deviation | least | largest |", "| --- |" + " ---: |" * 4]
    for text, digits, measurement in MEASURES:
        values = [each[measurement]["value"] for each in measured if each.get(measurement, {}).get("value") is not None]
        if len(values) == len(measured):
            figures = (statistics.mean(values), statistics.stdev(values), min(values), max(values))
            lines.append(f"| {text} | {' | '.join(f'{figure:.{digits}f}' for figure in figures)} |")
    return "\n".join(lines)
