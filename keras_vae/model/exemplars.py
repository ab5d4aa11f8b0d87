"""A prior of training images' own latents, each spread in the shape that the latents around it have."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_vae.model.distributions import Tensor
from keras_vae.model.priors import GaussianMixture

__all__ = ["ExemplarPrior"]


class ExemplarPrior(GaussianMixture):
    """A mixture of Gaussians in which each is drawn together towards latents that it was fitted to, its exemplars.

    Where the Gaussian of a cluster is N(m, S), an exemplar e of it is the centre m + sqrt(1 - h^2) (e - m) of a
    Gaussian with the covariance h^2 S: the smoothed bootstrap, whose mean and covariance are those of the cluster
    (Silverman 1986, section 6.4). The bandwidth h in (0, 1] leads from the exemplars themselves to the plain mixture.
    Exemplar VAEs (Norouzi et al. 2020) share one isotropic variance instead, and learn it with the model.

    Args:
        latent_dim: d.
        components: K, the number of clusters.
        exemplars: M, how many each cluster has.
    """

    def __init__(self, latent_dim: int, components: int, exemplars: int = 64) -> None:
        super().__init__(latent_dim, components, learned=False)
        # In the coordinates in which the Gaussian of their cluster is N(0, I).
        self.exemplars = self._add((components, exemplars, latent_dim), "zeros", "exemplars")
        self.bandwidth = self._add((), keras.initializers.Ones(), "bandwidth")

    def set_exemplars(self, latents: np.ndarray, cluster_of: np.ndarray, seed: int = 0) -> None:
        """Take the exemplars of each cluster from latents, after `set_gaussians`.

        Args:
            latents: `(n, d)`.
            cluster_of: `(n,)` integers, the Gaussian that each belongs to.
            seed: seed of the choice, where a cluster has more of them than it takes, or of repetitions where fewer.
        """
        rng = np.random.default_rng(seed)
        components, count, d = self.exemplars.shape
        means, factors = np.asarray(self.means), np.asarray(self._factors())
        chosen = rng.standard_normal((components, count, d))  # stays where a cluster has none
        for cluster in np.unique(cluster_of):
            members = np.flatnonzero(cluster_of == cluster)
            whole, rest = divmod(count, len(members))
            taken = np.concatenate([np.tile(members, whole), rng.permutation(members)[:rest]])
            chosen[cluster] = (latents[taken] - means[cluster]) @ factors[cluster]
        self.exemplars.assign(chosen)

    def set_bandwidth(self, bandwidth: float) -> None:
        """Take another h, in (0, 1]."""
        if not 0.0 < bandwidth <= 1.0:
            raise ValueError(f"bandwidth must be above 0 and at most 1, not {bandwidth}.")
        self.bandwidth.assign(bandwidth)

    def _centres(self) -> Tensor:
        return tf.sqrt(1.0 - tf.square(self.bandwidth)) * self.exemplars

    def _log_density_of_white(self, white: Tensor) -> Tensor:
        centres = self._centres()
        squares = (
            tf.reduce_sum(tf.square(white), axis=-1)[..., tf.newaxis]
            - 2.0 * tf.einsum("...kd,kmd->...km", white, centres)
            + tf.reduce_sum(tf.square(centres), axis=-1)
        )
        of_each = tf.reduce_logsumexp(-0.5 * squares / tf.square(self.bandwidth), axis=-1)
        one_gaussian = 0.5 * math.log(2.0 * math.pi) + tf.math.log(self.bandwidth)
        return of_each - self.latent_dim * one_gaussian - math.log(self.exemplars.shape[1])

    def _sample_white(self, which: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.split(seed, 2)
        number = tf.random.stateless_uniform(tf.shape(which), seeds[0], 0, self.exemplars.shape[1], which.dtype)
        centres = tf.gather_nd(self._centres(), tf.stack([which, number], axis=-1))
        return centres + self.bandwidth * super()._sample_white(which, seeds[1])
