"""What was decoded of image files, once, and lies in the user's cache until it is removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from keras_vae.files import cache_folder

__all__ = ["DESCRIPTION", "image_cache", "remove_prepared_images"]

DESCRIPTION = "data.json"  # in a folder of arrays: what they are


def image_cache() -> Path:
    """Where decoded images are kept, unless another folder is given."""
    return cache_folder() / "images"


def remove_prepared_images(folder: Path | None = None) -> Iterator[tuple[str, int, bool]]:
    """Remove decoded images that the next command makes again, since the files that they are of are still there.

    Args:
        folder: holds them; None takes the user's cache.

    Yields:
        Of each folder or list of images its path, the bytes that its arrays take, and whether they were removed.
    """
    for description in sorted((folder or image_cache()).glob(f"*/{DESCRIPTION}")):
        if not description.with_name("train-images.npy").is_file():  # a file of this name is not ours alone
            continue
        try:
            name = str(json.loads(description.read_text())["name"])
        except (OSError, ValueError, KeyError, TypeError):  # damaged: whoever reads it next makes it again
            name = str(description.parent.absolute())
        size = sum(path.stat().st_size for path in description.parent.iterdir())
        # What was opened from files has their absolute path as its name; arrays that were kept have any other.
        can_be_made_again = Path(name).is_absolute() and Path(name).exists()
        if can_be_made_again:
            shutil.rmtree(description.parent)
        yield name, size, can_be_made_again
