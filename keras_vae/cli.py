"""The commands, as one console program (`keras-vae train`) and as scripts (`python scripts/train.py`)."""

import argparse
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_vae.command_line import add_arguments, command_options, given_options
from keras_vae.console import import_tensorflow, run_command
from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig
from keras_vae.files import typed_command
from keras_vae.latent_space import ExplorationConfig
from keras_vae.runs import (
    PRESETS,
    Run,
    TrainConfig,
    all_runs,
    description,
    prune,
    remove,
    run_table,
    working_copy,
)
from keras_vae.sharing import ExportConfig
from keras_vae.version import __version__

__all__ = ["main", "run_script"]

Parser = argparse.ArgumentParser
Arguments = argparse.Namespace


class Command(NamedTuple):
    """What a command is for, its options, and what it does with them."""

    text: str
    add_options: Callable[[Parser], None]
    run: Callable[[Arguments], None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the console program, and exit with 2 where the input cannot be used.

    Args:
        arguments: those of a command line; None takes the process's own.
    """
    parser = Parser("keras-vae", description="Train, measure, explore and report variational autoencoders.")
    parser.add_argument("--version", action="version", version=f"keras_vae {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        command.add_options(commands.add_parser(name, help=command.text, description=command.text))
    parsed = parser.parse_args(arguments)
    run_command(lambda: COMMANDS[parsed.command].run(parsed))


def run_script(name: str) -> None:
    """Run one command with the process's own arguments: what the files in `scripts/` do."""
    parser = Parser(description=COMMANDS[name].text)
    COMMANDS[name].add_options(parser)
    parsed = parser.parse_args()
    run_command(lambda: COMMANDS[name].run(parsed))


# ---- train ----


def _add_train(parser: Parser) -> None:
    add_arguments(parser, TrainConfig, PRESETS)
    parser.add_argument("--run", metavar="NAME", help="name of the run (default: the preset's, numbered)")
    _add_root(parser)
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
    else:
        config = TrainConfig.from_preset(arguments.preset or "default", **options)
    if arguments.show:
        shown = Run.open(arguments.run, arguments.root).config.replace(**options) if arguments.resume else config
        print(shown.to_json(), end="")
        return

    import_tensorflow()
    from keras_vae.runs import open_data
    from keras_vae.training import is_chief, resume, train, training_table

    if arguments.resume:
        run = Run.open(arguments.run, arguments.root)
        config = run.config.replace(**options)
        resume(run, options.get("epochs"), options.get("distribute"))
    elif config.distribute == "multiworker":  # whose workers find each other before TensorFlow does anything else
        run = train(config, arguments.run, arguments.root)
    else:
        data = open_data(config)
        suited = config.suited_to(data.counts["train"], options)
        if suited != config:
            changed = shlex.join(command_options(suited, config))
            print(f"For {data.counts['train']:,} training images, where nothing else is given: {changed}", flush=True)
        run = train(suited, arguments.run, arguments.root, data)
    if not is_chief(config.distribute):
        print("This worker is done; worker 0 has written the run.")
        return

    print(f"\n{training_table(run)}\n")
    print("Look at it:")
    print(f"    {_tensorboard()} --logdir {shlex.quote(str(run.logs.parent))}")
    print("Explore it, which also writes a page with the model inside, for your browser and a tab of TensorBoard:")
    print(f"    {typed_command('explore')} {_typed_run(run)}\n    {run.folder / 'explorer.html'}")
    print("Use it (the README says how):")
    print(f"    {run.saved_model}\n    {run.model_file}\n    {run.figures}")


def _typed_run(run: Run) -> str:
    """A run as a command takes it here."""
    return run.name if run.root == Path.cwd() else f"{run.name} --root {shlex.quote(str(run.root))}"


def _tensorboard() -> str:
    """TensorBoard's command as it can be typed here: by its path where the environment is not activated."""
    return "tensorboard" if shutil.which("tensorboard") else str(Path(sys.executable).with_name("tensorboard"))


# ---- evaluate ----


def _add_evaluate(parser: Parser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help="name of a run, or the path of its folder")
    add_arguments(parser, EvaluationConfig)
    _add_root(parser)


def _evaluate(arguments: Arguments) -> None:
    config = EvaluationConfig(**given_options(arguments, EvaluationConfig))
    runs = [working_copy(Run.open(name, arguments.root)) for name in arguments.runs]

    import_tensorflow()
    from keras_vae.evaluation import comparison, evaluate, open_subject
    from keras_vae.sweeps import differ_by_seed, spread_over_seeds

    for run in runs:
        open_subject(run, config)  # what is wrong with the last one is told before minutes are spent on the first
    results = [evaluate(run, config) for run in runs]
    for name in dict.fromkeys(name for name, _ in results):
        filed = [metrics for each, metrics in results if each == name]
        print(f"\n{comparison(filed, name)}")
        if len(filed) == len(runs) and differ_by_seed([run.config for run in runs]):
            print(f"\n{spread_over_seeds(filed, name)}")
    print("\nEvery measurement with its unit, split, count and protocol, and the pictures:")
    for run, (name, metrics) in zip(runs, results, strict=True):
        measured = metrics["evaluations"][name]
        print(f"    {run.folder / 'metrics.json'}\n    {run.figures}")
        print(f"    measured in {measured['seconds'] / 60:.1f} minutes, {measured['peak_memory_mib']:,} MiB of memory")


# ---- explore ----


def _add_explore(parser: Parser) -> None:
    _add_run(parser)
    add_arguments(parser, ExplorationConfig)
    _add_root(parser)


def _explore(arguments: Arguments) -> None:
    config = ExplorationConfig(**given_options(arguments, ExplorationConfig))
    run = working_copy(Run.open(arguments.run, arguments.root))

    import_tensorflow()
    from keras_vae.explorer import write_explorer
    from keras_vae.latent_space import exploration_tables, explore

    print(f"\n{exploration_tables(explore(run, config))}\n")
    files = [run.folder / "latent.json", run.figures]
    if run.config.levels == 1:
        files.append(write_explorer(run))
        print("All measurements and pictures, and a page for your browser to walk through the latent space:")
    else:
        print("All measurements and pictures; there is no page for your browser, which cannot compute two levels:")
    print("\n".join(f"    {file}" for file in files))


# ---- runs ----


def _add_runs(parser: Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="list all runs; so it does without an action")
    showing = actions.add_parser("show", help="show a run, the command that makes it again, and what takes room")
    pruning = actions.add_parser("prune", help="remove what evaluate, explore, report and export make again")
    removing = actions.add_parser("remove", help="remove runs and their logs")
    _add_run(showing)
    pruning.add_argument("runs", metavar="RUN", nargs="*", help="name of a run (default: all)")
    pruning.add_argument(
        "--checkpoints", action="store_true", help="remove these too: a run cannot be prolonged without them"
    )
    removing.add_argument("runs", metavar="RUN", nargs="+", help="name of a run")
    _add_root(parser)
    for each in (listing, showing, pruning, removing):  # where it is not given, what stands before the action holds
        _add_root(each, argparse.SUPPRESS)


def _runs(arguments: Arguments) -> None:
    action = arguments.action or "list"
    if action == "list":
        runs = all_runs(arguments.root)
        print(run_table(runs) if runs else f"There are no runs yet: {typed_command('train')}.")
    elif action == "show":
        print(description(Run.open(arguments.run, arguments.root)))
    else:
        runs = [Run.open(name, arguments.root) for name in arguments.runs] or all_runs(arguments.root)
        for run in runs:
            size = remove(run) if action == "remove" else prune(run, checkpoints=arguments.checkpoints)
            print(f"{size / 1e6:>10.1f} MB  {run.name}")


# ---- page ----


def _add_page(parser: Parser) -> None:
    _add_run(parser)
    parser.add_argument("file", metavar="FILE", type=Path, help="the HTML file to write")
    _add_root(parser)


def _page(arguments: Arguments) -> None:
    run = Run.open(arguments.run, arguments.root)
    if arguments.file.suffix != ".html":
        raise InputError(f"FILE must end in .html, not {arguments.file}.")

    import_tensorflow()
    from keras_vae.explorer import write_small_page

    page = write_small_page(run, arguments.file)
    print(f"{page.stat().st_size / 1e6:.1f} MB in {page}")


# ---- pack ----


def _add_pack(parser: Parser) -> None:
    _add_run(parser)
    parser.add_argument("name", metavar="NAME", help="name of the copy")
    _add_root(parser)


def _pack(arguments: Arguments) -> None:
    run = Run.open(arguments.run, arguments.root)

    import_tensorflow()
    from keras_vae.sharing import pack

    copy = pack(run, arguments.name)
    size = sum(path.stat().st_size for place in (copy.folder, copy.logs) for path in place.rglob("*") if path.is_file())
    print(f"{size / 1e6:.1f} MB in\n    {copy.folder}\n    {copy.logs}")


# ---- export ----


def _add_export(parser: Parser) -> None:
    _add_run(parser)
    add_arguments(parser, ExportConfig)
    _add_root(parser)


def _export(arguments: Arguments) -> None:
    config = ExportConfig(**given_options(arguments, ExportConfig))
    run = Run.open(arguments.run, arguments.root)
    run = run if config.output else working_copy(run)

    import_tensorflow()
    from keras_vae.sharing import export

    exported = export(run, config)
    print(f"\n{exported.table}\n\n{exported.size / 1e6:.1f} MB in {exported.path}")


# ---- report, sheet ----


def _add_report(parser: Parser) -> None:
    _add_run(parser)
    _add_root(parser)


def _report(arguments: Arguments) -> None:
    from keras_vae.report import write_report

    print(write_report(working_copy(Run.open(arguments.run, arguments.root))))


def _add_sheet(parser: Parser) -> None:
    parser.add_argument("text", metavar="FILE", type=Path, help="headings, paragraphs and lists in Markdown")


def _sheet(arguments: Arguments) -> None:
    from keras_vae.report import write_sheet

    print(write_sheet(arguments.text))


# ---- benchmark ----


def _add_benchmark(parser: Parser) -> None:
    add_arguments(parser, TrainConfig, PRESETS)


def _benchmark(arguments: Arguments) -> None:
    config = TrainConfig.from_preset(arguments.preset or "default", **given_options(arguments, TrainConfig))

    import_tensorflow()
    from keras_vae.benchmark import bound_speeds, pipeline_speed, training_speeds
    from keras_vae.runs import open_data

    data = open_data(config)
    (training,) = training_speeds([config], data)
    print(f"{'images/s':>48}{'ratio':>10}", flush=True)
    print(f"{'training, this configuration':<36}{training:>12,.0f}", flush=True)
    for binarize in ("none", "dynamic"):
        speed = pipeline_speed(config.replace(binarize=binarize), data)
        print(f"{f'pipeline alone, binarize {binarize}':<36}{speed:>12,.0f}{speed / training:>10.1f}", flush=True)
    bound, decoder = bound_speeds(config, data)
    print(f"{'decoder alone, latents/s':<36}{decoder:>12,.0f}", flush=True)
    print(f"{'bound, image-samples/s':<36}{bound:>12,.0f}{bound / decoder:>10.2f}", flush=True)
    ways = {
        "float32": {"xla": "off", "mixed_precision": "off"},
        "float32, XLA": {"xla": "on", "mixed_precision": "off"},
        "bfloat16": {"xla": "off", "mixed_precision": "on"},
    }
    for network in ("dense", "convolutional"):
        choices = [config.replace(network=network, widths=None, **way) for way in ways.values()]
        first, *others = training_speeds(choices, data)
        for way, speed in zip(ways, (first, *others), strict=True):
            ratio = f"{speed / first:>10.2f}" if speed != first else ""
            print(f"{f'training, {network}, {way}':<36}{speed:>12,.0f}{ratio}", flush=True)


# ---- ablate ----


def _add_ablate(parser: Parser) -> None:
    parser.add_argument(
        "--change", dest="changes", metavar="NAME", action="append", default=[], help="only this change (repeatable)"
    )
    add_arguments(parser, TrainConfig, PRESETS)
    _add_root(parser, "ablation")


def _ablate(arguments: Arguments) -> None:
    config = TrainConfig.from_preset(arguments.preset or "default", **given_options(arguments, TrainConfig))

    import_tensorflow()
    from keras_vae.sweeps import ablate

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
    _add_root(parser, "sweep")


def _sweep(arguments: Arguments) -> None:
    given = given_options(arguments, TrainConfig)
    if "seed" in given:
        raise InputError("--seed is one of a sweep's --seeds: give these.")
    single = {name: value if name == "widths" else value[0] for name, value in given.items()}
    choices = {name: values for name, values in given.items() if name != "widths" and len(values) > 1}
    base = TrainConfig.from_preset(
        arguments.preset or "default", **{name: value for name, value in single.items() if name not in choices}
    )

    import_tensorflow()
    from keras_vae.sweeps import sweep

    for line in sweep(base, choices, arguments.seeds, arguments.root):
        print(line, flush=True)
    folder = Path(arguments.root)
    print(f"\nMeasured on the validation split:\n\n{(folder / 'sweep.md').read_text()}")
    print(f"    {folder / 'sweep.csv'}\n    {folder / 'sweep.png'}")


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

    import_tensorflow()
    from keras_vae.data import open_dataset
    from keras_vae.evaluation import classifier_accuracy, train_classifier

    data = open_dataset()
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    classifier = train_classifier(data, arguments.epochs, arguments.seed)
    minutes = (time.perf_counter() - start) / 60
    part = path.with_name(f".part.{path.name}")
    classifier.save_weights(part, overwrite=True)
    part.replace(path)
    for split, count in data.counts.items():
        print(f"{split:<12}{classifier_accuracy(classifier, data, split):>8.2%} of {count:,} images")
    print(f"{arguments.epochs} epochs in {minutes:.1f} minutes; {path.stat().st_size / 1e6:.2f} MB in {path}")


COMMANDS = {
    "train": Command("Train a variational autoencoder and keep it as a run.", _add_train, _train),
    "evaluate": Command(
        "Measure reconstruction, likelihood and generated images of trained runs.", _add_evaluate, _evaluate
    ),
    "explore": Command(
        "Map a latent space, compare its clusters with the classes, follow paths through it.", _add_explore, _explore
    ),
    "page": Command("Write a smaller explorer.html of an explored run elsewhere, for a web site.", _add_page, _page),
    "report": Command("Write a one-page PDF on a run: model, results, latent space.", _add_report, _report),
    "runs": Command("List the runs in a folder, show one, make them smaller, or remove them.", _add_runs, _runs),
    "pack": Command("Copy a measured run without what only its training took, to ship it.", _add_pack, _pack),
    "export": Command(
        "Write a trained model for another runtime, and compare what it gives there.", _add_export, _export
    ),
    "sheet": Command("Write a text in Markdown as a PDF beside it.", _add_sheet, _sheet),
    "benchmark": Command(
        "Compare the speed of pipeline, bound, networks and XLA on this machine.", _add_benchmark, _benchmark
    ),
    "ablate": Command("Train and measure what each choice of a configuration brings.", _add_ablate, _ablate),
    "sweep": Command("Train and measure every combination of some values of some options.", _add_sweep, _sweep),
    "train-classifier": Command(
        "Train the small Fashion-MNIST classifier whose features and verdicts the evaluation uses.",
        _add_train_classifier,
        _train_classifier,
    ),
}


def _add_run(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="name of a run, or the path of its folder")


def _add_root(parser: Parser, default: str = ".") -> None:
    shown = "here" if default in (".", argparse.SUPPRESS) else default
    text = f"keeps logs/ and saved_models/ (default: {shown})"
    parser.add_argument("--root", metavar="FOLDER", default=default, help=text)
