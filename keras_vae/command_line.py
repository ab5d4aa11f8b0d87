"""A configuration, a frozen dataclass, as options on a command line: its fields, their ranges, and the way back."""

import argparse
import dataclasses
import shlex
import sys
import textwrap
import types
from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from keras_vae.errors import InputError

__all__ = ["add_arguments", "check_fields", "command_options", "given_options", "option"]

TYPES = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
    tuple: "a list",
    type(None): "none",
}
LONGEST_NAME = 255  # bytes of a file
LONGEST_SHOWN = 80  # bits of a whole number in a message
LARGEST = sys.float_info.max
NOT_OF_ARGPARSE = {"help", "flag", "range", "heading"}


def option(default: Any, text: str, *, low: float = -LARGEST, high: float = LARGEST, **details: Any) -> Any:
    """Declare a field of a configuration that is an option on the command line too.

    Args:
        default: the field's value; None where the default depends on something else.
        text: the help.
        low: smallest value.
        high: largest value.
        **details: what argparse needs besides; `flag` where the option is not the field's name; `heading` under which
            this option and those after it stand in the help.
    """
    return dataclasses.field(default=default, metadata={"help": text, "range": (low, high), **details})


def add_arguments(
    parser: argparse.ArgumentParser,
    config: type,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    several: bool = False,
) -> None:
    """Give a parser one option for each field of a configuration.

    Args:
        parser: the parser of a command.
        config: a dataclass of fields that `option` declared.
        presets: sets of options by their names; where there are any, the parser has `--preset` too, and its help says
            what each contains.
        several: an option takes several values, and `given_options` has them in a list; one that does so anyway, as
            it is.
    """
    if presets:
        parser.add_argument("--preset", choices=presets, help="a named set of options (default: default)")
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = _presets_in_words(config, presets)
    hints = get_type_hints(config)
    group: argparse._ActionsContainer = parser
    for each in _options(config):
        if "heading" in each.metadata:
            group = parser.add_argument_group(each.metadata["heading"])
        details = {name: value for name, value in each.metadata.items() if name not in NOT_OF_ARGPARSE}
        text = each.metadata["help"]
        if each.default is not None:
            text = f"{text} (default: {each.default})"
            details.setdefault("type", type(each.default))
        if choices := _choices(hints[each.name]):
            details["choices"] = choices
        if several:
            details.setdefault("nargs", "+")
        group.add_argument(_flag(each), dest=each.name, default=argparse.SUPPRESS, help=text, **details)


def given_options(arguments: argparse.Namespace, config: type) -> dict[str, Any]:
    """The fields of a configuration that were given on the command line."""
    names = {each.name for each in _options(config)}
    return {name: value for name, value in vars(arguments).items() if name in names}


def command_options(config: Any, default: Any, always: Collection[str] = ()) -> list[str]:
    """The options on a command line that make a configuration of a default one of the same kind.

    Args:
        config: the configuration.
        default: the one that is had without any option.
        always: fields that are named even where they are those of the default.
    """
    options = []
    for each in _options(config):
        value = getattr(config, each.name)
        if value != getattr(default, each.name) or each.name in always:
            values = value if isinstance(value, (tuple, list)) else (value,)
            options += [_flag(each), *map(str, values)]
    return options


def check_fields(config: Any) -> None:
    """Compare every option of a configuration with its type, its range and its choices.

    A whole number is a float too, and becomes one; nothing else is taken for another type.

    Raises:
        InputError: a value is of another type or out of its range; the message names the option.
    """
    hints = get_type_hints(type(config))
    for each in _options(config):
        value, flag = getattr(config, each.name), _flag(each)
        if choices := _choices(hints[each.name]):
            if not isinstance(value, str) or value not in choices:
                raise InputError(f"{flag} must be one of {', '.join(choices)}, not {value!r}.")
            continue
        kinds = _kinds(hints[each.name])
        if type(value) not in kinds:
            raise InputError(f"{flag} must be {_in_words(kinds)}, not {value!r}.")
        if isinstance(value, str) and not value.isprintable():
            raise InputError(f"{flag} must be a text that can be printed, not {value!r}.")
        if isinstance(value, str) and max(map(len, value.encode().split(b"/"))) > LONGEST_NAME:
            raise InputError(f"{flag} names what no file can be called: it has more than {LONGEST_NAME} bytes.")
        low, high = each.metadata["range"]
        values = value if isinstance(value, tuple) else (value,)
        for number in values:
            if isinstance(value, tuple) and type(number) not in _kinds(_items(hints[each.name])):
                raise InputError(f"{flag} must be numbers, not {list(values)!r}.")
            if isinstance(number, (int, float)) and not low <= number <= high:  # NaN is in no range
                bounds = f"at least {_plain(low)}" if high == LARGEST else f"between {_plain(low)} and {_plain(high)}"
                raise InputError(f"{flag} must be {bounds if low > -LARGEST else 'finite'}, not {_shown(number)}.")
        if float in kinds and isinstance(value, int):
            object.__setattr__(config, each.name, float(value))


def _plain(number: float) -> str:
    return f"{int(number):,}" if number == int(number) and abs(number) < 1e15 else f"{number:g}"


def _shown(number: float) -> str:
    """A number as it was given, or how long it is: Python itself writes none of thousands of digits."""
    if isinstance(number, int) and number.bit_length() > LONGEST_SHOWN:
        return f"a whole number of {number.bit_length()} bits"
    return str(number)


def _presets_in_words(config: type, presets: Mapping[str, Mapping[str, Any]]) -> str:
    wide = max(map(len, presets))
    lines = ["presets, where nothing else is given:"]
    for name, options in presets.items():
        text = shlex.join(command_options(config(**options), config())) or "the defaults above"
        lines += textwrap.wrap(
            text,
            100,
            initial_indent=f"  {name:<{wide}}  ",
            subsequent_indent=" " * (wide + 4),
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def _options(config: Any) -> list["dataclasses.Field[Any]"]:
    return [each for each in dataclasses.fields(config) if "help" in each.metadata]


def _kinds(hint: Any) -> tuple[type, ...]:
    """The types that a value may have by its annotation."""
    parts = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kinds = tuple(get_origin(part) or part for part in parts)
    return (*kinds, int) if float in kinds else kinds


def _items(hint: Any) -> Any:
    """The annotation of what a tuple holds."""
    parts = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return next(get_args(part)[0] for part in parts if get_origin(part) is tuple)


def _in_words(kinds: tuple[type, ...]) -> str:
    return " or ".join(TYPES[kind] for kind in kinds if not (kind is int and float in kinds))


def _choices(hint: Any) -> tuple[str, ...]:
    return get_args(hint) if get_origin(hint) is Literal else ()


def _flag(each: "dataclasses.Field[Any]") -> str:
    return str(each.metadata.get("flag", "--" + each.name.replace("_", "-")))
