"""A configuration, a frozen dataclass, as options on a command line: its fields, their ranges, and the way back."""

import argparse
import dataclasses
import math
from collections.abc import Collection
from typing import Any, Literal, get_args, get_origin

from keras_vae.errors import InputError

__all__ = ["add_arguments", "check_fields", "command_options", "given_options", "option"]


def option(default: Any, text: str, *, low: float = -math.inf, high: float = math.inf, **details: Any) -> Any:
    """Declare a field of a configuration that is an option on the command line too.

    Args:
        default: the field's value; None where the default depends on something else.
        text: the help.
        low: smallest value.
        high: largest value.
        **details: what argparse needs besides, and `flag` where the option is not the field's name.
    """
    return dataclasses.field(default=default, metadata={"help": text, "range": (low, high), **details})


def add_arguments(parser: argparse.ArgumentParser, config: type, presets: Collection[str] = ()) -> None:
    """Give a parser one option for each field of a configuration.

    Args:
        parser: the parser of a command.
        config: a dataclass of fields that `option` declared.
        presets: names of sets of options; where there are any, the parser has `--preset` too.
    """
    if presets:
        parser.add_argument("--preset", choices=presets, help="a named set of options (default: default)")
    for each in _options(config):
        details = {name: value for name, value in each.metadata.items() if name not in {"help", "flag", "range"}}
        text = each.metadata["help"]
        if each.default is not None:
            text = f"{text} (default: {each.default})"
            details.setdefault("type", type(each.default))
        if choices := _choices(each):
            details["choices"] = choices
        parser.add_argument(_flag(each), dest=each.name, default=argparse.SUPPRESS, help=text, **details)


def given_options(arguments: argparse.Namespace, config: type) -> dict[str, Any]:
    """The fields of a configuration that were given on the command line."""
    names = {each.name for each in _options(config)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def command_options(config: Any, default: Any) -> list[str]:
    """The options on a command line that make a configuration of a default one of the same kind."""
    options = []
    for each in _options(config):
        value = getattr(config, each.name)
        if value != getattr(default, each.name):
            values = value if isinstance(value, (tuple, list)) else (value,)
            options += [_flag(each), *map(str, values)]
    return options


def check_fields(config: Any) -> None:
    """Compare every option of a configuration with its range and its choices.

    Raises:
        InputError: a value is out of its range; the message names the option.
    """
    for each in _options(config):
        value = getattr(config, each.name)
        low, high = each.metadata["range"]
        if (low, high) != (-math.inf, math.inf) and (not low <= value <= high or not math.isfinite(value)):
            bounds = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
            raise InputError(f"{_flag(each)} must be {bounds}, not {value}.")
        choices = _choices(each)
        if choices and value not in choices:
            raise InputError(f"{_flag(each)} must be one of {', '.join(choices)}, not {value!r}.")


def _options(config: Any) -> list["dataclasses.Field[Any]"]:
    return [each for each in dataclasses.fields(config) if "help" in each.metadata]


def _choices(each: "dataclasses.Field[Any]") -> tuple[str, ...]:
    return get_args(each.type) if get_origin(each.type) is Literal else ()


def _flag(each: "dataclasses.Field[Any]") -> str:
    return str(each.metadata.get("flag", "--" + each.name.replace("_", "-")))
