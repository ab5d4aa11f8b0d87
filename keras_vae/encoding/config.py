"""What of a collection is encoded, and in which files."""

import re
from dataclasses import dataclass
from typing import Literal

from keras_vae.command_line import check_fields, option
from keras_vae.errors import InputError

__all__ = ["EncodingConfig"]


@dataclass(frozen=True)
class EncodingConfig:
    """Everything that decides what is written, and the share of it that one process writes.

    Raises:
        InputError: a value is out of its range, or names no share.
    """

    split: Literal["all", "train", "validation", "test"] = option("all", "images that are encoded")
    shard_size: int = option(20_000, "images in a file", low=1)
    importance_samples: int = option(
        0, "posterior samples an image, for the importance-weighted bound on its likelihood; 0: no bound", low=0
    )
    seed: int = option(0, "seed of these samples", low=0, high=2**31 - 1)
    shard: str = option("1/1", "the share of this process: 2/8 is the second of eight that work side by side")

    def __post_init__(self) -> None:
        check_fields(self)
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", self.shard)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise InputError(f"--shard must be like 2/8, the second of eight processes, not {self.shard!r}.")

    @property
    def share(self) -> tuple[int, int]:
        """Number of this process, counted from 0, and how many there are."""
        number, _, count = self.shard.partition("/")
        return int(number) - 1, int(count)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are encoded."""
        return ("train", "validation", "test") if self.split == "all" else (self.split,)
