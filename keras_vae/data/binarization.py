"""Grey pixels as black or white: for measuring once and for all, for training afresh in every batch."""

import numpy as np
import tensorflow as tf

__all__ = ["binarised", "binomial", "fixed_binarization", "published_generator"]


def fixed_binarization(validation: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Binarise the held-out images once and for all, each pixel being 1 with its grey value as the probability.

    The protocol of the Exemplar-VAE code (Norouzi, Fleet & Norouzi 2020, https://arxiv.org/abs/2004.04795): numpy's
    legacy generator seeded 777 draws the validation split first, then the test split. The order of the images matters.

    Args:
        validation: uint8 images of any shape.
        test: uint8 images of any shape.

    Returns:
        Both as uint8 zeros and ones, in their shapes.
    """
    generator = published_generator()
    return binomial(generator, validation), binomial(generator, test)


def published_generator() -> np.random.RandomState:
    """What the published protocol draws with: of the validation split first, then of the test split."""
    return np.random.RandomState(777)


def binomial(generator: np.random.RandomState, images: np.ndarray) -> np.ndarray:
    """Draw each pixel of uint8 images of any shape as 0 or 1, uint8."""
    return generator.binomial(1, images / 255.0).astype(np.uint8)


def binarised(number: tf.Tensor, pixels: tf.Tensor, seed: np.ndarray) -> tf.Tensor:
    """Draw every pixel as 0 or 1 with noise that depends on the seed and the number of the batch alone.

    Drawing random bits is nearly all the work, so each 32-bit word serves two pixels: the probability of 1 is the grey
    value to within 2**-16, and exactly 0 for black and 1 for white.

    Args:
        number: of the batch.
        pixels: uint8, of any shape.
        seed: two integers.

    Returns:
        float32 zeros and ones, of that shape.
    """
    size = tf.size(pixels)
    words = tf.random.stateless_uniform(
        [(size + 1) // 2], tf.random.fold_in(seed, number), minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    halves = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size]  # of an odd number of pixels, one is left over
    noise = tf.reshape(tf.cast(halves, tf.int32), tf.shape(pixels))
    return tf.cast(255 * noise < 2**16 * tf.cast(pixels, tf.int32), tf.float32)
