"""Every combination of some values of some options, each with several seeds -> runs, and one table of them."""

import contextlib
import csv
import fcntl
import io
import itertools
import re
import statistics
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keras_vae.cluster import calls_on_cluster
from keras_vae.errors import InputError
from keras_vae.files import write_atomically
from keras_vae.plotting import chart_rate_distortion, png, rendered
from keras_vae.runs import Run, TrainConfig
from keras_vae.sweeps.trained_runs import MINUTES, known_measurements, measurements, trained_run
from keras_vae.tensorboard import Row, check_table, write_table

__all__ = ["Combination", "combinations", "sweep", "sweep_table"]

RATE, DISTORTION = "likelihood.kl", "reconstruction.mean.mse_per_pixel"

# Columns of the table: what it says, digits, and the name of the measurement.
COLUMNS = (
    ("KL, nats", 2, RATE),
    ("MSE per pixel", 5, DISTORTION),
    ("SSIM", 4, "reconstruction.mean.ssim"),
    ("-ELBO, nats", 2, "likelihood.negative_elbo"),
    ("active latents", 1, "likelihood.active_units"),
    ("5-NN", 3, "neighbours.accuracy"),
    ("Frechet distance", 2, "generation.classifier.frechet_distance"),
    ("Frechet distance, own network", 2, "generation.own.frechet_distance"),
    ("minutes", 1, MINUTES),
)

SECONDS_BETWEEN_LOOKS = 2.0  # at runs that other processes are at

Figures = dict[str, float]


class Combination(NamedTuple):
    """One value of each option that is swept.

    Attributes:
        options: the values.
        configs: the configuration of each seed, by the name of its run.
    """

    options: dict[str, Any]
    configs: dict[str, TrainConfig]


def combinations(base: TrainConfig, choices: Mapping[str, Sequence[Any]], seeds: Sequence[int]) -> list[Combination]:
    """All combinations of some values of some options, in the order of the options.

    Args:
        base: the configuration that they differ from.
        choices: for each option its values.
        seeds: of each combination.

    Raises:
        InputError: a value is out of its range, or is there twice; or runs cannot be named after the values.
    """
    for name, values in {**choices, "seeds": seeds}.items():
        if len(set(values)) < len(values):
            raise InputError(f"--{name.replace('_', '-')} has a value twice: {', '.join(map(str, values))}.")
    found = []
    for values in itertools.product(*choices.values()):
        options = dict(zip(choices, values, strict=True))
        title = "".join(f"{name.replace('_', '-')}-{_in_a_name(value)}-" for name, value in options.items())
        found.append(
            Combination(options, {f"{title}seed-{seed}": base.replace(**options, seed=seed) for seed in seeds})
        )
    names = [name for each in found for name in each.configs]
    for number, name in enumerate(names):
        Run.check_name(name)
        if name in names[:number]:
            raise InputError(f"Two combinations would have a run {name}, as their values differ in signs alone.")
    return found


