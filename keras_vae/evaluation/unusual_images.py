"""Images that a model has not been trained for, and how well a score tells them from others: pure functions."""

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

__all__ = ["SCORES", "UNUSUAL_IMAGES", "auroc", "unusual_images"]

UNUSUAL_IMAGES = {
    "digits": "handwritten digits of scikit-learn, 8 x 8, enlarged",
    "noise": "uniform noise in every pixel",
    "upside_down": "the same images upside down",
    "shifted": "the same images shifted right by a quarter of their width, black where they came from",
}

SCORES = {
    "nll": "bound on the negative log-likelihood",
    "latent": "negative log density of the posterior mean under the prior",
    "error": "squared error of the reconstruction through the posterior mean",
    "combined": "latent and error together: each less its mean and over its standard deviation on validation images",
}


def unusual_images(images: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Make images of the shape and number of others that are unlike them, some little and some much.

    Args:
        images: `(n, h, w, c)` in [0, 1].
        seed: seed of the noise, and of the digits that are drawn.

    Returns:
        `(n, h, w, c)` float32 in [0, 1] for each name of `UNUSUAL_IMAGES`.
    """
    rng = np.random.default_rng(seed)
    shift = max(1, images.shape[2] // 4)
    shifted = np.zeros_like(images)
    shifted[:, :, shift:] = images[:, :, :-shift]
    return {
        "digits": _digits(images.shape, rng),
        "noise": rng.random(images.shape, np.float32),
        "upside_down": images[:, ::-1],
        "shifted": shifted,
    }


def auroc(usual: np.ndarray, unusual: np.ndarray) -> float:
    """How often an unusual image has the higher score of two: the area under the ROC curve, 0.5 by chance.

    Args:
        usual: `(n,)` scores; infinite ones are the highest there are.
        unusual: `(m,)` scores, which should be higher.

    Raises:
        ValueError: one of the scores is not a number.
    """
    scores = np.concatenate([usual, unusual]).astype(np.float64)
    if np.isnan(scores).any():
        raise ValueError("A score is not a number (NaN): there is no order of it and others.")
    scores = np.nan_to_num(scores)  # scikit-learn takes no infinite ones
    return float(roc_auc_score(np.repeat([0, 1], [len(usual), len(unusual)]), scores))


def _digits(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    count, height, width, channels = shape
    chosen = rng.choice(digits := load_digits().images / 16.0, count)
    enlarged = zoom(chosen, (1, height / digits.shape[1], width / digits.shape[2]), order=1)
    return np.repeat(enlarged[..., np.newaxis].clip(0.0, 1.0).astype(np.float32), channels, axis=-1)
