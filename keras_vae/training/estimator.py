"""A VAE as a transformer of scikit-learn: images in, latents out, trained as the command `train` does."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from keras_vae.data import ROUNDING, ImageData, range_of
from keras_vae.errors import InputError
from keras_vae.runs import TrainConfig
from keras_vae.training.compilation import compiled_model
from keras_vae.training.fitting import fit_model

__all__ = ["LatentEncoder"]

BATCH = 500
LEAST_IMAGES = 4  # two to learn from, two to hold out
FIELDS = (  # arguments that are fields of a `TrainConfig`
    "latent_dim",
    "network",
    "widths",
    "likelihood",
    "beta",
    "prior",
    "prior_components",
    "epochs",
    "batch_size",
    "learning_rate",
    "augmentation",
)


class LatentEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Turn images into the means of their posteriors under a VAE that is trained on them.

    Images are `(n, h, w)`, `(n, h, w, c)` or, as in scikit-learn's own data sets, rows of pixels `(n, features)`; uint8
    in [0, 255], or numbers in [0, 1], which are rounded to 8 bits for training. Nothing is written to disk. An argument
    that is None takes the value of the preset; of few images epochs, batch and learning rate follow their number.

    Args:
        preset: a named set of options, those of the command `train`.
        latent_dim: size of the latent space, d.
        network: `dense`, `convolutional`, or `auto`, which takes one by the size of the images.
        widths: hidden widths from the image inwards.
        likelihood: distribution of the pixels.
        beta: weight of the KL.
        prior: distribution of the latents.
        prior_components: Gaussians of a mixture, images of a VampPrior, couplings of a flow.
        epochs: passes over the training images; half as many follow in which the decoder of a Gaussian likelihood
            learns alone (`keras_vae.model.sharpen`), but for presets that leave them out.
        batch_size: images in a training step; where there are fewer, all of them.
        learning_rate: peak learning rate.
        augmentation: share of the training in which images are varied too, in [0, 1].
        image_shape: `(h, w)` or `(h, w, c)` of images that are given as rows; None takes a row as pixels without
            neighbours, which are never varied.
        validation_fraction: share of the images, drawn at random, that nothing is learned from; the variance of a
            Gaussian likelihood is that of their residuals. In (0, 1).
        importance_samples: posterior samples of each image in `score_samples`, at least 1.
        random_state: seed of weights, order and noise; an integer, a `RandomState`, or None for another at every fit.
        verbose: 0 is silent, 1 shows Keras's progress bar, 2 a line for each epoch.

    Attributes:
        model_: the trained `VAE`.
        config_: the `TrainConfig` that it was trained by.
        history_: one list of values for each figure that Keras logs, an epoch each.
        image_shape_: `(h, w, c)`.
        n_features_in_: features of a row; of images in rows and columns, their height.

    Example:
        >>> import numpy as np
        >>> images = np.random.default_rng(0).integers(0, 256, (64, 8, 8), np.uint8)
        >>> encoder = LatentEncoder("quick", latent_dim=3, epochs=2, random_state=0)
        >>> encoder.fit_transform(images).shape
        (64, 3)
    """

    def __init__(
        self,
        preset: str = "default",
        *,
        latent_dim: int | None = None,
        network: str | None = None,
        widths: Sequence[int] | None = None,
        likelihood: str | None = None,
        beta: float | None = None,
        prior: str | None = None,
        prior_components: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        augmentation: float | None = None,
        image_shape: Sequence[int] | None = None,
        validation_fraction: float = 0.1,
        importance_samples: int = 100,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.preset = preset
        self.latent_dim = latent_dim
        self.network = network
        self.widths = widths
        self.likelihood = likelihood
        self.beta = beta
        self.prior = prior
        self.prior_components = prior_components
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.augmentation = augmentation
        self.image_shape = image_shape
        self.validation_fraction = validation_fraction
        self.importance_samples = importance_samples
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> LatentEncoder:  # noqa: N803 (scikit-learn's name)
        """Train a VAE on images.

        Args:
            X: images, as the class has them; at least 4.
            y: not looked at.

        Raises:
            InputError: the images or an argument cannot be used, or the loss became NaN or infinite.
        """
        if not 0.0 < self.validation_fraction < 1.0:
            raise InputError(f"validation_fraction must lie between 0 and 1, not {self.validation_fraction}.")
        if self.importance_samples < 1:
            raise InputError(f"importance_samples must be at least 1, not {self.importance_samples}.")
        pixels = self._pixels(X, reset=True)
        if len(pixels) < LEAST_IMAGES:
            raise InputError(f"n_samples = {len(pixels)} is too few: a VAE needs at least {LEAST_IMAGES} images.")
        generator = check_random_state(self.random_state)
        seed = int(generator.randint(2**31 - 1))
        data = _held_in_memory(_to_8_bits(pixels), self.validation_fraction, generator)
        config = self._config(data.counts["train"], seed)
        model = compiled_model(config, data)
        fit_model(model, config, data, verbose=self.verbose)
        self.model_, self.config_, self.history_ = model, config, model.history.history
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Give the mean of each image's posterior, `(n, d)` float32."""
        check_is_fitted(self)
        pixels = self._pixels(X, reset=False)
        return np.concatenate([self.model_.encode(batch)[0].numpy() for batch in _batches(pixels)])

    def inverse_transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Give the image that is expected of each latent, in the shape of the images of `fit`.

        It is of uint8 where they were, and else of float32 in [0, 1].

        Args:
            X: latents `(n, d)`.
        """
        check_is_fitted(self)
        latents = np.asarray(X, np.float32)
        if latents.ndim != 2 or latents.shape[1] != self._n_features_out:
            raise InputError(f"Latents must be (n, {self._n_features_out}), not {latents.shape}.")
        decoded = [self.model_.decode(latents[at : at + BATCH]).numpy() for at in range(0, len(latents), BATCH)]
        images = np.concatenate(decoded).reshape(len(latents), *self._given_shape)
        return _to_8_bits(images) if self._given_as_8_bits else images

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Bound the log-likelihood of each image: the importance-weighted bound (Burda et al. 2016, equation 8).

        The same image has the same score at every call and in any order of the images; beside other images the same
        but for the rounding of float32. For Bernoulli pixels and discretised ones it is of a probability, otherwise of
        a density: scores of different likelihoods cannot be compared.

        Returns:
            `(n,)` nats per image.
        """
        check_is_fitted(self)
        samples, seed = tf.constant(int(self.importance_samples)), tf.constant((0, 0))
        log_likelihood = functools.partial(self.model_.log_likelihood, shared_noise=True)
        bound = tf.function(log_likelihood, autograph=False, reduce_retracing=True)
        pixels = self._pixels(X, reset=False)
        # Where an image lies in a batch decides how its sums are rounded: sorted, it lies there in every order of X.
        rows, where = np.unique(pixels.reshape(len(pixels), -1), axis=0, return_inverse=True)
        distinct = rows.reshape(-1, *self.image_shape_)
        bounds = [bound(batch, samples, seed).numpy() for batch in _batches(distinct)]
        return np.concatenate(bounds)[where.reshape(-1)]

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Give the mean of `score_samples`, in nats per image: the larger, the better the model explains the images."""
        return float(np.mean(self.score_samples(X)))

    @property
    def _n_features_out(self) -> int:
        return int(self.model_.latent_dim)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _config(self, images: int, seed: int) -> TrainConfig:
        """What the command would train with: what is not given follows the number of images."""
        given = {name: _plain(value) for name in FIELDS if (value := getattr(self, name)) is not None}
        config = TrainConfig.from_preset(self.preset, **given, seed=seed).suited_to(images, given)
        has_neighbours = len(self._given_shape) > 1 or self.image_shape is not None
        return config.replace(
            batch_size=min(config.batch_size, images), augmentation=config.augmentation if has_neighbours else 0.0
        )

    def _pixels(self, X: Any, *, reset: bool) -> np.ndarray:  # noqa: N803
        """Images `(n, h, w, c)`, uint8 or float32 in [0, 1]; `reset` takes their form as the one that is expected."""
        given = validate_data(self, X, reset=reset, allow_nd=True, dtype="numeric")
        if given.dtype != np.uint8:
            given = given.astype(np.float32)
            if given.min() < -ROUNDING or given.max() > 1.0 + ROUNDING:
                raise InputError(
                    f"X has values from {given.min():g} to {given.max():g}: give numbers in [0, 1], such as X / 255, "
                    "or uint8 in [0, 255]."
                )
            given = given.clip(0.0, 1.0)
        elif reset or not self._given_as_8_bits:
            range_of(given.dtype, given.min(), given.max(), "X", "give X.astype(bool) where 1 is white, or X / 255.")
        if reset:
            self._given_shape = given.shape[1:]
            self._given_as_8_bits: bool = given.dtype == np.uint8
            self.image_shape_ = _image_shape(self._given_shape, self.image_shape)
        elif given.shape[1:] != self._given_shape:
            raise InputError(f"X has images of shape {given.shape[1:]}, those of fit had {self._given_shape}.")
        return given.reshape(len(given), *self.image_shape_)


def _held_in_memory(pixels: np.ndarray, fraction: float, generator: np.random.RandomState) -> ImageData:
    held_out = min(max(2, round(fraction * len(pixels))), len(pixels) - 2)
    order = generator.permutation(len(pixels))
    # In their own order, so that what is learned does not depend on how the draw has mixed them.
    validation, train = np.sort(order[:held_out]), np.sort(order[held_out:])
    return ImageData.of_pixels(pixels[train], pixels[validation])


def _plain(value: Any) -> Any:
    """A number of Python for one of numpy, as a search over `np.logspace` sets it."""
    return value.item() if isinstance(value, np.generic) else value


def _image_shape(given: tuple[int, ...], rows: Sequence[int] | None) -> tuple[int, int, int]:
    shape = given
    if len(given) == 1:
        shape = (1, *given) if rows is None else tuple(rows)
        if np.prod(shape) != given[0]:
            raise InputError(f"image_shape {shape} has {np.prod(shape)} values, the rows of X have {given[0]}.")
    elif rows is not None and tuple(rows) != given:
        raise InputError(f"image_shape is {tuple(rows)}, the images of X have {given}.")
    if len(shape) not in (2, 3):
        raise InputError(f"X must be (n, h, w), (n, h, w, c) or rows of pixels, not (n, {', '.join(map(str, given))}).")
    height, width, channels = (*shape, 1)[:3]
    return int(height), int(width), int(channels)


def _batches(pixels: np.ndarray) -> list[np.ndarray]:
    scale = np.float32(255 if pixels.dtype == np.uint8 else 1)
    return [pixels[at : at + BATCH] / scale for at in range(0, len(pixels), BATCH)]


def _to_8_bits(images: np.ndarray) -> np.ndarray:
    return images if images.dtype == np.uint8 else np.round(images * np.float32(255)).astype(np.uint8)
