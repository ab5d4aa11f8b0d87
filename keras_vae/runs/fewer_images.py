"""What a configuration changes where there are fewer images than its preset is tuned for."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from keras_vae.runs.limits import MOST

if TYPE_CHECKING:
    from keras_vae.runs.config import TrainConfig

__all__ = ["options_for"]


TUNED_FOR, TUNED_FOR_BY_PRESET = 50_000, {"colour": 10_000}  # training images
LEAST_STEPS, SMALLEST_BATCH = 20, 16  # in an epoch; images, where there are so many
LONGEST = 3  # times the epochs
MEMBERS_OF_A_GAUSSIAN = 20  # training images: where there are fewer, a mixture that is fitted leaves Gaussians unused
EVERY = ("grid_every", "projector_every", "histogram_every")  # epochs


def options_for(config: TrainConfig, images: int, given: Collection[str] = ()) -> dict[str, Any]:
    """The options that `TrainConfig.suited_to` changes.

    Args:
        config: that of a preset, or near it.
        images: of the training split.
        given: options that stay as they are, and that the others follow.

    Returns:
        Values by option; none where there are as many images as in what the preset is tuned for, or more.
    """
    tuned_for = TUNED_FOR_BY_PRESET.get(config.preset, TUNED_FOR)
    if images >= tuned_for:
        return {}
    batch = config.batch_size
    if "batch_size" not in given:
        batch = min(batch, max(images // LEAST_STEPS, min(images, SMALLEST_BATCH)))
    is_mixture = config.is_prior_fitted and config.prior == "mixture"
    most_components = max(1, images // MEMBERS_OF_A_GAUSSIAN) if is_mixture else MOST
    tuned_steps, steps = tuned_for // config.batch_size, images // max(1, batch)
    longer = min(LONGEST, max(1.0, tuned_steps / max(1, steps)))
    epochs = config.epochs if "epochs" in given else min(MOST, round(longer * config.epochs))
    wanted = {
        "epochs": epochs,
        "importance_epochs": min(MOST, round(config.importance_epochs * epochs / config.epochs)),
        "batch_size": batch,
        "prior_components": min(config.prior_components, most_components),
        "learning_rate": float(f"{config.learning_rate * math.sqrt(batch / config.batch_size):.2g}"),
        **{name: min(MOST, round(longer * getattr(config, name))) for name in EVERY},
        **{
            name: min(MOST, round(longer * getattr(config, name), 1))
            for name in ("beta_warmup", "learning_rate_warmup")
        },
    }
    return {name: value for name, value in wanted.items() if name not in given}