def _in_a_name(value: Any) -> str:
    """A value as the name of a run has it: of a path, dashes stand where the slashes are."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", str(value)).strip("-")


def sweep(
    base: TrainConfig,
    choices: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
    root: Path | str,
    scheduler: str | None = None,
) -> Iterator[str]:
    """Train and measure every combination; write `sweep.md`, `sweep.csv`, `sweep.png` and `table/` anew after each run.

    What was trained before is not trained again, and what was interrupted goes on. What one run fails at is told, and
    does not stop the others. Several processes, on machines that share the folder, share the runs: each takes the next
    one that nobody is at, and ends when all are measured. What failed is tried again by a sweep that is started while
    no other is at the folder.

    Args:
        base: the configuration that is changed.
        choices: for each option its values.
        seeds: of each combination.
        root: the folder for the runs.
        scheduler: address of a Dask cluster whose workers, who reach the folder too, train the runs; None trains here.

    Yields:
        What became of each run.

    Raises:
        InputError: a value is out of its range, or the folder holds another `table`; and as `calls_on_cluster`.
        KeyboardInterrupt: Ctrl-C; the same sweep then goes on.
    """
    root = Path(root)
    planned = combinations(base, choices, seeds)
    check_table(root / "table")
    with _lock(root, "sweep", fcntl.LOCK_EX | fcntl.LOCK_NB) as is_alone:
        if is_alone:
            for note in _notes(root).glob("*.failed"):
                note.unlink()
    with _lock(root, "sweep", fcntl.LOCK_SH):
        yield from _share(planned, root) if scheduler is None else _hand_out(planned, root, scheduler)


def sweep_table(planned: Sequence[Combination], found: Mapping[str, Figures], failed: Mapping[str, str]) -> str:
    """Put the mean and, of several seeds, the standard deviation of what was measured into a table in Markdown.

    What was measured of no run has no column.

    Args:
        planned: the combinations.
        found: for each run that was measured its figures.
        failed: for each that was not what it failed at.
    """
    swept = list(planned[0].options)
    columns = [column for column in COLUMNS if not found or any(column[2] in figures for figures in found.values())]
    lines = [f"| {' | '.join([*swept, 'seeds', *(title for title, *_ in columns)])} |"]
    lines.append("|" + " ---: |" * (len(swept) + 1 + len(columns)))
    for each in planned:
        known = [found[name] for name in each.configs if name in found]
        cells = [*map(str, each.options.values()), str(len(known))]
        cells += [_mean_and_spread([run.get(name) for run in known], digits) for _, digits, name in columns]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *(f"\n{name} failed: {reason}" for name, reason in failed.items())])


def _share(planned: Sequence[Combination], root: Path) -> Iterator[str]:
    """Train and measure what no other process is at, until all is done."""
    left = [(name, config) for each in planned for name, config in each.configs.items()]
    told: set[str] = set()
    while left:
        taken = []
        for name, config in left:
            with _lock(root, name, fcntl.LOCK_EX | fcntl.LOCK_NB) as is_mine:
                became = _measure(config, name, root) if is_mine else "another process is at it"
            if is_mine:
                with _lock(root, "table", fcntl.LOCK_EX):
                    _write(root, planned)
                yield f"{name}: {became}"
                continue
            taken.append((name, config))
            if name not in told:
                told.add(name)
                yield f"{name}: {became}"
        if len(taken) == len(left):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        left = taken


def _hand_out(planned: Sequence[Combination], root: Path, scheduler: str) -> Iterator[str]:
    """Have everything trained and measured by the workers of a cluster."""
    runs = {name: config for each in planned for name, config in each.configs.items()}
    calls = {name: (config, name, root.resolve()) for name, config in runs.items()}
    for name, became in calls_on_cluster(_measure_in_turn, calls, scheduler):
        with _lock(root, "table", fcntl.LOCK_EX):
            _write(root, planned)
        yield f"{name}: {became}"


def _measure_in_turn(config: TrainConfig, name: str, root: Path) -> str:
    with _lock(root, name, fcntl.LOCK_EX):  # waits for a process that is at it, and takes what it leaves
        return _measure(config, name, root)


@contextlib.contextmanager
def _lock(root: Path, name: str, operation: int) -> Iterator[bool]:
    """Whether this process has the lock of a name while the block lasts."""
    folder = _notes(root)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as lock:  # which the system gives back whatever ends the process
        try:
            fcntl.flock(lock, operation)
        except BlockingIOError:
            yield False
            return
        yield True


def _notes(root: Path) -> Path:
    """What processes on a folder tell each other: who is at what, and what has failed."""
    return root / ".sweep"


def _measure(config: TrainConfig, name: str, root: Path) -> str:
    """See that a run is measured, or note what it fails at; say which."""
    note = _notes(root) / f"{name}.failed"
    if note.is_file():  # in another process
        return note.read_text()
    try:
        measurements(trained_run(config, name, root))
        return "measured"
    except InputError as error:
        reason = str(error)
    except Exception as error:  # a bug too must not cost the runs of a night: it is told, with its place
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    write_atomically(note, reason)
    return reason


def _known(root: Path, planned: Sequence[Combination]) -> tuple[dict[str, Figures], dict[str, str]]:
    """Of all runs in the folder, whoever trained them, what was measured, and what they failed at."""
    found, failed = {}, {}
    for name, config in ((name, config) for each in planned for name, config in each.configs.items()):
        note = _notes(root) / f"{name}.failed"
        if note.is_file():
            failed[name] = note.read_text()
        elif (measured := known_measurements(config, name, root)) is not None:
            found[name] = {key: each["value"] for key, each in measured.items() if each["value"] is not None}
    return found, failed


def _mean_and_spread(of_runs: Sequence[float | None], digits: int) -> str:
    """Over the runs whose figure is finite; where some are not, it says of how many."""
    values = [value for value in of_runs if value is not None]
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    of = f" (of {len(values)})" if len(values) < len(of_runs) else ""
    return f"{statistics.mean(values):.{digits}f}{spread}{of}"


def _write(root: Path, planned: Sequence[Combination]) -> None:
    found, failed = _known(root, planned)
    write_atomically(root / "sweep.md", sweep_table(planned, found, failed) + "\n")
    write_atomically(root / "sweep.csv", _csv(planned, found, failed))
    if found:
        write_atomically(root / "sweep.png", png(rendered(chart_rate_distortion(_lines(planned, found)))))
        write_table(root / "table", _rows(planned, found))


def _csv(planned: Sequence[Combination], found: Mapping[str, Figures], failed: Mapping[str, str]) -> str:
    """One line for each run, its figures under the names that they have in `metrics.json`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for *_, name in COLUMNS]
    writer.writerow(["run", *planned[0].options, "seed", *names, "failed"])
    for each in planned:
        for run, config in each.configs.items():
            figures = [found.get(run, {}).get(name, "") for name in names]
            writer.writerow([run, *each.options.values(), config.seed, *figures, failed.get(run, "")])
    return text.getvalue()


def _rows(planned: Sequence[Combination], found: Mapping[str, Figures]) -> dict[str, Row]:
    """Of each combination that was measured mean and, of several seeds, standard deviation of each figure."""
    rows = {}
    for each in planned:
        known = [found[name] for name in each.configs if name in found]
        figures: Figures = {}
        for title, _, name in COLUMNS:
            values = [run[name] for run in known if name in run]
            if values:
                figures[title] = statistics.mean(values)
            if len(values) > 1:
                figures[f"{title}, deviation"] = statistics.stdev(values)
        if figures:
            name = next(iter(each.configs)).rpartition("-seed-")[0] or "all"
            rows[name] = Row({**each.options, "seeds": len(known)}, figures)
    return rows


def _lines(planned: Sequence[Combination], found: Mapping[str, Figures]) -> dict[str, list[tuple[str, Any, Any]]]:
    """The points of the chart: the last option moves along a line, the others tell the lines apart."""
    lines: dict[str, list[tuple[str, Any, Any]]] = {}
    for each in planned:
        known = [found[name] for name in each.configs if {RATE, DISTORTION} <= found.get(name, {}).keys()]
        if not known:
            continue
        *others, last = [f"{name} {value}" for name, value in each.options.items()] or ["all"]
        point = (last, [run[RATE] for run in known], [run[DISTORTION] for run in known])
        lines.setdefault(", ".join(others), []).append(point)
    return lines
