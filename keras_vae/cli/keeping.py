"""Commands that keep runs in order, and hand them on."""

import argparse
import sys
from pathlib import Path

from keras_vae.cli.shared import Arguments, Command, Parser, add_root, add_run, add_scheduler
from keras_vae.command_line import add_arguments, given_options
from keras_vae.console import import_tensorflow
from keras_vae.data import remove_prepared_images
from keras_vae.encoding import EncodingConfig
from keras_vae.errors import InputError
from keras_vae.files import typed_command
from keras_vae.runs import (
    Run,
    all_runs,
    description,
    prune,
    remove,
    run_table,
    working_copy,
)
from keras_vae.sharing import ExportConfig

__all__ = ["COMMANDS"]


# ---- runs ----


def _add_runs(parser: Parser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="list all runs; so it does without an action")
    showing = actions.add_parser("show", help="show a run, the command that makes it again, and what takes room")
    pruning = actions.add_parser("prune", help="remove what evaluate, explore, report and export make again")
    removing = actions.add_parser("remove", help="remove runs and their logs")
    add_run(showing)
    pruning.add_argument("runs", metavar="RUN", nargs="*", help="name of a run (default: all)")
    pruning.add_argument(
        "--checkpoints", action="store_true", help="remove these too: a run cannot be prolonged without them"
    )
    pruning.add_argument(
        "--images", action="store_true", help="remove images that were decoded into your cache too, of every folder"
    )
    removing.add_argument("runs", metavar="RUN", nargs="+", help="name of a run")
    add_root(parser)
    for each in (listing, showing, pruning, removing):  # where it is not given, what stands before the action holds
        add_root(each, argparse.SUPPRESS)


def _runs(arguments: Arguments) -> None:
    action = arguments.action or "list"
    if action == "list":
        runs = all_runs(arguments.root)
        print(run_table(runs) if runs else f"There are no runs yet: {typed_command('train')}.")
    elif action == "show":
        print(description(Run.open(arguments.run, arguments.root)))
    else:
        # Each once, should it be named twice.
        runs = list(dict.fromkeys(Run.open(name, arguments.root) for name in arguments.runs))
        if action == "remove":
            for run, size in zip(runs, remove(*runs), strict=True):
                print(f"{size / 1e6:>10.1f} MB  {run.name}")
        for run in (runs or all_runs(arguments.root)) if action == "prune" else ():
            try:
                size = prune(run, checkpoints=arguments.checkpoints)
            except InputError as error:
                if runs:
                    raise
                print(f"warning: {error}", file=sys.stderr)  # of all runs, the others are pruned
                continue
            print(f"{size / 1e6:>10.1f} MB  {run.name}")
        if action == "prune" and arguments.images:
            for name, size, is_removed in remove_prepared_images():
                print(f"{size / 1e6:>10.1f} MB  {name}{'' if is_removed else ': is kept, as its files are gone'}")


# ---- pack ----


def _add_pack(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("name", metavar="NAME", help="name of the copy")
    add_root(parser)


def _pack(arguments: Arguments) -> None:
    run = Run.open(arguments.run, arguments.root)

    import_tensorflow()
    from keras_vae.sharing import pack

    copy = pack(run, arguments.name)
    size = sum(path.stat().st_size for place in (copy.folder, copy.logs) for path in place.rglob("*") if path.is_file())
    print(f"{size / 1e6:.1f} MB in\n    {copy.folder}\n    {copy.logs}")


# ---- export ----


def _add_export(parser: Parser) -> None:
    add_run(parser)
    add_arguments(parser, ExportConfig)
    add_root(parser)


def _export(arguments: Arguments) -> None:
    config = ExportConfig(**given_options(arguments, ExportConfig))
    run = Run.open(arguments.run, arguments.root)
    run = run if config.output else working_copy(run)

    import_tensorflow()
    from keras_vae.sharing import export

    exported = export(run, config)
    print(f"\n{exported.table}\n\n{exported.size / 1e6:.1f} MB in {exported.path}")


# ---- encode ----


def _add_encode(parser: Parser) -> None:
    add_run(parser)
    parser.add_argument("dataset", metavar="DATASET", nargs="?", help="as for train --dataset (default: the run's own)")
    parser.add_argument("--output", metavar="FOLDER", type=Path, required=True, help="receives the Parquet files")
    add_arguments(parser, EncodingConfig)
    add_scheduler(parser)
    add_root(parser)


def _encode(arguments: Arguments) -> None:
    config = EncodingConfig(**given_options(arguments, EncodingConfig))
    run = Run.open(arguments.run, arguments.root)

    import_tensorflow()
    from keras_vae.encoding import encode_collection

    try:
        done = encode_collection(run, arguments.dataset, arguments.output, config, arguments.scheduler)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"The same command goes on with what {arguments.output} does not hold yet.") from None
    speed = f", {done.images / done.seconds:,.0f} images/s" if done.images else ""
    print(f"{done.images:,} images encoded in {done.seconds:.1f} s{speed}.")
    rest = f"; {done.missing:,} more are to come from other processes" if done.missing else ", which is all"
    print(f"{done.files - done.missing:,} of {done.files:,} files are in {arguments.output}{rest}.")


COMMANDS = {
    "runs": Command("List the runs in a folder, show one, make them smaller, or remove them.", _add_runs, _runs),
    "pack": Command("Copy a measured run without what only its training took, to ship it.", _add_pack, _pack),
    "encode": Command("Write the posterior of every image of a collection into Parquet files.", _add_encode, _encode),
    "export": Command(
        "Write a trained model for another runtime, and compare what it gives there.", _add_export, _export
    ),
}
