"""What an exploration looks at: the latent space of a run, and the images in it."""

from __future__ import annotations

import dataclasses
import math
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.latent_space.config import LEAST_FOR_FINDINGS, LEAST_POINTS, ExplorationConfig
from keras_vae.model import VAE, posterior_means
from keras_vae.runs import Run

__all__ = ["Findings", "Space"]

EXAMPLES = 10  # images between which lines are drawn
REFERENCES = 50_000  # training images at most, to which neighbours and probes are fitted
LEAST_KEPT = 1_000  # images of a split, however small the memory budget is
BYTES_PER_VALUE = 5  # one as it is, and four as a float32 where pixels are compared


@dataclasses.dataclass
class Findings:
    """What a part of an exploration has found.

    Attributes:
        numbers: what goes into `latent.json`.
        charts: by their names.
        pictures: `(h, w, 1 or 3)` uint8 by their names.
        animations: GIF files by their names.
        plain: pictures without words, `(h, w, 1 or 3)` uint8 by their names.
        arrays: what others may go on computing with, by their names in `maps.npz`.
    """

    numbers: dict[str, Any]
    charts: dict[str, Figure]
    pictures: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    animations: dict[str, bytes] = dataclasses.field(default_factory=dict)
    plain: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Space:
    """The latent space of a run, and the images in it.

    Attributes:
        run: the run that is explored.
        config: what is shown.
        model: model of the run.
        data: the run's own.
    """

    run: Run
    config: ExplorationConfig
    model: VAE
    data: ImageData

    def check(self) -> None:
        """Find out whatever the options and the data could stop later.

        Raises:
            InputError: the images are fewer than an option asks for, of too few classes, or not those of `--from` and
                `--to`.
        """
        config, count = self.config, len(self.labels)
        classes, references = len(np.unique(self.labels)), self.data.counts["train"]
        needed = max(classes + 1, len(self.data.class_names)) if self.has_classes else 0
        if count < max(LEAST_POINTS, needed) or references < LEAST_POINTS:
            raise InputError(
                f"{count} test and {references} training images of {self.data.name} are too few to explore: it takes "
                f"{LEAST_POINTS} of each, and a test image for each class."
            )
        for flag, needed in (
            ("--neighbours", config.neighbours + 1),
            ("--perplexity", int(3 * self.perplexity) + 1),
        ):
            if count < needed:
                raise InputError(f"{flag} takes at least {needed} test images, here are {count}: give a smaller one.")
        self.ends  # noqa: B018 (asks for the images of --from and --to)

    @cached_property
    def has_classes(self) -> bool:
        """Whether the test images are of several classes."""
        return len(np.unique(self.labels)) > 1

    @property
    def has_findings(self) -> bool:
        """Whether there are so many test images that sentences can be made of what is measured on them."""
        return self.has_classes and len(self.labels) >= LEAST_FOR_FINDINGS

    @property
    def perplexity(self) -> float:
        """Perplexity of t-SNE: the default is less where there are too few images for it."""
        given = self.config.perplexity
        return given if given != ExplorationConfig.perplexity else min(given, (len(self.labels) - 1) / 3.0)

    @cached_property
    def examples(self) -> dict[int, str]:
        """Numbers of some test images and what to call them: the first of each class, or simply the first ones."""
        if not self.has_classes:
            return {number: f"image {number}" for number in range(min(EXAMPLES, len(self.labels)))}
        present, first = np.unique(self.labels, return_index=True)
        names = self.data.class_names
        return {int(at): names[label] for label, at in zip(present[:EXAMPLES], first, strict=False)}

    def name_of(self, number: int) -> str:
        """What a test image is called: its class where there are several."""
        return self.data.class_names[self.labels[number]] if self.has_classes else f"image {number}"

    @cached_property
    def ends(self) -> tuple[int, int]:
        """Numbers of the test images of `--from` and `--to`, or of the first and the last class.

        Where there are no classes: of the first image, and of that which lies farthest from it.
        """
        if not self.has_classes:
            if self.config.start is not None and self.config.end is not None:
                return _image_of(self, self.config.start, "--from"), _image_of(self, self.config.end, "--to")
            return 0, int(np.argmax(np.linalg.norm(self.means - self.means[0], axis=1)))
        names, present = self.data.class_names, np.unique(self.labels)
        start = names[present[0]] if self.config.start is None else self.config.start
        end = names[present[-1]] if self.config.end is None else self.config.end
        first, last = _image_of(self, start, "--from"), _image_of(self, end, "--to")
        if self.labels[first] == self.labels[last]:
            raise InputError(f"--from and --to are both of class {names[self.labels[first]]}: give two classes.")
        return first, last

    @cached_property
    def images(self) -> np.ndarray:
        """Test images, `(n, h, w, c)` uint8: as many as are asked for, or as the run's memory budget allows."""
        return self.data.images("test", self._affordable(self.config.points))

    @cached_property
    def labels(self) -> np.ndarray:
        """Their classes, `(n,)`."""
        return self.data.labels("test", self._affordable(self.config.points))

    @cached_property
    def classes_left_out(self) -> list[str]:
        """Classes of the test split of which no image is among those that are explored."""
        there, explored = np.unique(self.data.labels("test")), np.unique(self.labels)
        return [self.data.class_names[label] for label in np.setdiff1d(there, explored)]

    @cached_property
    def means(self) -> np.ndarray:
        """Their posterior means, `(n, d)`."""
        return posterior_means(self.model, self.images)

    @cached_property
    def references(self) -> tuple[np.ndarray, np.ndarray]:
        """Training images drawn at random, and their labels; the first ones where they are streamed from disk.

        There are no more than the run's memory budget allows.
        """
        return self.data.drawn("train", self._affordable(REFERENCES), self.config.seed)

    @cached_property
    def reference_means(self) -> np.ndarray:
        """Posterior means of the training images drawn, `(n, d)`."""
        return posterior_means(self.model, self.references[0])

    def _affordable(self, count: int) -> int:
        """The count, or as many images as half of the memory budget holds: there are two splits."""
        budget = self.run.config.memory_budget * 2**20 // 2
        return min(count, max(LEAST_KEPT, budget // (BYTES_PER_VALUE * math.prod(self.data.image_shape))))


def _image_of(space: Space, wanted: str, flag: str) -> int:
    names = list(space.data.class_names) if space.has_classes else []
    if wanted in names:
        members = np.flatnonzero(space.labels == names.index(wanted))
        if len(members):
            return int(members[0])
        raise InputError(f"{flag} {wanted!r}: none of the {len(space.labels):,} test images is of this class.")
    if wanted.isdecimal():
        if int(wanted) < len(space.labels):
            return int(wanted)
        raise InputError(
            f"{flag} {wanted} is no test image: those looked at are numbered from 0 to {len(space.labels) - 1}."
        )
    known = f"no class: give one of {', '.join(names)}, or" if names else "no number: give"
    raise InputError(f"{flag} {wanted!r} is {known} the number of a test image.")
