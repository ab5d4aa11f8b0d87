"""What makes a trained model's images sharper: its decoder learns once more, alone."""

import keras
import numpy as np
import tensorflow as tf

from keras_vae.model.arguments import check_pixels
from keras_vae.model.networks import build_decoder
from keras_vae.model.optimizer import AdamW
from keras_vae.model.vae import VAE

__all__ = ["sharpen"]

RATE = 3e-3


def sharpen(model: VAE, images: np.ndarray, epochs: int, batch_size: int = 500, seed: int = 0) -> None:
    """Train the decoder of a Gaussian likelihood on the absolute error of the pixels, the encoder staying as it is.

    What has the least squared error is the mean of all images that a latent may stand for, a blur where they differ;
    what has the least absolute error is their median, which takes sides. Latents that the prior draws between those of
    images gain most. Posteriors stay what they were, and so does a prior that is fitted to them; the variance does not:
    `fit_variance` comes afterwards. The likelihood is a little lower than before.

    Args:
        model: a trained VAE of Gaussian likelihood.
        images: `(n, h, w, c)` uint8, of the training split.
        epochs: how often all of them are shown, at a learning rate that falls to 0 (a cosine).
        batch_size: images in a step.
        seed: seed of the order of the images and of the posterior samples.

    Raises:
        ValueError: another likelihood, or images of another type.
        FloatingPointError: weights became NaN or infinite; the model is as it was.
    """
    check_pixels(images)
    if model.likelihood != "gaussian":
        raise ValueError(f"What is sharpened are the means of a Gaussian likelihood, not of a {model.likelihood} one.")
    encoded = [model.encode(images[at : at + 1000] / np.float32(255)) for at in range(0, len(images), 1000)]
    mean, log_var = (np.concatenate(column) for column in zip(*encoded, strict=True))
    deviation = np.exp(log_var / 2)
    # One of one device, whoever shares the model.
    twin = build_decoder(
        model.network, model.image_shape, model.latent_dim, model.widths, seed=model.seed, dtype=model.dtype_policy
    )
    twin.set_weights(model.decoder.get_weights())
    variables = twin.trainable_variables
    batch = min(batch_size, len(images))
    steps = len(images) // batch
    rate = keras.optimizers.schedules.CosineDecay(RATE, max(1, epochs * steps))
    optimizer = AdamW(rate, weight_decay=0.0)
    optimizer.build(variables)
    apply = tf.function(
        lambda gradients: optimizer.apply_gradients(zip(gradients, variables, strict=True)),
        jit_compile=model.jit_compile or model.compiles_updates,
        autograph=False,
    )

    @tf.function(jit_compile=model.jit_compile, autograph=False)
    def gradients(shown: tf.Tensor, mean: tf.Tensor, deviation: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
        latents = mean + deviation * tf.random.stateless_normal(tf.shape(mean), seed)
        with tf.GradientTape() as tape:
            errors = tf.abs(shown - tf.sigmoid(twin(latents, training=True)))
            loss = tf.reduce_sum(errors) / tf.cast(batch, tf.float32)
        return tape.gradient(loss, variables)

    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        for number, chosen in enumerate(np.split(rng.permutation(len(images))[: steps * batch], steps)):
            shown = images[chosen] / np.float32(255)
            noise = tf.constant((seed, epoch * steps + number), tf.int32)
            apply(gradients(shown, mean[chosen], deviation[chosen], noise))
    if not all(np.isfinite(weight).all() for weight in twin.get_weights()):
        raise FloatingPointError("The weights of the decoder became NaN or infinite.")
    model.decoder.set_weights(twin.get_weights())
