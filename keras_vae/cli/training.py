"""Commands that train: one run, or many beside each other."""

import dataclasses
import shlex
import shutil
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from keras_vae.backend import LOG_LEVEL, NO_NOTES
from keras_vae.cli.shared import Arguments, Command, Parser, add_root, add_scheduler
from keras_vae.command_line import add_arguments, command_options, given_options
from keras_vae.console import import_tensorflow
from keras_vae.errors import InputError
from keras_vae.files import make_folder, replace_durably, require_room, typed_command
from keras_vae.runs import PRESETS, Run, TrainConfig

__all__ = ["COMMANDS"]

BYTES_OF_CLASSIFIER = 5_000_000


# ---- train ----


def _add_train(parser: Parser) -> None:
    add_arguments(parser, TrainConfig, PRESETS)
    parser.add_argument("--run", metavar="NAME", help="name of the run (default: the preset's, numbered)")
    add_root(parser)
    parser.add_argument(
        "--resume", action="store_true", help="go on with --run; only --epochs and --distribute may be given anew"
    )
    parser.add_argument("--show", action="store_true", help="print the whole configuration as JSON, and stop")


def _train(arguments: Arguments) -> None:
    options = given_options(arguments, TrainConfig)
    if arguments.resume:
        forbidden = sorted({*options, *(["preset"] if arguments.preset else [])} - {"epochs", "distribute"})
        if arguments.run is None or forbidden:
            wrong = f"without --{forbidden[0].replace('_', '-')}" if forbidden else "with --run NAME"
            raise InputError(f"--resume takes the run's own configuration: use it {wrong}.")
        run = Run.open(arguments.run, arguments.root)
        config = run.config.replace(**options)
    else:
        config = TrainConfig.from_preset(arguments.preset or "default", **options)
        if arguments.run is not None:
            Run.check_name(arguments.run)
    if arguments.show:
        print(config.to_json(), end="")
        return

    import_tensorflow()
    from keras_vae.runs import open_data
    from keras_vae.training import is_chief, resume, train, training_table

    if arguments.resume:
        resume(run, options.get("epochs"), options.get("distribute"))
    elif config.distribute == "multiworker":  # whose workers find each other before TensorFlow does anything else
        run = train(config, arguments.run, arguments.root)
    else:
        data = open_data(config)
        run = train(_suited(config, data.counts["train"], options), arguments.run, arguments.root, data)
    if not is_chief(config.distribute):
        print("This worker is done; the chief has written the run.")
        return

    print(f"\n{training_table(run)}\n")
    print("Look at it:")
    print(f"    {_tensorboard()} --logdir {shlex.quote(str(run.logs.parent))}")
    print("Explore it, which also writes a page with the model inside, for your browser and a tab of TensorBoard:")
    print(f"    {typed_command('explore')} {run.typed}\n    {run.folder / 'explorer.html'}")
    print("Use it (the README says how):")
    print(f"    {run.saved_model}\n    {run.model_file}\n    {run.figures}")


def _suited(config: TrainConfig, images: int, given: Collection[str]) -> TrainConfig:
    """The configuration for so many training images, and a line that says what is changed."""
    suited = config.suited_to(images, given)
    if suited != config:
        changed = shlex.join(command_options(suited, config))
        print(f"For {images:,} training images, where nothing else is given: {changed}", flush=True)
    return suited


def _tensorboard() -> str:
    """TensorBoard's command as it can be typed here: by its path where the environment is not activated.

    It loads TensorFlow, which is to miss no GPU.
    """
    program = "tensorboard" if shutil.which("tensorboard") else str(Path(sys.executable).with_name("tensorboard"))
    return f"{LOG_LEVEL}={NO_NOTES} {program}"


# ---- ablate ----


def _add_ablate(parser: Parser) -> None:
    parser.add_argument(
        "--change", dest="changes", metavar="NAME", action="append", default=[], help="only this change (repeatable)"
    )
    add_arguments(parser, TrainConfig, PRESETS)
    add_root(parser, "ablation")


