"""Which images the shipped classifier was made for: told without TensorFlow, as a report asks too."""

from collections.abc import Sequence

__all__ = ["IMAGE_SHAPE", "classifier_knows"]

DATASET = "fashion_mnist"
IMAGE_SHAPE = (28, 28, 1)


def classifier_knows(dataset: str, image_shape: Sequence[int]) -> bool:
    """Whether the shipped classifier was made for these images: Fashion-MNIST's, of the size that they have there.

    Args:
        dataset: name of a data set; images that were resized keep the name of theirs.
        image_shape: `(h, w, c)`.
    """
    return dataset == DATASET and tuple(image_shape) == IMAGE_SHAPE
