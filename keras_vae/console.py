"""What a command shows: the user's own lines and no start-up noise, one line for what the user can mend."""

import errno
import os
import sys
import tempfile
from collections.abc import Callable

from keras_vae.errors import InputError

__all__ = ["import_tensorflow", "run_command"]

NOT_WRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}
INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C

# Modules that only `pip install 'keras_vae[all]'` brings: measuring, exploring and reporting need them.
OPTIONAL = {"sklearn", "umap", "openTSNE", "typst", "markdown_it"}


def run_command(main: Callable[[], None]) -> None:
    """Call what a command does, and turn what stops it into an exit code.

    `InputError`, a package that is not installed, or a disk that takes no more, prints one line and exits with 2;
    Ctrl-C exits with 130; any other exception keeps its traceback.
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
        print(f"error: this command needs {module}: pip install 'keras_vae[all]' brings it.", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
            raise
        place = error.filename or "to the disk"
        print(f"error: cannot write {place}: {error.strerror}. Make room, or give another --root.", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        print(f"\nstopped. {interrupt}", file=sys.stderr)
        sys.exit(INTERRUPTED)


def import_tensorflow() -> None:
    """Import TensorFlow without its notes on CUDA and oneDNN, which it writes before any log level is read.

    Where the user has set `TF_CPP_MIN_LOG_LEVEL`, everything is shown as they asked.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        import tensorflow

        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            notes.seek(0)
            os.write(kept, notes.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
