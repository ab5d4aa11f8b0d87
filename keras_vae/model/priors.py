"""Distributions of latents before any image is seen: what a VAE's posteriors are drawn towards, and samples come from.

A prior is learned together with the model, or fitted to a trained one (`fit_prior`).
"""

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from keras_vae.model.distributions import Tensor, gaussian_kl, gaussian_log_density

__all__ = ["PRIORS", "GaussianMixture", "Prior", "PriorName", "StandardNormal", "VampPrior"]

PriorName = Literal["standard_normal", "mixture", "flow", "vamp"]
PRIORS: tuple[PriorName, ...] = get_args(PriorName)

NO_CLASS = -1
SMALLEST_WEIGHT = 1e-30  # whose logarithm is finite
LAST_POINT = 1.0 - 1e-6
HALF_THE_DIGITS = 2.0**12
CHOICES = 2**24  # what a number in [0, 1) of single precision tells apart


class Prior(keras.layers.Layer):
    """A distribution over latents of `latent_dim` dimensions; its weights, if it has any, are saved with the model.

    Attributes:
        classes: one more than the largest class that it can be asked for a sample of; 0 where it knows of none.
        class_labels: those classes; some may be missing, of which it was fitted to no image.
        reference: what `kl_by_latent` compares each latent with, in words.
        is_learned: whether training moves its weights.
    """

    reference = "N(0, 1)"

    def __init__(self, latent_dim: int, **options: Any) -> None:
        super().__init__(dtype="float32", name="prior", **options)
        self.latent_dim = latent_dim
        self.is_learned = self.trainable
        self.built = True

    @property
    def trainable(self) -> bool:
        return bool(keras.layers.Layer.trainable.fget(self))

    @trainable.setter
    def trainable(self, value: bool) -> None:
        # A model that was frozen, and is trained again, must not move what is fitted to it.
        keras.layers.Layer.trainable.fset(self, value and self.is_learned)

    @property
    def classes(self) -> int:
        return 1 + max(self.class_labels, default=NO_CLASS)

    @property
    def class_labels(self) -> tuple[int, ...]:
        return ()

    def log_density(self, latents: Tensor) -> Tensor:
        """Log density of latents.

        Args:
            latents: `(..., d)`, of any floating-point type; it is computed in float32.

        Returns:
            `(...)` nats.
        """
        raise NotImplementedError

    def log_density_of_many(self) -> Callable[[Tensor], Tensor]:
        """`log_density` for a loop over latents: what all of them share is computed here, and once."""
        return self.log_density

    def sample(self, count: Tensor, seed: Tensor) -> Tensor:
        """Draw latents; the same for the same seed.

        Args:
            count: how many.
            seed: two integers.

        Returns:
            `(count, d)` latents.
        """
        raise NotImplementedError

    def sample_of_class(self, label: Tensor, count: Tensor, seed: Tensor) -> Tensor:
        """Draw latents of one class, where there are `classes`; the same for the same seed.

        Args:
            label: one of `class_labels`.
            count: how many.
            seed: two integers.

        Returns:
            `(count, d)` latents.
        """
        raise NotImplementedError

    def from_noise(self, noise: Tensor) -> Tensor:
        """Latents made of noise that is drawn elsewhere: the prior's, if the noise is what it says.

        Args:
            noise: `(n, d + 1)`: d columns drawn from N(0, 1), and one drawn evenly from [0, 1), which chooses the
                component where the prior is a mixture of some.

        Returns:
            `(n, d)` latents.
        """
        raise NotImplementedError

    def frozen(self) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
        """`log_density` and `from_noise` of the weights as they are: what depends on these alone is a constant."""
        return self.log_density, self.from_noise

    def kl(self, mean: Tensor, log_var: Tensor, latents: Tensor) -> Tensor:
        """KL of diagonal Gaussian posteriors to this prior: in closed form where there is one, else estimated.

        The estimate `log q(z) - log p(z)` is unbiased, from the one sample of each posterior that is given.

        Args:
            mean: `(n, d)`.
            log_var: `(n, d)`.
            latents: `(n, d)`, one sample of each posterior.

        Returns:
            `(n,)` nats; an estimate may be below 0.
        """
        return gaussian_log_density(latents, mean, log_var) - self.log_density(latents)

    def kl_by_latent(self, mean: Tensor, log_var: Tensor, latents: Tensor) -> Tensor:
        """KL of each latent to N(0, 1), since this prior may have no share for each.

        Args:
            mean: `(n, d)`.
            log_var: `(n, d)`.
            latents: `(n, d)`, one sample of each posterior.

        Returns:
            `(n, d)` nats, each at least 0.
        """
        return gaussian_kl(mean, log_var)


