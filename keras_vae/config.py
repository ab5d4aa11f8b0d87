"""The configuration of a training run and of an evaluation: frozen dataclasses, presets, JSON, command lines."""

import argparse
import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

from keras_vae.errors import InputError

__all__ = [
    "PRESETS",
    "EvaluationConfig",
    "ExplorationConfig",
    "TrainConfig",
    "add_arguments",
    "command_options",
    "given_options",
]


def _option(default: Any, text: str, **details: Any) -> Any:
    """A field with the help text, and whatever else argparse needs, for its command-line option."""
    return field(default=default, metadata={"help": text, **details})


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides how a run turns out; the same configuration gives the same weights on the same machine.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    preset: str = "default"

    dataset: str = _option("fashion_mnist", "TFDS name, or a folder of images by class")
    data_dir: str | None = _option(None, "where TFDS keeps its prepared data", metavar="FOLDER", type=str)
    memory_budget: int = _option(2048, "MiB of images kept in memory; larger data are streamed from disk")
    binarize: Literal["none", "dynamic"] = _option("none", "draw black or white pixels afresh every epoch")

    latent_dim: int = _option(16, "size of the latent space")
    network: Literal["dense", "convolutional"] = _option("dense", "kind of encoder and decoder")
    widths: tuple[int, ...] | None = _option(
        None, "hidden widths from the image inwards (default: the network's own)", nargs="+", type=int
    )
    likelihood: Literal["bernoulli", "gaussian", "continuous_bernoulli"] = _option(
        "bernoulli", "distribution of the pixels"
    )
    beta: float = _option(1.0, "weight of the KL; 1 is the ELBO")
    beta_warmup: float = _option(0.0, "epochs over which beta grows from 0 to its value")

    epochs: int = _option(60, "passes over the training images")
    batch_size: int = _option(250, "images a step")
    learning_rate: float = _option(2e-3, "peak learning rate of Adam")
    schedule: Literal["cosine", "constant"] = _option("cosine", "course of the learning rate after its warm-up")
    learning_rate_warmup: float = _option(1.0, "epochs over which the learning rate grows from 0")
    weight_decay: float = _option(0.1, "decoupled weight decay (AdamW); 0 is plain Adam")
    gradient_clip: float = _option(0.0, "largest global norm of a gradient; 0 does not clip")
    weight_average: float = _option(0.995, "momentum of the moving average of the weights; 0 keeps none")
    seed: int = _option(0, "of the initial weights, the order of the images and the noise")

    xla: Literal["auto", "on", "off"] = _option("auto", "compile the training step with XLA")
    mixed_precision: Literal["auto", "on", "off"] = _option("auto", "bfloat16 where it is faster")
    steps_per_execution: int = _option(10, "training steps in one call of the graph")

    grid_every: int = _option(10, "epochs between sample grids; 0: only at the end")
    projector_every: int = _option(0, "epochs between snapshots for the projector; 0: only at the end")
    histogram_every: int = _option(10, "epochs between histograms of the weights; 0: none")

    def __post_init__(self) -> None:
        if self.widths is not None:
            object.__setattr__(self, "widths", tuple(self.widths))
        _check_fields(self)
        if self.learning_rate <= 0:
            raise InputError(f"--learning-rate must be more than 0, not {self.learning_rate}.")
        if self.widths is not None and (not self.widths or min(self.widths) < 1):
            raise InputError(f"--widths must be positive numbers, not {list(self.widths)}.")

    @classmethod
    def from_preset(cls, preset: str = "default", **options: Any) -> "TrainConfig":
        """Make a configuration from a preset and the options that differ from it.

        Args:
            preset: a key of `PRESETS`.
            **options: fields of this class.

        Raises:
            InputError: no such preset, or a value out of its range.
        """
        if preset not in PRESETS:
            raise InputError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
        return cls(preset=preset, **{**PRESETS[preset], **options})

    @classmethod
    def from_json(cls, text: str) -> "TrainConfig":
        """Read what `to_json` wrote.

        Raises:
            InputError: not such a text.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, json.JSONDecodeError) as error:
            raise InputError(f"This is not a saved training configuration: {error}.") from error

    def to_json(self) -> str:
        """Write every field, in order."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def command_options(self) -> list[str]:
        """What to give to `scripts/train.py` for this configuration: the preset, and what differs from it."""
        options = ["--preset", self.preset] if self.preset != "default" else []
        return options + command_options(self, type(self).from_preset(self.preset))

    def replace(self, **options: Any) -> "TrainConfig":
        """A copy with some fields changed.

        Raises:
            InputError: a value is out of its range.
        """
        return dataclasses.replace(self, **options)


