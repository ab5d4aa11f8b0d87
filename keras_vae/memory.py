"""How much memory there is, and files that would fill it."""

import math
import zipfile
from pathlib import Path

from keras_vae.errors import InputError

__all__ = ["available_memory", "check_unpacked_size"]

MEMORY, LIMIT = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")


def available_memory() -> float:
    """Bytes of memory that this process can have; without end where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
        limit = LIMIT.read_text().strip() if LIMIT.is_file() else "max"
    except (OSError, ValueError, KeyError):
        return math.inf
    return free if limit == "max" else min(free, float(limit))


def check_unpacked_size(path: Path) -> None:
    """Refuse an archive that unpacks to more than the memory holds: a few kilobytes can be made to.

    What is no archive, or a damaged one, is left to whoever reads it.

    Args:
        path: of a file in the format of zip, as `.npz` and `.keras` are.

    Raises:
        InputError: it does.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # whose members are read no further than the size that they state
            size = sum(member.file_size for member in archive.infolist())
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return
    if size > (available := available_memory()):
        raise InputError(
            f"{path} unpacks to {size / 1e9:,.1f} GB, and {available / 1e9:,.1f} GB of memory are free: it is damaged, "
            "or too large for this machine."
        )
