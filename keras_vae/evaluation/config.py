"""What an evaluation measures, and how."""

from dataclasses import dataclass
from typing import Literal

from keras_vae.command_line import check_fields, option
from keras_vae.errors import InputError

__all__ = ["EvaluationConfig"]


@dataclass(frozen=True)
class EvaluationConfig:
    """Everything that decides what an evaluation measures.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    protocol: Literal["grey", "binarized"] = option(
        "grey", "images as they are, or made black and white as in published tables"
    )
    split: Literal["test", "validation"] = option(
        "test", "images to measure on; a choice between models is one for the validation images"
    )
    importance_samples: int = option(
        None,
        "posterior samples of each image for the bound on the likelihood (default: 100; binarized: 5000)",
        type=int,
        low=1,
        high=1_000_000,
    )
    features: Literal["auto", "classifier", "own", "inception", "none"] = option(
        "auto",
        "network whose features compare generated with real images; none leaves them unmeasured; "
        "own: a small one, trained on the run's training images; auto: the classifier for Fashion-MNIST, which is all "
        "that it knows, and own for other data",
    )
    inception_weights: str | None = option(
        None, "weights of InceptionV3 without its top (default: Keras's own)", metavar="FILE", type=str
    )
    dataset: str | None = option(None, "another data set to measure on (default: the run's own)", type=str)
    seed: int = option(0, "seed of posterior samples, generated images and noise", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        if self.importance_samples is None:
            object.__setattr__(self, "importance_samples", 5000 if self.protocol == "binarized" else 100)
        check_fields(self)
        if self.inception_weights is not None and self.features != "inception":
            raise InputError("--inception-weights is for --features inception: give that too.")