@dataclass(frozen=True)
class EvaluationConfig:
    """Everything that decides what an evaluation measures.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    protocol: Literal["grey", "binarized"] = _option(
        "grey", "test images as they are, or made black and white as in published tables"
    )
    importance_samples: int = _option(
        None, "posterior samples an image for the bound on the likelihood (default: 500; binarized: 5000)", type=int
    )
    features: Literal["classifier", "inception", "none"] = _option(
        "classifier", "network whose features compare generated with real images; none leaves them unmeasured"
    )
    inception_weights: str | None = _option(
        None, "weights of InceptionV3 without its top (default: Keras's own)", metavar="FILE", type=str
    )
    dataset: str | None = _option(None, "another data set to measure on (default: the run's own)", type=str)
    seed: int = _option(0, "of posterior samples, generated images and noise")

    def __post_init__(self) -> None:
        if self.importance_samples is None:
            object.__setattr__(self, "importance_samples", 5000 if self.protocol == "binarized" else 500)
        _check_fields(self)
        if self.inception_weights is not None and self.features != "inception":
            raise InputError("--inception-weights is for --features inception: give that too.")


@dataclass(frozen=True)
class ExplorationConfig:
    """Everything that decides what an exploration of a latent space shows.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    start: str | None = _option(
        None, "class, or number of the test image, where the path begins", flag="--from", type=str
    )
    end: str | None = _option(None, "class, or number of the test image, where it ends", flag="--to", type=str)
    steps: int = _option(12, "images on a path, both ends included")
    pairs: int = _option(200, "random pairs of images of different classes, for the means over paths")
    points: int = _option(10_000, "test images that are looked at, from the first")
    neighbours: int = _option(15, "of each point in UMAP")
    min_distance: float = _option(0.1, "between points of the UMAP map")
    perplexity: float = _option(30.0, "effective number of neighbours in t-SNE")
    repeats: int = _option(5, "seeds of each clustering")
    seed: int = _option(0, "of maps, clusterings and random pairs")

    def __post_init__(self) -> None:
        _check_fields(self)
        if (self.start is None) != (self.end is None):
            raise InputError("A path needs both --from and --to: a class, or the number of a test image, each.")


_RANGES: Mapping[str, tuple[float, float]] = {
    "memory_budget": (0, math.inf),
    "latent_dim": (1, 4096),
    "beta": (0, math.inf),
    "beta_warmup": (0, math.inf),
    "epochs": (1, math.inf),
    "batch_size": (1, math.inf),
    "learning_rate": (0, math.inf),
    "learning_rate_warmup": (0, math.inf),
    "weight_decay": (0, math.inf),
    "gradient_clip": (0, math.inf),
    "weight_average": (0, 0.99999),
    "seed": (0, 2**31 - 1),
    "steps_per_execution": (1, math.inf),
    "grid_every": (0, math.inf),
    "projector_every": (0, math.inf),
    "histogram_every": (0, math.inf),
    "importance_samples": (1, math.inf),
    "steps": (3, 1000),
    "pairs": (2, math.inf),
    "points": (31, 100_000),
    "neighbours": (2, math.inf),
    "min_distance": (0, 1),
    "perplexity": (1, math.inf),
    "repeats": (2, math.inf),
}

# Each preset names only what differs from the defaults above.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "quick": {"epochs": 6, "weight_average": 0.98, "grid_every": 2, "histogram_every": 2},
    "manifold": {"latent_dim": 2, "epochs": 40},
    "benchmark": {"latent_dim": 40, "binarize": "dynamic"},
}


def add_arguments(parser: argparse.ArgumentParser, config: type = TrainConfig) -> None:
    """Give a parser one option for each field of a configuration, and `--preset` where it has presets."""
    for each in dataclasses.fields(config):
        if each.name == "preset":
            parser.add_argument("--preset", choices=PRESETS, help="a named set of options (default: default)")
            continue
        details = dict(each.metadata)
        text, flag = details.pop("help"), details.pop("flag", _flag(each.name))
        if each.default is not None:
            text = f"{text} (default: {each.default})"
            details.setdefault("type", type(each.default))
        if choices := _choices(each):
            details["choices"] = choices
        parser.add_argument(flag, dest=each.name, default=argparse.SUPPRESS, help=text, **details)


def command_options(config: Any, default: Any = None) -> list[str]:
    """The options on a command line that make a configuration of the default one.

    Args:
        config: a configuration of this module.
        default: one of the same kind; None takes that without options.
    """
    default = type(config)() if default is None else default
    options = []
    for each in dataclasses.fields(config):
        value = getattr(config, each.name)
        if value != getattr(default, each.name) and each.name != "preset":
            values = value if isinstance(value, (tuple, list)) else (value,)
            options += [each.metadata.get("flag", _flag(each.name)), *map(str, values)]
    return options


def given_options(arguments: argparse.Namespace, config: type = TrainConfig) -> dict[str, Any]:
    """The fields of a configuration that were given on the command line."""
    names = {each.name for each in dataclasses.fields(config)} - {"preset"}
    return {name: value for name, value in vars(arguments).items() if name in names}


def _check_fields(config: Any) -> None:
    for each in dataclasses.fields(config):
        value = getattr(config, each.name)
        if each.name in _RANGES:
            low, high = _RANGES[each.name]
            if not low <= value <= high or not math.isfinite(value):
                bounds = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
                raise InputError(f"{_flag(each.name)} must be {bounds}, not {value}.")
        choices = _choices(each)
        if choices and value not in choices:
            raise InputError(f"{_flag(each.name)} must be one of {', '.join(choices)}, not {value!r}.")


def _choices(each: "dataclasses.Field[Any]") -> tuple[str, ...]:
    return get_args(each.type) if get_origin(each.type) is Literal else ()


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
