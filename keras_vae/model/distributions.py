"""The diagonal Gaussian posterior and the likelihoods of images: pure functions on tensors, all in nats per image."""

import math
from typing import Any, Literal, TypeAlias, get_args

import tensorflow as tf

__all__ = [
    "LIKELIHOODS",
    "SMALLEST_VARIANCE",
    "WITH_VARIANCE",
    "Likelihood",
    "Tensor",
    "bernoulli_nll",
    "best_variance",
    "continuous_bernoulli_mean",
    "continuous_bernoulli_nll",
    "deviations",
    "discretized_logistic_mean",
    "discretized_logistic_nll",
    "gaussian_kl",
    "gaussian_log_density",
    "gaussian_nll",
    "gaussian_sample",
    "laplace_nll",
    "likelihood_mean",
    "likelihood_nll",
]

Tensor: TypeAlias = Any  # TensorFlow ships no types

Likelihood = Literal["bernoulli", "gaussian", "laplace", "discretized_logistic", "continuous_bernoulli"]
LIKELIHOODS: tuple[Likelihood, ...] = get_args(Likelihood)
WITH_VARIANCE: tuple[Likelihood, ...] = ("gaussian", "laplace")  # one for all pixels, whose best value is known

GREY_VALUES = 256

# The variance of rounding to one of 256 grey values: no likelihood must claim to know the pixels better.
SMALLEST_VARIANCE = 1.0 / (12.0 * 255.0**2)

LOG_TWO_PI = math.log(2.0 * math.pi)


