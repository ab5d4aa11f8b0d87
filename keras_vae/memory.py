"""How much memory there is, and files that would fill it."""

import math
import zipfile
from pathlib import Path

from keras_vae.errors import InputError

__all__ = ["available_memory", "check_unpacked_size"]

MEMORY, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")  # the control group of the container, if this is one


def available_memory() -> float:
    """Bytes of memory that this process can have; infinite where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
        return min(free, _left_to_group())
    except (OSError, ValueError, KeyError):
        return math.inf


def _left_to_group() -> float:
    """Bytes that a container may still take; what it keeps of files is given back when it needs the room."""
    limit = (GROUP / "memory.max").read_text().strip() if (GROUP / "memory.max").is_file() else "max"
    if limit == "max":
        return math.inf
    taken = int((GROUP / "memory.current").read_text())
    parts = dict(line.split() for line in (GROUP / "memory.stat").read_text().splitlines())
    return max(0.0, float(limit) - taken + int(parts["active_file"]) + int(parts["inactive_file"]))


def check_unpacked_size(path: Path) -> None:
    """Refuse an archive that unpacks to more than the memory holds: a few kilobytes can be made to.

    What is no archive, or a damaged one, is left to whoever reads it.

    Args:
        path: of a file in the format of zip, as `.npz` and `.keras` are.

    Raises:
        InputError: it does.
    """
    try:
        # Members are read no further than the size that they state; what is not compressed lies on the disk already.
        with zipfile.ZipFile(path) as archive:
            packed = [member for member in archive.infolist() if member.compress_type != zipfile.ZIP_STORED]
            size = sum(member.file_size for member in packed)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return
    if size > (available := available_memory()):
        raise InputError(
            f"{path} unpacks to {size / 1e9:,.1f} GB, and {available / 1e9:,.1f} GB of memory are free: it is damaged, "
            "or too large for this machine."
        )
