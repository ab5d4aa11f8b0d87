"""Where the project's own files lie, and how files are written."""

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import time
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from keras_vae.errors import InputError

__all__ = [
    "BUNDLED",
    "REPOSITORY",
    "UNREADABLE",
    "cache_folder",
    "clear_leftovers",
    "expanded",
    "files_below",
    "make_folder",
    "prepared_folder",
    "remove_durably",
    "replace_durably",
    "replace_folder",
    "require_room",
    "synchronise",
    "temporary_folder",
    "typed_command",
    "write_atomically",
]

# What numpy raises, of a file of arrays that is damaged.
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    SyntaxError,
    RuntimeError,  # of an archive with a password, or packed in a way that is not implemented
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

# Names of what is written before it gets its own; the last ones are of folders that earlier versions made in a run.
TEMPORARY = re.compile(r"\.((.+\.)?part([.-].+)?|.+\.[0-9a-f]{8}|(exploring|projector.*)-[a-z0-9_]{8})")
ASIDE = re.compile(r"\.(.+)\.aside")  # of a folder that makes way for another
STALE = 60.0  # seconds: whoever still writes touches what it writes more often

_PACKAGE = Path(__file__).resolve().parent

# The checkout that the package is used from; None where it is installed.
REPOSITORY: Path | None = _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else None

# Data and weights that come with the package: a wheel carries those of the repository inside the package.
BUNDLED: Path = REPOSITORY / "data" if REPOSITORY else _PACKAGE / "bundled"


def prepared_folder() -> Path:
    """Where data sets that come with the package are kept once they are prepared.

    `data/prepared` of a repository that can be written; otherwise `keras_vae` in the user's cache, which is
    `$XDG_CACHE_HOME` or `~/.cache`.
    """
    if REPOSITORY and os.access(BUNDLED, os.W_OK):
        return BUNDLED / "prepared"
    return cache_folder()


def cache_folder() -> Path:
    """Where what is made of the user's own data is kept: `keras_vae` in `$XDG_CACHE_HOME` or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keras_vae"


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path that was typed, with the home folder in the place of `~`.

    Raises:
        InputError: there is no such user, or no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{os.fspath(path)} is in no home folder that there is: write the path out.") from error


def require_room(folder: Path, size: int) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        folder: where something will be written; it need not exist yet.
        size: bytes that are needed.

    Raises:
        InputError: there are fewer.
    """
    folder = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
    free = shutil.disk_usage(folder).free
    if free < size:
        raise InputError(
            f"{folder} has {free / 1e6:,.0f} MB free, and {size / 1e6:,.0f} MB are needed: make room there."
        )


def typed_command(name: str) -> str:
    """How a command is typed: `python scripts/train.py` in a repository, `keras-vae train` where it is installed."""
    return f"python scripts/{name.replace('-', '_')}.py" if REPOSITORY else f"keras-vae {name}"


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write a file so that no reader, no crash and no loss of power leaves half of it; missing folders are made."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        replace_durably(part, path)
    except OSError as error:  # that of a full disk does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that no loss of power takes them, and what is put there, away again."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        synchronise(each.parent)


def replace_durably(part: Path, path: Path) -> None:
    """Give a finished file or folder its name, once its content is on the disk: a name never stands for less.

    Args:
        part: the file or folder, on the same disk as `path`.
        path: the file, or the empty folder, that it replaces.
    """
    _synchronise_all(part)
    part.replace(path)
    synchronise(path.parent)


def replace_folder(part: Path, folder: Path) -> None:
    """Put a finished folder in the place of one that is there: at every moment one of them is whole.

    Whoever is killed in between leaves the old one beside its place, where `clear_leftovers` finds it.

    Args:
        part: the folder, on the same disk.
        folder: the one that it replaces, which need not exist.
    """
    _synchronise_all(part)
    aside = folder.with_name(f".{folder.name}.aside")
    if os.path.lexists(folder):  # otherwise what lies aside is the only one, until the new one is in its place
        _remove(aside)
        folder.replace(aside)
    part.replace(folder)
    synchronise(folder.parent)
    _remove(aside)


def temporary_folder(path: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder to build something in: beside its place, and with a name that `clear_leftovers` knows.

    Args:
        path: what is built; its folder exists.
    """
    return tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.part-")


def remove_durably(path: Path) -> None:
    """Remove a file, if it is there, before anything is written that it does not go with."""
    path.unlink(missing_ok=True)
    synchronise(path.parent)


def synchronise(path: Path) -> None:
    """Put on the disk what a file holds, or which names a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def files_below(folder: Path) -> list[Path]:
    """All files and folders below one, without those that vanish meanwhile; none where there is no such folder."""
    return [Path(parent, name) for parent, folders, files in os.walk(folder) for name in (*folders, *files)]


def clear_leftovers(paths: Iterable[Path], untouched: float = STALE, *, alone: bool = False) -> None:
    """Remove what a process left that was killed while it wrote, and put back what it had only put aside.

    Args:
        paths: files and folders, of which only those with the name of a temporary one are looked at.
        untouched: seconds since a temporary one was written to, or put aside: others are somebody's work.
        alone: whether nobody else replaces folders there: then what lies aside is put back at once.
    """
    for path in list(paths):
        with contextlib.suppress(OSError):  # another process clears them too, or nothing can be removed there
            found = ASIDE.fullmatch(path.name)
            if found and not alone and time.time() - path.lstat().st_ctime < untouched:
                continue
            if found and not os.path.lexists(place := path.with_name(found[1])):
                path.rename(place)
                synchronise(place.parent)
            elif found or (
                TEMPORARY.fullmatch(path.name)
                and time.time() - max(each.stat().st_mtime for each in (path, *path.rglob("*"))) >= untouched
            ):
                _remove(path)


def _synchronise_all(path: Path) -> None:
    for each in (*path.rglob("*"), path):
        synchronise(each)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
