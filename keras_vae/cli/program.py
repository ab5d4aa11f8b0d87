"""The commands, as one console program (`keras-vae train`) and as scripts (`python scripts/train.py`)."""

from collections.abc import Sequence

from keras_vae.cli import benchmarking, checking, keeping, studies, training
from keras_vae.cli.shared import Parser
from keras_vae.console import run_command
from keras_vae.version import __version__

__all__ = ["main", "run_script"]

NAMES = (
    "train",
    "evaluate",
    "explore",
    "page",
    "report",
    "runs",
    "pack",
    "export",
    "encode",
    "sheet",
    "benchmark",
    "ablate",
    "sweep",
    "train-classifier",
    "reliability",
)  # in the order of the help
_ALL = {
    **training.COMMANDS,
    **benchmarking.COMMANDS,
    **studies.COMMANDS,
    **keeping.COMMANDS,
    **checking.COMMANDS,
}
COMMANDS = {name: _ALL[name] for name in NAMES}


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
    run_command(lambda: COMMANDS[parsed.command].run(parsed), arguments)


def run_script(name: str) -> None:
    """Run one command with the process's own arguments: what the files in `scripts/` do."""
    parser = Parser(description=COMMANDS[name].text)
    COMMANDS[name].add_options(parser)
    parsed = parser.parse_args()
    run_command(lambda: COMMANDS[name].run(parsed))
