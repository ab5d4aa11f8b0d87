"""What a command shows: the user's own lines and no start-up noise, one line for what the user can mend."""

import errno
import os
import sys
import tempfile
from collections.abc import Callable

from keras_vae.backend import GPU_DRIVER, LOG_LEVEL, NO_NOTES, require_tensorflow
from keras_vae.errors import InputError

__all__ = ["import_tensorflow", "run_command"]

NOT_WRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}
INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C
NOBODY_READS = 141  # likewise, of a program whose output goes nowhere any more

# Modules that come with an extra of the package alone, and its name: `pip install 'keras_vae[all]'`.
OPTIONAL = {
    **dict.fromkeys(("umap", "openTSNE", "typst", "markdown_it"), "all"),
    **dict.fromkeys(("tf2onnx", "onnxruntime"), "onnx"),
    "ai_edge_litert": "litert",
    "pyarrow": "parquet",
}


def run_command(main: Callable[[], None]) -> None:
    """Call what a command does, and turn what stops it into an exit code.

    `InputError`, a package that is not installed, or a disk that takes no more, prints one line and exits with 2;
    Ctrl-C exits with 130, and 141 ends what nobody reads; any other exception keeps its traceback.
    """
    try:
        main()
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in OPTIONAL:
            raise
        print(
            f"error: this command needs {module}: pip install 'keras_vae[{OPTIONAL[module]}]' brings it.",
            file=sys.stderr,
        )
        sys.exit(2)
    except BrokenPipeError:  # whoever reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain as it ends
        sys.exit(NOBODY_READS)
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

    Where the machine has an NVIDIA GPU that TensorFlow does not list, its notes are shown: they say why. Where the user
    has set another `TF_CPP_MIN_LOG_LEVEL` than 3, everything is shown as they asked.

    Raises:
        BackendError: Keras is told to compute with something else.
    """
    require_tensorflow()
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