class StandardNormal(Prior):
    """N(0, I), the prior of Kingma & Welling (2014). It has nothing to learn."""

    def log_density(self, latents: Tensor) -> Tensor:
        return gaussian_log_density(tf.cast(latents, tf.float32), 0.0, 0.0)

    def sample(self, count: Tensor, seed: Tensor) -> Tensor:
        return tf.random.stateless_normal((count, self.latent_dim), seed)

    def from_noise(self, noise: Tensor) -> Tensor:
        return noise[:, :-1]

    def kl(self, mean: Tensor, log_var: Tensor, latents: Tensor) -> Tensor:
        return tf.reduce_sum(gaussian_kl(mean, log_var), axis=-1)


class GaussianMixture(Prior):
    """A mixture of Gaussians with full covariances; a Gaussian may belong to a class, of which it then gives samples.

    Args:
        latent_dim: d.
        components: K, the number of Gaussians.
        learned: whether training moves it. It then begins with Gaussians around K points drawn from N(0, I), and
            otherwise as N(0, I) itself.
        seed: seed of those points.
    """

    def __init__(self, latent_dim: int, components: int, *, learned: bool, seed: int = 0) -> None:
        super().__init__(latent_dim, trainable=learned)
        spread = keras.initializers.RandomNormal(stddev=1.0, seed=seed) if learned else "zeros"
        self.log_weights = self._add((components,), "zeros", "log_weights")
        self.means = self._add((components, latent_dim), spread, "means")
        # The Cholesky factor L of each precision L L': its strict lower triangle, and the logarithm of its diagonal.
        self.off_diagonal = self._add((components, latent_dim * (latent_dim - 1) // 2), "zeros", "off_diagonal")
        self.log_diagonal = self._add((components, latent_dim), "zeros", "log_diagonal")
        self.class_of = self.add_weight(
            shape=(components,),
            initializer=keras.initializers.Constant(NO_CLASS),
            trainable=False,
            dtype="int32",
            name="class_of",
        )

    @property
    def class_labels(self) -> tuple[int, ...]:
        with tf.init_scope():  # also while a graph is made
            labels = np.unique(tf.convert_to_tensor(self.class_of).numpy())
        return tuple(labels[labels != NO_CLASS].tolist())

    def set_gaussians(self, weights: Any, means: Any, precision_factors: Any, class_of: Any = NO_CLASS) -> None:
        """Take the Gaussians that were fitted elsewhere.

        Args:
            weights: `(K,)`, at least 0; only their proportions count.
            means: `(K, d)`.
            precision_factors: `(K, d, d)`, lower triangular with a positive diagonal: the precision is `L L'`.
            class_of: `(K,)` integers, the class of each; -1 for none.
        """
        diagonal = np.diagonal(precision_factors, axis1=1, axis2=2)
        self.log_weights.assign(np.log(np.maximum(weights, SMALLEST_WEIGHT)))
        self.means.assign(means)
        rows, columns = np.tril_indices(self.latent_dim, -1)
        self.off_diagonal.assign(np.asarray(precision_factors)[:, rows, columns])
        self.log_diagonal.assign(np.log(diagonal))
        self.class_of.assign(np.broadcast_to(class_of, self.class_of.shape))

    def log_density(self, latents: Tensor) -> Tensor:
        return _mixture_log_density(latents, *self._density_terms())

    def from_noise(self, noise: Tensor) -> Tensor:
        return _mixture_from_noise(noise, *self._sampling_terms())

    def frozen(self) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
        density = [term.numpy() for term in self._density_terms()]
        sampling = [term.numpy() for term in self._sampling_terms()]
        return (
            lambda latents: _mixture_log_density(latents, *density),
            lambda noise: _mixture_from_noise(noise, *sampling),
        )

    def sample(self, count: Tensor, seed: Tensor) -> Tensor:
        return self._sample(count, seed, tf.convert_to_tensor(self.log_weights))

    def sample_of_class(self, label: Tensor, count: Tensor, seed: Tensor) -> Tensor:
        others = tf.not_equal(self.class_of, tf.cast(label, "int32"))
        return self._sample(count, seed, tf.where(others, -np.inf, tf.convert_to_tensor(self.log_weights)))

    def _sample(self, count: Tensor, seed: Tensor, log_weights: Tensor) -> Tensor:
        seeds = tf.random.split(seed, 2)
        which = _stratified(log_weights, count, seeds[0])
        noise = tf.random.stateless_normal((count, self.latent_dim, 1), seeds[1])
        # With the precision L L', L'^-1 times white noise has the covariance.
        factors = tf.gather(self._factors(), which)
        apart = tf.linalg.triangular_solve(factors, noise, lower=True, adjoint=True)[..., 0]
        return tf.gather(tf.convert_to_tensor(self.means), which) + apart

    def _density_terms(self) -> tuple[Tensor, Tensor, Tensor]:
        factors = self._factors()
        count, d = self.means.shape
        joined = tf.reshape(tf.transpose(factors, (1, 0, 2)), (d, count * d))
        shift = tf.reshape(tf.einsum("kd,kde->ke", self.means, factors), (count * d,))
        log_scales = tf.reduce_sum(tf.convert_to_tensor(self.log_diagonal), axis=-1)
        return joined, shift, log_scales + tf.nn.log_softmax(self.log_weights) - 0.5 * d * math.log(2.0 * math.pi)

    def _sampling_terms(self) -> tuple[Tensor, Tensor, Tensor]:
        means = tf.convert_to_tensor(self.means)
        identity = tf.eye(self.latent_dim, batch_shape=[means.shape[0]])
        spreads = tf.linalg.triangular_solve(self._factors(), identity, lower=True, adjoint=True)
        shares = tf.cumsum(tf.nn.softmax(tf.convert_to_tensor(self.log_weights)))
        # As whole numbers they stay what they are where an exported model has its weights in half precision.
        return tf.cast(tf.round(shares * CHOICES), tf.int32), means, spreads

    def _factors(self) -> Tensor:
        # Each place of the square takes its number of the triangle; those on and above the diagonal, a zero.
        d = self.latent_dim
        places = np.full((d, d), d * (d - 1) // 2)
        places[np.tril_indices(d, -1)] = np.arange(d * (d - 1) // 2)
        with_zero = tf.pad(tf.convert_to_tensor(self.off_diagonal), [[0, 0], [0, 1]])
        return tf.linalg.set_diag(tf.gather(with_zero, places, axis=1), tf.exp(self.log_diagonal))

    def _add(self, shape: tuple[int, ...], initializer: Any, name: str) -> keras.Variable:
        return self.add_weight(shape=shape, initializer=initializer, name=name)


class VampPrior(Prior):
    """The equal mixture of the posteriors of images that are learned (Tomczak & Welling 2018, equation 9).

    Args:
        latent_dim: d.
        components: K, how many images.
        encode: from images `(K, h, w, c)` in [0, 1] to `mean` and `log_var`, `(K, d)` each.
        image_shape: `(h, w, c)`.
        seed: seed of the images that it begins with, which are noise: see `start_at`.
    """

    def __init__(
        self,
        latent_dim: int,
        components: int,
        encode: Callable[[Tensor], tuple[Tensor, Tensor]],
        image_shape: tuple[int, int, int],
        seed: int = 0,
    ) -> None:
        super().__init__(latent_dim)
        self._encode = encode
        noise = keras.initializers.RandomNormal(stddev=1.0, seed=seed)
        self.logits = self.add_weight(shape=(components, *image_shape), initializer=noise, name="pseudo_inputs")

    @property
    def images(self) -> Tensor:
        """The learned images, `(K, h, w, c)` in [0, 1]."""
        return tf.sigmoid(self.logits)

    def start_at(self, images: np.ndarray) -> None:
        """Begin with real images, `(K, h, w, c)` in [0, 1]: training then has less far to go."""
        inside = np.clip(images, 0.01, 0.99)
        self.logits.assign(np.log(inside / (1.0 - inside)))

    def log_density(self, latents: Tensor) -> Tensor:
        return self.log_density_of_many()(latents)

    def log_density_of_many(self) -> Callable[[Tensor], Tensor]:
        posteriors = self._encode(self.images)
        return lambda latents: _vamp_log_density(latents, *posteriors)

    def sample(self, count: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.split(seed, 2)
        which = tf.random.stateless_uniform((count,), seeds[0], 0, self.logits.shape[0], tf.int32)
        noise = tf.random.stateless_normal((count, self.latent_dim), seeds[1])
        return _sample_of_posteriors(which, noise, *self._encode(self.images))

    def from_noise(self, noise: Tensor) -> Tensor:
        return _vamp_from_noise(noise, *self._encode(self.images))

    def frozen(self) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
        posteriors = [parameter.numpy() for parameter in self._encode(self.images)]
        return (
            lambda latents: _vamp_log_density(latents, *posteriors),
            lambda noise: _vamp_from_noise(noise, *posteriors),
        )


def _stratified(log_weights: Tensor, count: Tensor, seed: Tensor) -> Tensor:
    """Draw `count` components, each as often as its weight says but for less than one, in random order.

    Each by itself is drawn by the weights; together they are not the crowd and the gaps that independent draws leave
    (systematic sampling: Douc et al. 2005, section 2.4).
    """
    seeds = tf.random.split(seed, 2)
    shares = tf.cumsum(tf.nn.softmax(log_weights))
    start = tf.random.stateless_uniform((), seeds[0])
    points = (tf.range(tf.cast(count, tf.float32)) + start) / tf.cast(count, tf.float32)
    points = tf.minimum(points, LAST_POINT)  # rounded up to 1, it would find a component of no weight
    which = tf.searchsorted(shares[:-1], points * shares[-1], side="right")
    return tf.gather(which, tf.argsort(tf.random.stateless_uniform((count,), seeds[1])))


def _mixture_log_density(latents: Tensor, joined: Tensor, shift: Tensor, log_weights: Tensor) -> Tensor:
    """Of Gaussians with precisions `L L'`: all L side by side are `joined`, `(d, K d)`, and all `m' L` are `shift`."""
    count, d = log_weights.shape[0], joined.shape[0]
    # (z - m)' L for all Gaussians at once is one matrix product.
    latents = tf.cast(latents, tf.float32)
    shape = tf.concat([tf.shape(latents)[:-1], (count, d)], axis=0)
    squares = tf.square(tf.reshape(tf.matmul(latents, joined) - shift, shape))
    return tf.reduce_logsumexp(log_weights - 0.5 * tf.reduce_sum(squares, axis=-1), axis=-1)


def _mixture_from_noise(noise: Tensor, shares: Tensor, means: Tensor, spreads: Tensor) -> Tensor:
    """Of Gaussians with cumulated weights `shares`, `(K,)`, and covariances `S S'` of their `spreads`, `(K, d, d)`."""
    # Rounding may leave the last share below 1: nothing lies beyond it.
    is_beyond = _choice(noise[:, -1:]) >= shares[:-1]
    which = tf.reduce_sum(tf.cast(is_beyond, tf.int32), axis=-1)
    apart = tf.matmul(tf.gather(spreads, which), noise[:, :-1, tf.newaxis])[..., 0]
    return tf.gather(means, which) + apart


def _choice(noise: Tensor) -> Tensor:
    """Numbers in [0, 1) as whole ones below CHOICES; by halves of their digits, as half precision has no 2^24."""
    upper = tf.floor(noise * HALF_THE_DIGITS)
    lower = tf.floor((noise * HALF_THE_DIGITS - upper) * HALF_THE_DIGITS)
    return tf.cast(upper, tf.int32) * int(HALF_THE_DIGITS) + tf.cast(lower, tf.int32)


def _vamp_log_density(latents: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    latents = tf.cast(latents, tf.float32)
    # The exponent is linear in (z^2, z, 1): all pairs of latents and images are one matrix product.
    precision = tf.exp(-log_var)
    constant = -0.5 * tf.reduce_sum(math.log(2.0 * math.pi) + log_var + tf.square(mean) * precision, axis=-1)
    weights = tf.concat([-0.5 * precision, mean * precision], axis=-1)
    pairs = tf.matmul(tf.concat([tf.square(latents), latents], axis=-1), weights, transpose_b=True)
    return tf.reduce_logsumexp(pairs + constant, axis=-1) - math.log(mean.shape[0])


def _vamp_from_noise(noise: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    count = mean.shape[0]
    which = tf.minimum(tf.cast(noise[:, -1] * count, tf.int32), count - 1)
    return _sample_of_posteriors(which, noise[:, :-1], mean, log_var)


def _sample_of_posteriors(which: Tensor, noise: Tensor, mean: Tensor, log_var: Tensor) -> Tensor:
    return tf.gather(mean, which) + tf.exp(0.5 * tf.gather(log_var, which)) * noise
