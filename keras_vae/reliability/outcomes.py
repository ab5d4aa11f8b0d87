"""What came of many tries, counted."""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from keras_vae.files import write_atomically

__all__ = ["Record", "Tally", "tally_table"]


@dataclass
class Tally:
    """Outcomes of tries of one kind.

    Attributes:
        outcomes: how many tries had each.
        failures: a line on each of these.
    """

    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, outcome: str, failure: str = "") -> None:
        """Count one try, and keep a line on it where it failed."""
        self.outcomes[outcome] += 1
        if failure:
            self.failures.append(failure)

    @property
    def tried(self) -> int:
        """How many tries there were."""
        return self.outcomes.total()

    @property
    def survived(self) -> int:
        """How many of them kept the promise."""
        return self.tried - len(self.failures)


class Record:
    """The outcomes of tries in a file: what was interrupted goes on where it was.

    Args:
        path: of the file, JSON: a name, an outcome and a failure or "" for each try.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tries: list[tuple[str, str, str]] = []
        if path.is_file():
            self.tries = [(name, outcome, failure) for name, outcome, failure in json.loads(path.read_text())]

    def add(self, name: str, outcome: str, failure: str = "") -> None:
        """Keep one try."""
        self.tries.append((name, outcome, failure))
        write_atomically(self.path, json.dumps(self.tries, indent=1) + "\n")

    def tallies(self, names: Iterable[str]) -> dict[str, Tally]:
        """Count all tries by their names."""
        found = {name: Tally() for name in names}
        for name, outcome, failure in self.tries:
            found[name].add(outcome, failure)
        return found


def tally_table(tallies: Mapping[str, Tally], title: str) -> str:
    """Put tallies into a table in Markdown, below it a line for each failure that differs from those before.

    Args:
        tallies: by the name of what was tried.
        title: of the first column.
    """
    lines = [f"| {title} | survived / tried | outcomes |", "| --- | ---: | --- |"]
    for name, tally in tallies.items():
        outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
        lines.append(f"| {name} | {tally.survived:,} / {tally.tried:,} | {outcomes} |")
    survived, tried = (sum(getattr(each, part) for each in tallies.values()) for part in ("survived", "tried"))
    lines.append(f"| all | {survived:,} / {tried:,} | |")
    failures = [f"{name}: {failure}" for name, tally in tallies.items() for failure in tally.failures]
    return "\n".join([*lines, *(["", *dict.fromkeys(failures)] if failures else [])])
