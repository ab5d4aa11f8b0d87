"""What a training run is made of: one frozen dataclass and its JSON."""

import dataclasses
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from keras_vae.command_line import check_fields, command_options, option
from keras_vae.errors import InputError
from keras_vae.formats import FORMAT
from keras_vae.runs.earlier_versions import FIRST_VERSION, with_options_of_its_time
from keras_vae.runs.fewer_images import options_for
from keras_vae.runs.limits import MOST, MOST_COUPLINGS, MOST_LAYERS, WITH_VARIANCE
from keras_vae.runs.presets import PRESETS
from keras_vae.version import __version__

__all__ = ["TrainConfig"]

CONVOLUTIONAL_FROM = 48 * 48  # pixels of an image: where `auto` takes a convolutional network (docs/colour.md)


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides how a run turns out; the same configuration gives the same weights on the same machine.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    preset: str = "default"

    dataset: str = option(
        "fashion_mnist",
        "colour_shapes, name of a TFDS data set, folder of images, .npy or .npz file of arrays, or CSV file of paths",
        heading="data",
    )
    image_size: tuple[int, ...] | None = option(
        None,
        "side, or height and width, that images are resized and cropped to (default: they are of one size)",
        nargs="+",
        type=int,
        metavar="PIXELS",
        low=8,
        high=256,
    )
    value_range: tuple[float, ...] | None = option(
        None,
        "values of black and white in arrays, where their type does not tell",
        nargs=2,
        type=float,
        metavar=("BLACK", "WHITE"),
        low=-1e30,
        high=1e30,
    )
    held_out: Literal["shuffled", "in_order"] = option(
        "shuffled",
        "how missing splits are taken from the training images: at random, always alike, or two of every six in order",
    )
    data_dir: str | None = option(
        None, "folder where TFDS, or what decodes images, keeps what it prepares", metavar="FOLDER", type=str
    )
    memory_budget: int = option(
        2048, "MiB of images that are kept in memory; larger data are streamed from disk", low=0, high=MOST
    )
    binarize: Literal["none", "dynamic"] = option(
        "none", "dynamic: draw the pixels black or white afresh in every epoch"
    )

    latent_dim: int = option(40, "size of the latent space", low=1, high=4096, heading="model")
    levels: int = option(
        1,
        "2: half of the latents, the upper ones, are drawn first, from --prior, and the lower half given them",
        low=1,
        high=2,
    )
    network: Literal["auto", "dense", "convolutional", "strided"] = option(
        "auto",
        "kind of encoder and decoder; auto: convolutional for large images, unless --widths or --dropout, which are of "
        "dense ones, are given; strided: the convolutional one of versions before 0.3.0",
    )
    widths: tuple[int, ...] | None = option(
        None,
        "hidden widths from the image inwards (default: the network's own)",
        nargs="+",
        type=int,
        low=1,
        high=65_536,
    )
    likelihood: Literal["bernoulli", "gaussian", "laplace", "discretized_logistic", "continuous_bernoulli"] = option(
        "gaussian", "distribution of the pixels"
    )
    variance: Literal["optimal", "learned"] = option(
        "optimal", "of Gaussian or Laplace pixels in training: the best one for each batch, or one that is learned"
    )
    beta: float = option(0.1, "weight of the KL; 1 is the ELBO", low=0, high=1e6)
    prior: Literal["standard_normal", "mixture", "flow", "vamp"] = option(
        "mixture", "distribution of the latents that samples are drawn from"
    )
    prior_components: int = option(
        1000, "Gaussians of a mixture, images of a VampPrior, couplings of a flow", low=1, high=100_000
    )
    prior_training: Literal["afterwards", "joint"] = option(
        "afterwards",
        "when a mixture or flow is learned: afterwards fits it to the latents of a model trained against N(0, I), "
        "joint learns it with the model, as a VampPrior always is",
    )
    prior_temperature: float = option(
        1.0,
        "factor on the standard deviations of a mixture that is fitted afterwards; below 1 samples are more plausible, "
        "and less varied",
        low=0.1,
        high=10,
    )
    beta_warmup: float = option(0.0, "epochs over which beta grows from 0 to its value", low=0, high=MOST)

    augmentation: float = option(
        1.0,
        "share of the training in which images are also mirrored, shifted, and made brighter or darker, ever less; "
        "0: never",
        low=0,
        high=1,
        heading="training",
    )
    epochs: int = option(42, "number of passes over the training images", low=1, high=MOST)
    batch_size: int = option(500, "number of images in a training step", low=1, high=MOST)
    learning_rate: float = option(5e-3, "peak learning rate of Adam", low=0, high=1e30)
    schedule: Literal["cosine", "constant"] = option("cosine", "course of the learning rate after its warm-up")
    learning_rate_warmup: float = option(1.0, "epochs over which the learning rate grows from 0", low=0, high=MOST)
    weight_decay: float = option(0.1, "decoupled weight decay (AdamW); 0 is plain Adam", low=0, high=1000)
    dropout: float = option(
        0.0, "probability that a hidden unit of a dense network is dropped in a training step", low=0, high=0.9
    )
    input_noise: float = option(
        0.0, "deviation of noise on what the encoder sees in training, of pixels in [0, 1]", low=0, high=10
    )
    patience: int = option(
        0,
        "epochs without a lower loss on the validation split after which the training ends, with the weights of the "
        "epoch that had the lowest; 0: as many as --epochs",
        low=0,
        high=MOST,
    )
    importance_epochs: int = option(
        0,
        "last epochs, after the warm-up of beta, which are trained on the importance-weighted bound instead of the "
        "ELBO; 0: none",
        low=0,
        high=MOST,
    )
    importance_samples: int = option(8, "posterior samples an image in --importance-epochs", low=2, high=1000)
    sharpening_epochs: int | None = option(
        None,
        "epochs after the others, in which the decoder learns alone, the absolute error, so that samples are sharper; "
        "0: none (default: half as many as --epochs, for grey pixels of Gaussian likelihood; else none)",
        type=int,
        low=0,
        high=MOST,
    )
    gradient_clip: float = option(0.0, "largest global norm of a gradient; 0 does not clip", low=0, high=1e30)
    weight_average: float = option(
        0.995, "momentum of the moving average of the weights; 0 keeps none", low=0, high=0.99999
    )
    init_from: str | None = option(
        None, "start from the weights of another run of the same network and latents", metavar="RUN", type=str
    )
    seed: int = option(0, "seed of the initial weights, the order of the images and the noise", low=0, high=2**31 - 1)

    xla: Literal["auto", "on", "updates", "off"] = option(
        "auto", "compile steps with XLA, or the optimizer's part alone; auto: what is faster", heading="computing"
    )
    mixed_precision: Literal["auto", "on", "off"] = option(
        "auto", "multiply in bfloat16 while training; auto: where that is faster"
    )
    distribute: Literal["auto", "mirrored", "multiworker"] = option(
        "auto",
        "devices that share each batch; auto: all GPUs of this machine if there are several; mirrored: all its "
        "devices; multiworker: those of all machines in TF_CONFIG or of a Slurm step (docs/distributed.md)",
    )
    steps_per_execution: int = option(10, "training steps in one call of the graph", low=1, high=MOST)

    grid_every: int = option(10, "epochs between sample grids; 0: only at the end", low=0, high=MOST, heading="output")
    projector_every: int = option(0, "epochs between snapshots for the projector; 0: only at the end", low=0, high=MOST)
    histogram_every: int = option(10, "epochs between histograms of the weights; 0: none", low=0, high=MOST)

    def __post_init__(self) -> None:
        for name in ("widths", "image_size", "value_range"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_fields(self)
        if not isinstance(self.preset, str):
            raise InputError(f"--preset must be a text, not {self.preset!r}.")
        if self.learning_rate <= 0:
            raise InputError(f"--learning-rate must be more than 0, not {self.learning_rate}.")
        if self.widths is not None and not 1 <= len(self.widths) <= MOST_LAYERS:
            raise InputError(f"--widths has {len(self.widths)} layers: give 1 to {MOST_LAYERS}.")
        if self.prior == "flow" and self.prior_components > MOST_COUPLINGS:
            raise InputError(
                f"--prior flow of {self.prior_components:,} couplings would not be learned in a lifetime: "
                f"give --prior-components 8, say, and {MOST_COUPLINGS} at most."
            )
        if self.prior_temperature != 1.0 and not (self.is_prior_fitted and self.prior == "mixture"):
            raise InputError(
                "--prior-temperature is of a mixture that is fitted afterwards: leave it out, or give --prior mixture "
                "and --prior-training afterwards."
            )
        if self.image_size is not None and len(self.image_size) not in (1, 2):
            raise InputError(f"--image-size takes a side, or a height and a width, not {list(self.image_size)}.")
        if self.value_range is not None:
            from keras_vae.data import check_value_range  # not for `--help`

            check_value_range(self.value_range)

        if self.dropout and self.network not in ("auto", "dense"):
            raise InputError(
                f"--dropout is of dense networks, not of {self.network} ones: give --dropout 0, or --network dense."
            )
        if self.variance == "learned" and self.likelihood not in WITH_VARIANCE:
            raise InputError(f"--variance learned is for --likelihood gaussian or laplace, not {self.likelihood}.")
        if self.sharpening_epochs and not self._has_grey_means:
            raise InputError(
                "--sharpening-epochs is for --likelihood gaussian and --binarize none, not "
                f"{self.likelihood} and {self.binarize}: give these, or 0 epochs."
            )
        if self.patience and self.distribute == "multiworker":
            raise InputError("--patience is for one process: leave it out, or --distribute multiworker.")
        if self.importance_epochs:
            if self.beta != 1.0:
                raise InputError(
                    f"--importance-epochs needs --beta 1, not {self.beta}, as its bound has no other weight: "
                    "give this, or --importance-epochs 0."
                )
            if self.dropout or self.patience:
                other = "--dropout" if self.dropout else "--patience"
                raise InputError(f"--importance-epochs does not go with {other}: give one of them as 0.")

    @property
    def varied_epochs(self) -> float:
        """How many epochs show varied images."""
        return self.augmentation * self.epochs

    @property
    def epochs_of_sharpening(self) -> int:
        """How many epochs the decoder learns alone, after the others."""
        if self.sharpening_epochs is not None:
            return self.sharpening_epochs
        return self.epochs // 2 if self._has_grey_means else 0

    @property
    def is_prior_fitted(self) -> bool:
        """Whether the prior is fitted once the model is trained."""
        return self.prior in ("mixture", "flow") and self.prior_training == "afterwards"

    @property
    def prior_in_words(self) -> str:
        """What the prior is, as a page about a run says it."""
        words = {
            "standard_normal": "N(0, I)",
            "mixture": f"mixture of {self.prior_components:,} Gaussians",
            "flow": f"flow of {self.prior_components:,} couplings",
            "vamp": f"VampPrior of {self.prior_components:,} images",
        }[self.prior]
        words = f"{words} at a temperature of {self.prior_temperature:g}" if self.prior_temperature != 1.0 else words
        words = f"{words}, fitted afterwards" if self.is_prior_fitted else words
        return f"{words} (upper of two levels)" if self.levels == 2 else words

    def network_for(self, image_shape: Sequence[int]) -> Literal["dense", "convolutional", "strided"]:
        """The network that images of this shape get: the given one, or the one that `auto` stands for.

        Args:
            image_shape: `(h, w, c)`.
        """
        if self.network != "auto":
            return self.network
        is_large = math.prod(image_shape[:2]) >= CONVOLUTIONAL_FROM
        return "convolutional" if is_large and self.widths is None and not self.dropout else "dense"

    @classmethod
    def from_preset(cls, preset: str = "default", **options: Any) -> "TrainConfig":
        """Make a configuration from a preset and the options that differ from it.

        A preset's epochs on the importance-weighted bound are left out where a beta, dropout or patience is given that
        does not go with them, and its temperature where the prior is no mixture that is fitted afterwards.

        Args:
            preset: a key of `PRESETS`.
            **options: fields of this class.

        Raises:
            InputError: no such preset, or a value out of its range.
        """
        if preset not in PRESETS:
            raise InputError(f"There is no preset {preset!r}; choose one of {', '.join(PRESETS)}.")
        return cls(preset=preset, **{**PRESETS[preset], **_left_out_for(options), **options})

    @classmethod
    def from_json(cls, text: str | bytes) -> "TrainConfig":
        """Read what `to_json` wrote, in this version or in an earlier one, whose options keep the values of that time.

        Raises:
            InputError: not such a text, or of a version with other fields than are known: the message names them.
        """
        try:
            saved = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"This is not a saved training configuration: {error}.") from error
        known = {each.name for each in dataclasses.fields(cls)}
        if not isinstance(saved, dict) or not known & saved.keys():
            raise InputError("This is not a saved training configuration: it has none of its fields.")
        version = saved.pop("version", FIRST_VERSION)
        saved = with_options_of_its_time(saved, version)
        differences = {"missing": known - saved.keys(), "not known here": saved.keys() - known}
        if any(differences.values()):
            says = [f"{what}: {', '.join(sorted(names))}" for what, names in differences.items() if names]
            found = " ".join(f"{version}; {'; '.join(says)}".split())  # names may be anything
            raise InputError(f"keras_vae {__version__} cannot read a configuration of {found}.")
        try:
            return cls(**saved)
        except TypeError as error:
            raise InputError(f"This is not a saved training configuration: {error}.") from error

    def to_json(self) -> str:
        """Write the version of this package, the format of the values, and every field in order."""
        return json.dumps({"version": __version__, "format": FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n"

    def command_options(
        self, image_shape: Sequence[int] | None = None, training_images: int | None = None
    ) -> list[str]:
        """What to give to the command `train` for this configuration: the preset, and what differs from it.

        Args:
            image_shape: `(h, w, c)` of the images, for which `auto` may take the same network; None names the network.
            training_images: their number, which options that are not given follow; None takes it for large enough.
        """
        options = ["--preset", self.preset] if self.preset != "default" else []
        preset, config = type(self).from_preset(self.preset), self
        if image_shape is not None and preset.network == "auto":
            chosen = self.replace(network="auto")
            config = chosen if chosen.network_for(image_shape) == self.network else self
        named = config._differing_from(preset)
        if training_images is not None:
            while changed := config._differing_from(config.suited_to(training_images, named)):
                named |= changed
        return options + command_options(config, preset, named)

    def suited_to(self, images: int, given: Collection[str] = ()) -> "TrainConfig":
        """Let batch, epochs, warm-up and pictures follow the number of training images, where these are few.

        The presets are for Fashion-MNIST, `colour` is for its coloured shapes. Fewer images get batches of a twentieth
        of them, a learning rate that goes with the square root of the batch, and as many epochs as make up for the
        steps, but at most three times as many: a longer training learns few images by heart. A mixture has a Gaussian
        for twenty of them at most.

        Args:
            images: of the training split.
            given: options that stay as they are.

        Returns:
            The same configuration where there are as many images as in these, or more.
        """
        return self.replace(**options_for(self, images, given))

    @property
    def _has_grey_means(self) -> bool:
        return self.likelihood == "gaussian" and self.binarize == "none"

    def _differing_from(self, other: "TrainConfig") -> set[str]:
        names = (each.name for each in dataclasses.fields(self))
        return {name for name in names if getattr(self, name) != getattr(other, name)}

    def replace(self, **options: Any) -> "TrainConfig":
        """A copy with some fields changed, and what does not go with them left out as `from_preset` leaves it out.

        Raises:
            InputError: a value is out of its range.
        """
        return dataclasses.replace(self, **{**_left_out_for(options), **options})


def _left_out_for(options: Mapping[str, Any]) -> dict[str, Any]:
    left_out: dict[str, Any] = {}
    if options.get("beta", 1.0) != 1.0 or options.get("dropout") or options.get("patience"):
        left_out["importance_epochs"] = 0
    if options.get("prior", "mixture") != "mixture" or options.get("prior_training") == "joint":
        left_out["prior_temperature"] = 1.0
    return left_out
