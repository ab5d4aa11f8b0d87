"""What commands have in common: what one is, and the options that name a run and its folder."""

import argparse
from collections.abc import Callable
from typing import NamedTuple, NoReturn

__all__ = ["Arguments", "Command", "Parser", "add_root", "add_run", "add_scheduler"]

Arguments = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """A parser whose errors end in one line, whatever was typed."""

    def error(self, message: str) -> NoReturn:
        super().error(" ".join(message.split()))


class Command(NamedTuple):
    """What a command is for, its options, and what it does with them."""

    text: str
    add_options: Callable[[Parser], None]
    run: Callable[[Arguments], None]


def add_run(parser: Parser) -> None:
    """Let a command take a run."""
    parser.add_argument("run", metavar="RUN", help="name of a run, or the path of its folder")


def add_root(parser: Parser, default: str = ".") -> None:
    """Let a command be told where runs are kept."""
    shown = "here" if default in (".", argparse.SUPPRESS) else default
    text = f"keeps logs/ and saved_models/ (default: {shown})"
    parser.add_argument("--root", metavar="FOLDER", default=default, help=text)


def add_scheduler(parser: Parser) -> None:
    """Let a command hand its work to a cluster."""
    text = "of a Dask cluster, whose workers then share the work (default: this process does it)"
    parser.add_argument("--scheduler", metavar="ADDRESS", help=text)
