"""Images as files, for tests to read."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_folder(folder: Path, images: np.ndarray, labels: np.ndarray, suffix: str = "png") -> Path:
    """Write images as `folder/<class>/<number>.<suffix>`."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        directory = folder / f"class {label}"
        directory.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.squeeze()).save(directory / f"{number:04}.{suffix}")
    return folder
