"""The distribution of latents before any image is seen."""

import tensorflow as tf

from keras_vae.model.distributions import Tensor, gaussian_kl, gaussian_log_density

__all__ = ["StandardNormal"]


class StandardNormal:
    """N(0, I), the prior of Kingma & Welling (2014). It has nothing to learn."""

    def kl(self, mean: Tensor, log_var: Tensor) -> Tensor:
        """KL of a diagonal Gaussian posterior to this prior, in closed form.

        Args:
            mean: `(n, d)`.
            log_var: `(n, d)`.

        Returns:
            `(n, d)` nats per latent dimension.
        """
        return gaussian_kl(mean, log_var)

    def log_density(self, latents: Tensor) -> Tensor:
        """Log density of latents.

        Args:
            latents: `(..., d)`.

        Returns:
            `(...)` nats.
        """
        return gaussian_log_density(latents, 0.0, 0.0)

    def sample(self, count: Tensor, latent_dim: int, seed: Tensor) -> Tensor:
        """Draw latents; the same for the same seed.

        Args:
            count: how many.
            latent_dim: d.
            seed: two integers.

        Returns:
            `(count, d)` latents.
        """
        return tf.random.stateless_normal((count, latent_dim), seed)
