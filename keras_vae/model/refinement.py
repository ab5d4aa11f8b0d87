"""Posterior means beyond what the encoder finds: gradient steps on the negative ELBO of each image."""

from typing import Any

import tensorflow as tf

from keras_vae.model.arguments import as_float32, check_count
from keras_vae.model.distributions import Tensor, likelihood_nll
from keras_vae.model.vae import VAE

__all__ = ["encode_refined"]

RATE, FIRST_DECAY, SECOND_DECAY, EPSILON = 0.1, 0.9, 0.999, 1e-8  # Adam's, with latents about as wide as N(0, 1)


def encode_refined(model: VAE, images: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
    """Parameters of the posterior of each image, its mean improved step by step from where the encoder puts it.

    An encoder has to find the posterior of every image in one pass, and misses more of it on images that are unlike
    those of its training: the amortisation gap (Cremer et al. 2018). As in semi-amortised inference (Kim et al. 2018),
    Adam lowers `reconstruction + beta * kl` of the decoder at the mean, the KL that to the prior that the model was
    trained with; the variance stays the encoder's.

    Args:
        model: a VAE.
        images: `(n, h, w, c)` in [0, 1].
        steps: how many, each about as much work as three passes through the decoder; 0 leaves what the encoder finds.

    Returns:
        `mean` and `log_var`, each `(n, d)`.

    Raises:
        ValueError: images of another shape, type or range, or no whole number of steps that is at least 0.
        InvalidArgumentError: fewer steps, within a `tf.function`.
    """
    check_count(steps, "steps", least=0)
    start, log_var = model.encode(images)
    images = as_float32(images)

    def improve(step: Tensor, mean: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        with tf.GradientTape() as tape:
            tape.watch(mean)
            reconstruction = likelihood_nll(model.likelihood, images, model.decode_logits(mean), model.spread)
            kl = model.training_prior.kl(mean, log_var, mean)
            loss = reconstruction + model.beta * kl
        gradient: Any = tape.gradient(loss, mean)
        first = FIRST_DECAY * first + (1.0 - FIRST_DECAY) * gradient
        second = SECOND_DECAY * second + (1.0 - SECOND_DECAY) * tf.square(gradient)
        count = tf.cast(step + 1, tf.float32)
        unbiased = first / (1.0 - FIRST_DECAY**count), second / (1.0 - SECOND_DECAY**count)
        return step + 1, mean - RATE * unbiased[0] / (tf.sqrt(unbiased[1]) + EPSILON), first, second

    nothing, steps = tf.zeros_like(start), tf.cast(steps, tf.int32)
    _, mean, *_ = tf.while_loop(lambda step, *_: step < steps, improve, (0, start, nothing, nothing))
    return mean, log_var