def gaussian_sample(mean: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
    """Draw from a diagonal Gaussian by reparametrisation (Kingma & Welling 2014, section 2.4).

    Args:
        mean: `(..., d)`.
        log_var: `(..., d)`, logarithm of the variances.
        noise: `(..., d)`, drawn from N(0, I); leading axes broadcast.

    Returns:
        `(..., d)` samples, differentiable in `mean` and `log_var`.
    """
    return mean + tf.exp(0.5 * log_var) * noise


def gaussian_kl(mean: Tensor, log_var: Tensor, prior_mean: Tensor = 0.0, prior_log_var: Tensor = 0.0) -> Tensor:
    """KL of a Gaussian to another one, N(0, 1) if no other, by dimension (Kingma & Welling 2014, appendix B).

    Args:
        mean: `(n, d)`.
        log_var: `(n, d)`.
        prior_mean: `(n, d)` or a number.
        prior_log_var: `(n, d)` or a number.

    Returns:
        `(n, d)` nats, each at least 0; their sum over `d` is the `kl` of an image.
    """
    log_ratio = log_var - prior_log_var
    # expm1 keeps the small values of nearly inactive dimensions from drowning in rounding.
    return 0.5 * (tf.square(mean - prior_mean) * tf.exp(-prior_log_var) + tf.math.expm1(log_ratio) - log_ratio)


def gaussian_log_density(values: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    """Log density of a diagonal Gaussian.

    Args:
        values: `(..., d)`.
        mean: `(..., d)` or a number.
        log_var: `(..., d)` or a number.

    Returns:
        `(...)` nats, summed over the last axis.
    """
    nats = LOG_TWO_PI + log_var + tf.square(values - mean) * tf.exp(-log_var)
    return -0.5 * tf.reduce_sum(nats, axis=-1)


def bernoulli_nll(images: Tensor, logits: Tensor) -> Tensor:
    """Negative log-likelihood of independent Bernoulli pixels; for grey pixels, the cross-entropy.

    A grey value is read as the probability of a white pixel, so that the result is the expected nats over binarised
    versions of the image; it cannot fall below the entropy of the image itself.

    Args:
        images: `(..., h, w, c)` in [0, 1].
        logits: same shape, log odds of a white pixel.

    Returns:
        `(...)` nats per image.
    """
    return _sum_over_pixels(tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits))


def continuous_bernoulli_nll(images: Tensor, logits: Tensor) -> Tensor:
    """Negative log density of independent continuous Bernoulli pixels (Loaiza-Ganem & Cunningham 2019, equation 4).

    In the logit `t` the density is `exp(x t - A(t))` on [0, 1] with `A(t) = t/2 + log(sinh(t/2) / (t/2))`.

    Args:
        images: `(..., h, w, c)` in [0, 1].
        logits: same shape, the natural parameter.

    Returns:
        `(...)` nats per image; a density, so it can be negative.
    """
    return _sum_over_pixels((0.5 - images) * logits + _log_sinhc(0.5 * logits))


def continuous_bernoulli_mean(logits: Tensor) -> Tensor:
    """Mean of a continuous Bernoulli, `A'(t) = 1/2 + (coth(t/2) - 2/t) / 2`: not the sigmoid of its logit.

    Args:
        logits: any shape, the natural parameter.

    Returns:
        The same shape, in (0, 1).
    """
    half = 0.5 * logits
    small = tf.abs(half) < 0.1
    safe = tf.where(small, tf.ones_like(half), half)
    langevin = 1.0 / tf.tanh(safe) - 1.0 / safe
    series = half / 3.0 - half**3 / 45.0
    return 0.5 + 0.5 * tf.where(small, series, langevin)


def gaussian_nll(images: Tensor, means: Tensor, variance: Tensor) -> Tensor:
    """Negative log density of Gaussian pixels that share one variance.

    Args:
        images: `(..., h, w, c)` in [0, 1].
        means: same shape, in [0, 1].
        variance: a positive number; the mean squared error per pixel is the best one (Rybkin et al. 2021, equation 6).

    Returns:
        `(...)` nats per image; a density, so it can be negative.
    """
    return 0.5 * _sum_over_pixels(LOG_TWO_PI + tf.math.log(variance) + tf.square(images - means) / variance)


def laplace_nll(images: Tensor, medians: Tensor, variance: Tensor) -> Tensor:
    """Negative log density of Laplace pixels that share one variance: their absolute errors count, not the squares.

    Args:
        images: `(..., h, w, c)` in [0, 1].
        medians: same shape, in [0, 1]; they are the means too.
        variance: a positive number, `2 b^2` of the scale b; the mean absolute error per pixel is the best scale.

    Returns:
        `(...)` nats per image; a density, so it can be negative.
    """
    scale = tf.sqrt(0.5 * variance)
    return _sum_over_pixels(tf.math.log(2.0 * scale) + tf.abs(images - medians) / scale)


def deviations(likelihood: Likelihood, residuals: Tensor) -> Tensor:
    """What `best_variance` takes the mean of.

    Args:
        likelihood: one of `WITH_VARIANCE`.
        residuals: images less their expected images, any shape.

    Returns:
        The same shape: squares for a Gaussian, absolute values for a Laplace distribution.
    """
    return tf.square(residuals) if likelihood == "gaussian" else tf.abs(residuals)


def best_variance(likelihood: Likelihood, mean_deviation: Tensor) -> Tensor:
    """The variance that makes images most likely.

    Args:
        likelihood: one of `WITH_VARIANCE`.
        mean_deviation: mean over pixels of their `deviations`.

    Returns:
        The mean square itself for a Gaussian; for a Laplace distribution twice the square of the mean absolute value;
        at least that of rounding to a grey value.
    """
    variance = mean_deviation if likelihood == "gaussian" else 2.0 * tf.square(mean_deviation)
    return tf.maximum(variance, SMALLEST_VARIANCE)


def discretized_logistic_nll(images: Tensor, centers: Tensor, scale: Tensor) -> Tensor:
    """Negative log-likelihood of 8-bit pixels under a logistic distribution that is cut into 256 pieces.

    Each grey value has the probability of the values that round to it; black and white have the tails too (Salimans et
    al. 2017, equation 2).

    Args:
        images: `(..., h, w, c)`, multiples of 1/255 in [0, 1].
        centers: same shape, any numbers.
        scale: a positive number, in the units of the images: 1/255 is one grey value.

    Returns:
        `(...)` nats per image, at least 0: a probability of the image as it is stored.
    """
    half = 0.5 / (GREY_VALUES - 1)
    above, below = (images - centers + half) / scale, (images - centers - half) / scale
    # log(F(a) - F(b)) = log F(a) + log F(-b) + log(1 - exp(b - a)), of which no term overflows.
    inside = tf.math.log1p(-tf.exp(-2.0 * half / scale))
    log_above = tf.where(images > 1.0 - half, 0.0, tf.math.log_sigmoid(above))
    log_below = tf.where(images < half, 0.0, tf.math.log_sigmoid(-below))
    is_tail = tf.logical_or(images < half, images > 1.0 - half)
    return -_sum_over_pixels(log_above + log_below + tf.where(is_tail, 0.0, inside))


def discretized_logistic_mean(centers: Tensor, scale: Tensor) -> Tensor:
    """Mean of a logistic distribution whose tails below 0 and above 1 are moved to 0 and 1.

    Args:
        centers: any shape, any numbers.
        scale: a positive number.

    Returns:
        The same shape, in [0, 1]: the integral of `1 - F(x)` from 0 to 1.
    """
    return scale * (tf.math.softplus(centers / scale) - tf.math.softplus((centers - 1.0) / scale))


def likelihood_nll(likelihood: Likelihood, images: Tensor, logits: Tensor, spread: Tensor = 1.0) -> Tensor:
    """Negative log-likelihood of images under the decoder's logits.

    Args:
        likelihood: `bernoulli`, `gaussian` or `laplace` (their mean is the sigmoid of the logit),
            `discretized_logistic` (its center is the line that touches the sigmoid at 0) or `continuous_bernoulli`.
        images: `(..., h, w, c)` in [0, 1].
        logits: same shape.
        spread: of each pixel, the variance of the Gaussian or Laplace distribution or the scale of the logistic one;
            others have none.

    Returns:
        `(...)` nats per image.

    Raises:
        ValueError: there is no such likelihood.
    """
    if likelihood == "gaussian":
        return gaussian_nll(images, tf.sigmoid(logits), spread)
    if likelihood == "laplace":
        return laplace_nll(images, tf.sigmoid(logits), spread)
    if likelihood == "discretized_logistic":
        return discretized_logistic_nll(images, _center(logits), spread)
    if likelihood == "bernoulli":
        return bernoulli_nll(images, logits)
    if likelihood == "continuous_bernoulli":
        return continuous_bernoulli_nll(images, logits)
    raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, not {likelihood!r}.")


def likelihood_mean(likelihood: Likelihood, logits: Tensor, spread: Tensor = 1.0) -> Tensor:
    """Expected image under the decoder's logits.

    Args:
        likelihood: one of `LIKELIHOODS`.
        logits: `(..., h, w, c)`.
        spread: as for `likelihood_nll`; only the logistic distribution's mean depends on it.

    Returns:
        `(..., h, w, c)` in [0, 1].

    Raises:
        ValueError: there is no such likelihood.
    """
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, not {likelihood!r}.")
    if likelihood == "discretized_logistic":
        return discretized_logistic_mean(_center(logits), spread)
    return continuous_bernoulli_mean(logits) if likelihood == "continuous_bernoulli" else tf.sigmoid(logits)


def _center(logits: Tensor) -> Tensor:
    # Half of the pixels of many images are black: a center must be able to lie below 0 to find that likely.
    return 0.5 + 0.25 * logits


def _sum_over_pixels(values: Tensor) -> Tensor:
    return tf.reduce_sum(values, axis=(-3, -2, -1))


def _log_sinhc(values: Tensor) -> Tensor:
    """log(sinh(u) / u), by its series near 0 and without overflow far from it."""
    size = tf.abs(values)
    small = size < 0.1
    safe = tf.where(small, tf.ones_like(size), size)
    far = safe + tf.math.log1p(-tf.exp(-2.0 * safe)) - tf.math.log(2.0 * safe)
    square = tf.square(values)
    return tf.where(small, square / 6.0 - tf.square(square) / 180.0, far)