def _ablate(arguments: Arguments) -> None:
    given = given_options(arguments, TrainConfig)
    config = TrainConfig.from_preset(arguments.preset or "default", **given)

    import_tensorflow()
    from keras_vae.runs import open_data
    from keras_vae.sweeps import ablate

    config = _suited(config, open_data(config).counts["train"], given)
    table = []
    for line in ablate(config, arguments.root, arguments.changes):
        table.append(line)
        print(line, flush=True)
    print("\nMeasured on the validation split:\n", *table, sep="\n")


# ---- sweep ----


def _add_sweep(parser: Parser) -> None:
    add_arguments(parser, TrainConfig, PRESETS, several=True)
    parser.add_argument(
        "--seeds", metavar="SEED", nargs="+", type=int, default=[0], help="of each combination (default: 0)"
    )
    add_scheduler(parser)
    add_root(parser, "sweep")


def _sweep(arguments: Arguments) -> None:
    given = given_options(arguments, TrainConfig)
    if "seed" in given:
        raise InputError("--seed is one of a sweep's --seeds: give these.")
    single, choices = _single_and_several(given)
    base = TrainConfig.from_preset(arguments.preset or "default", **single)

    import_tensorflow()
    from keras_vae.runs import open_data
    from keras_vae.sweeps import sweep

    if "dataset" not in choices:  # which is one line where it cannot be had, before anything is written
        base = _suited(base, open_data(base).counts["train"], given)
    for line in sweep(base, choices, arguments.seeds, arguments.root, arguments.scheduler):
        print(line, flush=True)
    folder = Path(arguments.root)
    print(f"\nMeasured on the validation split:\n\n{(folder / 'sweep.md').read_text()}")
    print(f"    {folder / 'sweep.csv'}\n    {folder / 'sweep.png'}")


def _single_and_several(given: Mapping[str, list[Any]]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Options of one value, and those that are swept; one that is a list anyway, such as the widths, is one value."""
    lists = {each.name for each in dataclasses.fields(TrainConfig) if "nargs" in each.metadata}
    choices = {name: values for name, values in given.items() if name not in lists and len(values) > 1}
    single = {name: each if name in lists else each[0] for name, each in given.items() if name not in choices}
    return single, choices


# ---- train-classifier ----


def _add_train_classifier(parser: Parser) -> None:
    parser.add_argument("--epochs", type=int, default=15, help="passes over the training images (default: 15)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, order and changes (default: 0)")
    parser.add_argument("--output", type=Path, required=True, help="the .weights.h5 file to write")


def _train_classifier(arguments: Arguments) -> None:
    if arguments.epochs < 2:
        raise InputError(f"--epochs must be at least 2, not {arguments.epochs}: the first only warms up.")
    path: Path = arguments.output
    if not path.name.endswith(".weights.h5"):
        raise InputError(f"--output must end in .weights.h5, not {path}.")
    if path.is_dir():
        raise InputError(f"--output {path} is a folder: give the name of a file.")

    import_tensorflow()
    from keras_vae.data import open_dataset
    from keras_vae.evaluation import classifier_accuracy, train_classifier

    data = open_dataset()
    make_folder(path.parent)  # what cannot be written is told before minutes are spent
    require_room(path.parent, BYTES_OF_CLASSIFIER)
    part = path.with_name(f".part.{path.name}")
    part.touch()
    part.unlink()
    start = time.perf_counter()
    classifier = train_classifier(data, arguments.epochs, arguments.seed)
    minutes = (time.perf_counter() - start) / 60
    classifier.save_weights(part, overwrite=True)
    replace_durably(part, path)
    for split, count in data.counts.items():
        print(f"{split:<12}{classifier_accuracy(classifier, data, split):>8.2%} of {count:,} images")
    print(f"{arguments.epochs} epochs in {minutes:.1f} minutes; {path.stat().st_size / 1e6:.2f} MB in {path}")


COMMANDS = {
    "train": Command("Train a variational autoencoder and keep it as a run.", _add_train, _train),
    "ablate": Command("Train and measure what each choice of a configuration brings.", _add_ablate, _ablate),
    "sweep": Command("Train and measure every combination of some values of some options.", _add_sweep, _sweep),
    "train-classifier": Command(
        "Train the small Fashion-MNIST classifier whose features and verdicts the evaluation uses.",
        _add_train_classifier,
        _train_classifier,
    ),
}
