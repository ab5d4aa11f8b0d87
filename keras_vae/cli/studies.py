"""Commands that study a trained run: measure, explore and report it."""

from pathlib import Path

from keras_vae.cli.shared import Arguments, Command, Parser, add_root, add_run
from keras_vae.command_line import add_arguments, given_options
from keras_vae.console import import_tensorflow
from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig
from keras_vae.latent_space import ExplorationConfig
from keras_vae.runs import Run, working_copy

__all__ = ["COMMANDS"]


# ---- evaluate ----


def _add_evaluate(parser: Parser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help="name of a run, or the path of its folder")
    add_arguments(parser, EvaluationConfig)
    add_root(parser)


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
        minutes, peak = measured["seconds"] / 60, measured["peak_memory_mib"]
        print(f"    measured in {minutes:.1f} minutes; this process has held {peak:,} MiB at most")


# ---- explore ----


def _add_explore(parser: Parser) -> None:
    add_run(parser)
    add_arguments(parser, ExplorationConfig)
    add_root(parser)


def _explore(arguments: Arguments) -> None:
    config = ExplorationConfig(**given_options(arguments, ExplorationConfig))
    run = working_copy(Run.open(arguments.run, arguments.root))

    import_tensorflow()
    from keras_vae.explorer import write_explorer
    from keras_vae.latent_space import exploration_tables, explore

    print(f"\n{exploration_tables(explore(run, config))}\n")
    files = [run.folder / "latent.json", run.figures, write_explorer(run)]
    print("All measurements and pictures, and a page for your browser to walk through the latent space:")
    print("\n".join(f"    {file}" for file in files))


# ---- page ----


def _add_page(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("file", metavar="FILE", type=Path, help="the HTML file to write")
    add_root(parser)


def _page(arguments: Arguments) -> None:
    run = Run.open(arguments.run, arguments.root)
    if arguments.file.suffix != ".html":
        raise InputError(f"FILE must end in .html, not {arguments.file}.")
    if arguments.file.is_dir():
        raise InputError(f"{arguments.file} is a folder: give the name of a file.")

    import_tensorflow()
    from keras_vae.explorer import write_small_page

    page = write_small_page(run, arguments.file)
    print(f"{page.stat().st_size / 1e6:.1f} MB in {page}")


# ---- report, sheet ----


def _add_report(parser: Parser) -> None:
    add_run(parser)
    add_root(parser)


def _report(arguments: Arguments) -> None:
    from keras_vae.report import write_report

    print(write_report(working_copy(Run.open(arguments.run, arguments.root))))


def _add_sheet(parser: Parser) -> None:
    parser.add_argument("text", metavar="FILE", type=Path, help="headings, paragraphs and lists in Markdown")


def _sheet(arguments: Arguments) -> None:
    from keras_vae.report import write_sheet

    print(write_sheet(arguments.text))


COMMANDS = {
    "evaluate": Command(
        "Measure reconstruction, likelihood and generated images of trained runs.", _add_evaluate, _evaluate
    ),
    "explore": Command(
        "Map a latent space, compare its clusters with the classes, follow paths through it.", _add_explore, _explore
    ),
    "page": Command("Write a smaller explorer.html of an explored run elsewhere, for a web site.", _add_page, _page),
    "report": Command("Write a one-page PDF on a run: model, results, latent space.", _add_report, _report),
    "sheet": Command("Write a text in Markdown as a PDF beside it.", _add_sheet, _sheet),
}
