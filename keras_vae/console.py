"""What a command shows: the user's own lines and no start-up noise, one line for what the user can mend."""

import errno
import importlib.metadata
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence

from keras_vae.backend import GPU_DRIVER, LOG_LEVEL, NO_NOTES, compute_exactly, require_tensorflow
from keras_vae.errors import InputError

__all__ = ["import_tensorflow", "run_command"]

NOT_WRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}
# The same, of TensorFlow and of HDF5, who say it in words alone.
FULL = re.compile("|".join(re.escape(os.strerror(each)) for each in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))
NO_PLACE_FOR_TEMPORARY = "No usable temporary directory"
# What only a name that was given, or the disk, can be the cause of, wherever it comes up.
OF_NAMES_AND_DISKS = {errno.ENAMETOOLONG, errno.ELOOP, errno.EIO}
# What may as well be a bug, which looks for a file where none can be.
OF_PLACES = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C
NOBODY_READS = 141  # likewise, of a program whose output goes nowhere any more

# Modules that come with an extra of the package alone, and its name: `pip install 'keras_vae[all]'`.
OPTIONAL = {
    **dict.fromkeys(("umap", "openTSNE", "typst", "markdown_it"), "all"),
    **dict.fromkeys(("tf2onnx", "onnxruntime"), "onnx"),
    "ai_edge_litert": "litert",
    "pyarrow": "parquet",
    "distributed": "cluster",
}


def run_command(main: Callable[[], None], words: Sequence[str] | None = None) -> None:
    """Call what a command does, and turn what stops it into an exit code.

    `InputError`, a package that is not installed, a path that cannot be, or a disk that takes no more, prints one line
    and exits with 2; Ctrl-C exits with 130, and 141 ends what nobody reads; any other exception keeps its traceback.

    Args:
        main: what the command does.
        words: of the command line; None takes the process's own.
    """
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in OPTIONAL:
            raise
        print(
            f"error: this command needs {module}: pip install {_with_extra(OPTIONAL[module])} brings it.",
            file=sys.stderr,
        )
        sys.exit(2)
    except BrokenPipeError:  # whoever reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain as it ends
        sys.exit(NOBODY_READS)
    except Exception as error:
        line = _line_of(error, sys.argv[1:] if words is None else words)
        if not line:
            raise
        print(f"error: {' '.join(line.split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(f"\nstopped. {interrupt}", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _with_extra(extra: str) -> str:
    """What pip is told for an extra: that of the package that is installed, or of the repository that is used as it is.

    Where no `keras_vae` is installed, pip would look for one of that name elsewhere.
    """
    try:
        importlib.metadata.distribution("keras_vae")
    except importlib.metadata.PackageNotFoundError:
        return f"-e '.[{extra}]' in the folder of the repository"
    return f"'keras_vae[{extra}]'"


def _line_of(error: Exception, words: Sequence[str]) -> str:
    """What the user can mend, in a line; empty where it is a bug."""
    number, name = (error.errno, error.filename) if isinstance(error, OSError) else (None, None)
    is_told_in_words = number is None and (isinstance(error, OSError) or _is_of_tensorflow(error))
    if is_told_in_words and (found := FULL.search(str(error))):
        return f"cannot write to the disk: {found[0]}. Make room, or give another --root."
    if number is None:
        return ""
    reason = os.strerror(number)
    if number in NOT_WRITABLE:
        return f"cannot write {name or 'to the disk'}: {reason}. Make room, or give another --root."
    if NO_PLACE_FOR_TEMPORARY in str(error):
        return f"{error.args[1]}: make room in one of them, or set TMPDIR to another folder."
    if isinstance(name, str) and (number in OF_NAMES_AND_DISKS or (number in OF_PLACES and _is_given(name, words))):
        return f"{name}: {reason}: give another path."
    return ""


def _is_of_tensorflow(error: Exception) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # which is not waited for where nothing has loaded it
    return tensorflow is not None and isinstance(error, tensorflow.errors.OpError)


def _is_given(name: str, words: Sequence[str]) -> bool:
    """Whether a path was typed, or leads to one that was, or below one that is no folder.

    What is missing within a folder that was given, and is there, may be missing by a mistake of the program.
    """
    place = os.path.abspath(name)  # noqa: PTH100 (which looks at no disk, and takes names that no path can have)
    for word in words:
        typed = os.path.abspath(word.rpartition("=")[2] if word.startswith("-") else word)  # noqa: PTH100
        if place == typed or typed.startswith(place + os.sep):
            return True
        if place.startswith(typed + os.sep) and not os.path.isdir(typed):  # noqa: PTH112
            return True
    return False


def import_tensorflow() -> None:
    """Import TensorFlow without its notes on CUDA and oneDNN, which it writes before any log level is read.

    Where the machine has an NVIDIA GPU that TensorFlow does not list, its notes are shown: they say why. Where the user
    has set another `TF_CPP_MIN_LOG_LEVEL` than 3, everything is shown as they asked.

    Raises:
        BackendError: Keras is told to compute with something else.
    """
    require_tensorflow()
    _import_in_silence()
    compute_exactly()


def _import_in_silence() -> None:
    if os.environ.get(LOG_LEVEL, NO_NOTES) != NO_NOTES:
        import tensorflow

        return
    os.environ[LOG_LEVEL] = "1" if GPU_DRIVER.exists() else NO_NOTES
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow

            if unused := GPU_DRIVER.exists() and not tensorflow.config.list_physical_devices("GPU"):
                print(
                    "This machine has an NVIDIA GPU that TensorFlow cannot use; it computes on the CPU.",
                    file=sys.stderr,
                )
        except BaseException:
            unused = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            if unused:
                notes.seek(0)
                os.write(kept, notes.read())
            os.close(kept)
