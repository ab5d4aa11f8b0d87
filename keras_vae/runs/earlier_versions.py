"""What a configuration of an earlier version means today."""

from collections.abc import Mapping
from typing import Any

from keras_vae.formats import as_named_today
from keras_vae.runs.limits import WITH_VARIANCE

__all__ = ["FIRST_VERSION", "with_options_of_its_time"]

FIRST_VERSION = "0.1.0"  # which did not write its number
EARLIER_VERSIONS = (FIRST_VERSION, "0.2.0")

# What those versions did where theirs had no such option, or left it to the network.
BEFORE = {
    "prior": "standard_normal",
    "prior_components": 300,
    "prior_training": "afterwards",
    "augmentation": 0.0,
}
# Options that a configuration may lack, whatever its version: without them, all is as it was before there were any.
ADDED: dict[str, Any] = {
    "image_size": None,
    "value_range": None,
    "held_out": "in_order",
    "distribute": "auto",
    "levels": 1,
    "init_from": None,
    "variance": "optimal",
    "dropout": 0.0,
    "input_noise": 0.0,
    "patience": 0,
    "importance_samples": 8,
    "importance_epochs": 0,
    "sharpening_epochs": 0,
    "prior_temperature": 1.0,
}
WIDTHS_BEFORE = {"dense": [512, 512], "strided": [32, 64]}


def with_options_of_its_time(saved: Mapping[str, Any], version: Any) -> dict[str, Any]:
    """Give a configuration the options that its version did not have, with the values that it went by.

    Args:
        saved: its options, and the `format` that they were written in, where they have any.
        version: the version of this package that wrote it.
    """
    options = {**ADDED, **as_named_today(saved)}
    if version in EARLIER_VERSIONS:
        widths = options.get("widths") or WIDTHS_BEFORE.get(str(options.get("network")))
        options = {**BEFORE, **options, "widths": widths}
    if options["variance"] == "learned" and options.get("likelihood") not in WITH_VARIANCE:
        options["variance"] = "optimal"  # of pixels that have none it was passed over
    return options
