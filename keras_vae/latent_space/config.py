"""What an exploration of a latent space shows, and how."""

from dataclasses import dataclass

from keras_vae.command_line import check_fields, option
from keras_vae.errors import InputError

__all__ = ["FORMAT", "LEAST_FOR_FINDINGS", "LEAST_POINTS", "ExplorationConfig"]

LEAST_POINTS = 31  # images of a split: trustworthiness takes more than twice its 15 neighbours
LEAST_FOR_FINDINGS = 200  # test images: of fewer, a share is known to seven hundredths (two standard errors) at best
FORMAT = 3  # of latent.json: goes up when what it holds changes


@dataclass(frozen=True)
class ExplorationConfig:
    """Everything that decides what an exploration of a latent space shows.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """

    start: str | None = option(
        None, "class, or number of the test image, where the path begins", flag="--from", type=str
    )
    end: str | None = option(None, "class, or number of the test image, where it ends", flag="--to", type=str)
    steps: int = option(12, "images on a path, both ends included", low=3, high=1000)
    pairs: int = option(
        200, "random pairs of images of different classes, for the means over paths", low=2, high=100_000
    )
    points: int = option(
        10_000, "number of test images that are explored, from the first", low=LEAST_POINTS, high=100_000
    )
    neighbours: int = option(15, "neighbours of each point in UMAP", low=2, high=10_000)
    min_distance: float = option(0.1, "least distance between points of the UMAP map", low=0, high=1)
    perplexity: float = option(30.0, "effective number of neighbours of each point in t-SNE", low=1, high=10_000)
    repeats: int = option(5, "number of seeds of each clustering", low=2, high=1000)
    seed: int = option(0, "seed of maps, clusterings and random pairs", low=0, high=2**31 - 1)

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.start is None) != (self.end is None):
            raise InputError("A path needs both --from and --to: a class, or the number of a test image, each.")
