"""Configurations by what is wanted of them: each names only what differs from the defaults of `TrainConfig`."""

from typing import Any

__all__ = ["PRESETS"]

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "quick": {
        "latent_dim": 32,
        "widths": (512, 512),
        "beta": 0.3,
        "epochs": 6,
        "batch_size": 250,
        "learning_rate": 2e-3,
        "augmentation": 0.0,
        "prior_components": 100,
        "grid_every": 2,
        "histogram_every": 2,
    },
    "samples": {
        "latent_dim": 64,
        "widths": (2048, 1024),
        "epochs": 110,
        "learning_rate": 4e-3,
        "prior_components": 2000,
        "prior_temperature": 0.9,
    },
    # These two are for a small squared error, which medians do not have.
    "compress": {
        "latent_dim": 64,
        "widths": (2048, 1024),
        "augmentation": 0.9,
        "epochs": 45,
        "learning_rate": 4e-3,
        "sharpening_epochs": 0,
    },
    "manifold": {
        "latent_dim": 2,
        "widths": (1024, 1024, 512),
        "beta": 0.3,
        "epochs": 45,
        "learning_rate": 3e-3,
        "augmentation": 0.0,
        "sharpening_epochs": 0,
        "prior_components": 100,
    },
    "benchmark": {
        "latent_dim": 80,
        "levels": 2,
        "widths": (640, 640),
        "likelihood": "bernoulli",
        "binarize": "dynamic",
        "beta": 1.0,
        "beta_warmup": 40.0,
        "prior": "vamp",
        "prior_components": 500,
        "epochs": 520,
        "importance_epochs": 60,
        "learning_rate": 2e-3,
        "weight_decay": 0.03,
        "gradient_clip": 50.0,
        "augmentation": 0.9,
        "grid_every": 50,
        "histogram_every": 50,
    },
    "colour": {
        "dataset": "colour_shapes",
        "latent_dim": 32,
        "network": "convolutional",
        "likelihood": "discretized_logistic",
        "beta": 1.0,
        "prior_components": 400,
        "epochs": 40,
        "batch_size": 50,
        "learning_rate": 2e-3,
    },
}
