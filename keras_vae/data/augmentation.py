"""Small variations of images, which a training sees ever less of: a pure function."""

import tensorflow as tf

__all__ = ["varied"]

LARGEST_SHIFT = 0.04  # of height and width
LARGEST_CHANGE_OF_BRIGHTNESS = 0.3


def varied(images: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror, shift, and brighten or darken images, each in a way of its own.

    At full strength half of the images are mirrored; all are shifted by up to 4% of their height and width, or by one
    pixel where that is more, their edges repeated where nothing is; and multiplied by a factor between 0.7 and 1.3.

    Args:
        images: `(n, h, w, c)` uint8.
        strength: a number in [0, 1]; 0 changes nothing.
        seed: two integers; the variations are a function of it.

    Returns:
        `(n, h, w, c)` uint8.
    """
    seeds = tf.random.split(seed, 5)
    count, height, width, channels = tf.unstack(tf.shape(images))
    is_shifted = tf.random.stateless_uniform((count, 1), seeds[0]) < strength
    is_mirrored = tf.random.stateless_uniform((count, 1), seeds[1]) < 0.5 * strength
    rows = _shifted_places(height, count, is_shifted, seeds[2])
    columns = _shifted_places(width, count, is_shifted, seeds[3])
    columns = tf.where(is_mirrored, columns[:, ::-1], columns)
    places = rows[:, :, tf.newaxis] * width + columns[:, tf.newaxis]
    moved = tf.gather(tf.reshape(images, (count, height * width, channels)), places, axis=1, batch_dims=1)
    change = tf.random.stateless_uniform((count, 1, 1, 1), seeds[4], -1.0, 1.0) * LARGEST_CHANGE_OF_BRIGHTNESS
    pixels = tf.round((1.0 + strength * change) * tf.cast(moved, tf.float32))
    return tf.cast(tf.minimum(pixels, 255.0), tf.uint8)


def _shifted_places(size: tf.Tensor, count: tf.Tensor, is_shifted: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Where each place of an axis is taken from, `(count, size)`."""
    reach = tf.maximum(1, tf.cast(LARGEST_SHIFT * tf.cast(size, tf.float32), tf.int32))
    shift = tf.random.stateless_uniform((count, 1), seed, -reach, reach + 1, tf.int32)
    return tf.clip_by_value(tf.range(size) + tf.where(is_shifted, shift, 0), 0, size - 1)
