"""What a model that encodes, decodes and has a prior can be asked for: samples, lines between images, likelihoods."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.model.arguments import as_float32, assert_images, check_count, check_images, check_label, check_seed
from keras_vae.model.distributions import Likelihood, Tensor
from keras_vae.model.importance import importance_weighted_bound
from keras_vae.model.learning import ElboModel
from keras_vae.model.levels import Posterior
from keras_vae.model.noise import fresh_seed
from keras_vae.model.priors import Prior

__all__ = ["GenerativeModel"]


class GenerativeModel(ElboModel):
    """A Keras model of images and their latents.

    Attributes:
        likelihood: distribution of the pixels.
        prior: distribution of the latents.
        spread: the number that all pixels share, a variance or a scale.
    """

    likelihood: Likelihood
    prior: Prior
    spread: Tensor

    def posterior(self, images: Tensor, training: bool = False, *arguments: Any) -> Posterior:
        """The posterior of each of `(n, h, w, c)` images in [0, 1], to draw from."""
        raise NotImplementedError

    def encode(self, images: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """`mean` and `log_var` of the posterior of each of `(n, h, w, c)` images in [0, 1], `(n, d)` each."""
        raise NotImplementedError

    def decode(self, latents: Tensor) -> Tensor:
        """Expected image of each of `(n, d)` latents, `(n, h, w, c)` in [0, 1]."""
        raise NotImplementedError

    def decode_logits(self, latents: Tensor, training: bool = False, *arguments: Any) -> Tensor:
        """Parameters of the pixels' distribution for each of `(n, d)` latents, `(n, h, w, c)`."""
        raise NotImplementedError

    def sample(self, count: Tensor, seed: Tensor = None, label: Tensor = None) -> Tensor:
        """New images: the expected images of latents drawn from the prior.

        Args:
            count: how many.
            seed: two integers for the same images at every call; None for new ones, which
                `keras.utils.set_random_seed` decides on.
            label: one of `prior.class_labels`, where the prior was fitted by class; None for any.

        Returns:
            `(count, h, w, c)` in [0, 1].

        Raises:
            ValueError: the prior knows of no classes, or not of this one; no such count, or no such seed.
            InvalidArgumentError: the count or the label is out of its range, within a `tf.function`.
        """
        check_count(count, "count", least=0)
        seed = _given_or_fresh(seed)
        if label is None:
            return self.decode(self.prior.sample(count, seed))
        check_label(label, self.prior.class_labels)
        return self.decode(self.prior.sample_of_class(label, count, seed))

    def interpolate(self, start: Tensor, end: Tensor, steps: Tensor) -> Tensor:
        """Images along the straight line between the posterior means of two images.

        Args:
            start: `(h, w, c)` in [0, 1].
            end: the same shape.
            steps: how many, both ends included where there are two or more.

        Returns:
            `(steps, h, w, c)` in [0, 1].

        Raises:
            ValueError: images of another shape, type or range, or no such number of steps.
        """
        if tf.executing_eagerly():  # within a graph `tf.linspace` says so
            check_count(steps, "steps", least=0)
        for image in (start, end):
            check_images(image[tf.newaxis] if tf.is_tensor(image) else np.asarray(image)[np.newaxis], self.image_shape)
        mean, _ = self.encode(tf.stack([start, end]))
        share = tf.linspace(0.0, 1.0, steps)[:, tf.newaxis]
        return self.decode((1.0 - share) * mean[0] + share * mean[1])

    def log_likelihood(
        self, images: Tensor, samples: Tensor, seed: Tensor = None, *, shared_noise: bool = False
    ) -> Tensor:
        """Importance-weighted bound on the log-likelihood (Burda et al. 2016, equation 8).

        Args:
            images: `(n, h, w, c)` in [0, 1].
            samples: K, posterior samples an image; with 1 it is an estimate of the ELBO, and it grows with K.
            seed: two integers; None for new noise at every call.
            shared_noise: takes the same noise for all images, so that with a seed the bound of an image does not depend
                on the others in its batch. Their errors are then alike, and do not average out.

        Returns:
            `(n,)` nats per image. Memory does not grow with K.

        Raises:
            ValueError: images of another shape, type or range, no whole number of samples that is at least 1, or no
                such seed.
            InvalidArgumentError: images or samples out of their range, within a `tf.function`.
        """
        check_images(images, self.image_shape)
        if tf.is_symbolic_tensor(images):
            assert_images(images, "images")
        check_count(samples, "samples", least=1)
        return importance_weighted_bound(self, as_float32(images), samples, _given_or_fresh(seed), shared_noise)


def _given_or_fresh(seed: Tensor) -> Tensor:
    if seed is None:
        return fresh_seed()
    check_seed(seed)
    return seed
