"""How a run is made again: the commands, as a shell takes them."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

from keras_vae.command_line import command_options
from keras_vae.evaluation import EvaluationConfig
from keras_vae.files import typed_command
from keras_vae.latent_space import ExplorationConfig
from keras_vae.report.inputs import configuration
from keras_vae.report.text import network_of
from keras_vae.runs import Run

__all__ = ["commands"]

LINE, LONGEST_RUN = 40, 60  # letters of a line, and of a run that is named in each command


def commands(run: Run, metrics: Mapping[str, Any], latent: Mapping[str, Any]) -> list[list[str]]:
    """The commands that make a run and its report again, each in lines that a shell takes as they are.

    An evaluation or exploration with default settings is left out, as the report makes it.

    Args:
        run: trained, evaluated and explored.
        metrics: what `metrics.json` holds.
        latent: what `latent.json` holds.
    """
    name = run.name if len(run.name) <= LONGEST_RUN else "RUN"  # the page has room for such a name once
    found = [[typed_command("train"), "--run", run.name, *run.train_options()]]
    for settings in metrics["evaluations"].values():
        config = configuration(EvaluationConfig, settings)
        own = config.dataset in (None, run.config.dataset)
        given = dataclasses.replace(config, dataset=None) if own else config
        shown = network_of(settings["measurements"])
        if shown and config.features in {"none", "inception"} - {shown}:  # shown is what was measured before that
            features = "inception" if shown == "inception" else "auto"
            given = dataclasses.replace(given, features=features, inception_weights=None)
        options = ["--protocol", config.protocol] if config.protocol != EvaluationConfig().protocol else []
        options += command_options(given, EvaluationConfig(config.protocol))  # which decides on the number of samples
        if options:
            found.append([typed_command("evaluate"), name, *options])
    if options := command_options(configuration(ExplorationConfig, latent["settings"]), ExplorationConfig()):
        found.append([typed_command("explore"), name, *options])
    found.append([typed_command("report"), name])
    return [_in_lines(each) for each in found]


def _in_lines(words: list[str]) -> list[str]:
    """Break a command before its options, with what a shell needs there."""
    parts = [words[0]]
    for quoted in map(shlex.quote, words[1:]):
        if quoted.startswith("--"):
            parts.append(quoted)
        else:
            parts[-1] += f" {quoted}"
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) < LINE:
            lines[-1] += f" {part}"
        else:
            lines[-1] += " \\"
            lines.append(f"  {part}")
    return lines
