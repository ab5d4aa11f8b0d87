"""What training does to images and hidden units, so that networks do not learn their images by heart."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_vae.model.distributions import Tensor
from keras_vae.model.layers import Dense
from keras_vae.model.replicas import Share

__all__ = ["Disturbance"]


class Disturbance(NamedTuple):
    """What one training step disturbs; drawn before it, for all replicas alike.

    Attributes:
        image_noise: `(n, h, w, c)`, added to what the encoder sees (Im et al. 2017); None adds none.
        encoder_masks: `(n, units)` for each hidden layer, which is multiplied by it (Srivastava et al. 2014); none
            leaves the units as they are.
        decoder_masks: the same, of the decoder.
    """

    image_noise: Tensor | None = None
    encoder_masks: Sequence[Tensor] = ()
    decoder_masks: Sequence[Tensor] = ()

    @classmethod
    def draw(
        cls,
        share: Share,
        seed: Tensor,
        image_shape: tuple[int, int, int],
        widths: Sequence[int],
        input_noise: float,
        dropout: float,
    ) -> "Disturbance":
        """Draw it for this replica's images.

        Args:
            share: of the batch.
            seed: two integers, the same on all replicas.
            image_shape: `(h, w, c)`.
            widths: units of the hidden layers, from the image inwards.
            input_noise: deviation of the noise.
            dropout: probability that a hidden unit is 0; what is left is scaled up, so that its mean stays.
        """
        seeds = tf.unstack(tf.random.split(seed, 1 + 2 * len(widths)))
        noise = None
        if input_noise:
            height, width, channels = image_shape
            noise = input_noise * share.normal(height * width * channels, seeds[0])
            noise = tf.reshape(noise, (-1, *image_shape))
        if not dropout:
            return cls(noise)
        kept = 1.0 - dropout
        masks = [
            tf.cast(share.uniform(units, each) < kept, tf.float32) / kept
            for units, each in zip((*widths, *reversed(widths)), seeds[1:], strict=True)
        ]
        return cls(noise, masks[: len(widths)], masks[len(widths) :])

    def encoded(self, encoder: keras.Model, images: Tensor) -> Tensor:
        """What the disturbed encoder makes of disturbed images, while it is trained."""
        seen = images if self.image_noise is None else images + self.image_noise
        return _through(encoder, seen, self.encoder_masks)

    def decoded(self, decoder: keras.Model, latents: Tensor) -> Tensor:
        """What the disturbed decoder makes of latents, while it is trained."""
        return _through(decoder, latents, self.decoder_masks)


def _through(network: keras.Model, inputs: Tensor, masks: Sequence[Tensor]) -> Tensor:
    if not masks:
        return network(inputs, training=True)
    hidden, left = inputs, list(masks)
    for layer in network.layers[1:]:  # a dense network is a chain
        hidden = layer(hidden, training=True)
        if isinstance(layer, Dense) and left:  # all but the last
            hidden = hidden * left.pop(0)
    return hidden
