"""Train a variational autoencoder: python scripts/train.py --help."""

import argparse
import shlex
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from keras_vae.config import TrainConfig, add_arguments, given_options
from keras_vae.console import import_tensorflow, run_script
from keras_vae.errors import InputError


def main() -> None:
    """Parse the command line, train or resume, print what came of it."""
    parser = argparse.ArgumentParser(description="Train a variational autoencoder and keep it as a run.")
    add_arguments(parser)
    parser.add_argument("--run", metavar="NAME", help="name of the run (default: the preset's, numbered)")
    parser.add_argument("--root", metavar="FOLDER", default=".", help="keeps logs/ and saved_models/ (default: here)")
    parser.add_argument("--resume", action="store_true", help="go on with --run; only --epochs may be given anew")
    arguments = parser.parse_args()
    options = given_options(arguments)

    if arguments.resume:
        forbidden = sorted({*options, *(["preset"] if arguments.preset else [])} - {"epochs"})
        if arguments.run is None or forbidden:
            wrong = f"without --{forbidden[0].replace('_', '-')}" if forbidden else "with --run NAME"
            raise InputError(f"--resume takes the run's own configuration: use it {wrong}.")
    else:
        config = TrainConfig.from_preset(arguments.preset or "default", **options)

    import_tensorflow()
    from keras_vae.runs import Run
    from keras_vae.training import resume, summary, train

    if arguments.resume:
        run = resume(Run.open(arguments.run, arguments.root), options.get("epochs"))
    else:
        run = train(config, arguments.run, arguments.root)

    print(f"\n{summary(run)}\n")
    print("Look at it:")
    print(f"    {tensorboard_command()} --logdir {shlex.quote(str(run.logs.parent))}")
    print("Use it (the README says how):")
    print(f"    {run.saved_model}\n    {run.model_file}\n    {run.figures}")


def tensorboard_command() -> str:
    """The command as it can be typed here: by its path where the environment is not activated."""
    return "tensorboard" if shutil.which("tensorboard") else str(Path(sys.executable).with_name("tensorboard"))


if __name__ == "__main__":
    run_script(main)
