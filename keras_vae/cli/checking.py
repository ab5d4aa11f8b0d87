"""The command that checks what the project promises."""

import functools
import sys
import tempfile
from pathlib import Path

from keras_vae.cli.shared import Arguments, Command, Parser
from keras_vae.console import import_tensorflow
from keras_vae.errors import InputError

__all__ = ["COMMANDS"]


def _add_reliability(parser: Parser) -> None:
    parser.add_argument("--kills", metavar="N", type=int, default=0, help="commands to kill, and to take up again")
    parser.add_argument(
        "--phases", metavar="PHASE", nargs="+", help="only kills in these, such as checkpoint or export (default: all)"
    )
    parser.add_argument("--fuzz", metavar="N", type=int, default=0, help="damaged and absurd inputs to try")
    parser.add_argument(
        "--coverage", metavar="N", type=int, default=0, help="files of each binary format to try; atheris"
    )
    parser.add_argument("--power", metavar="N", type=int, default=0, help="losses of power to try; needs root")
    parser.add_argument("--disks", metavar="N", type=int, default=0, help="sizes of a full disk to try; needs root")
    parser.add_argument(
        "--soak",
        metavar="MINUTES",
        type=float,
        default=0.0,
        help="do everything again and again in one process, and watch its memory and open files",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of moments and inputs (default: 0)")
    parser.add_argument(
        "--folder",
        metavar="FOLDER",
        type=Path,
        help="where trials that fail are kept, and all outcomes: the same command goes on (default: nowhere)",
    )


def _reliability(arguments: Arguments) -> None:
    counts = (arguments.kills, arguments.fuzz, arguments.coverage, arguments.power, arguments.disks, arguments.soak)
    if not all(0 <= count < 1e6 for count in (*counts, arguments.seed)):
        raise InputError(
            "--kills, --fuzz, --coverage, --power, --disks, --soak and --seed must be from 0 to a million."
        )
    if not any(counts):
        raise InputError("There is nothing to try: give --kills, --fuzz, --coverage, --power, --disks or --soak.")
    if arguments.folder is not None and arguments.folder.exists() and not list(arguments.folder.glob("*/tried-*.json")):
        raise InputError(f"{arguments.folder} holds something else: give another --folder.")

    import_tensorflow()
    from keras_vae.cli.program import main
    from keras_vae.reliability import (
        PHASES,
        fuzz,
        fuzz_by_coverage,
        soak,
        soak_table,
        tally_table,
        try_full_disks,
        try_kills,
        try_power_losses,
        what_grew,
    )

    phases = [phase for phase in PHASES if phase.name in (arguments.phases or [phase.name])]
    if arguments.phases and len(phases) != len(set(arguments.phases)):
        raise InputError(f"--phases are among {', '.join(phase.name for phase in PHASES)}.")
    with tempfile.TemporaryDirectory(prefix="reliability-") as temporary:
        folder = Path(temporary) if arguments.folder is None else arguments.folder.resolve()
        survived = True
        for title, count, tries in (
            ("phase", arguments.kills, functools.partial(try_kills, phases=phases)),
            ("input", arguments.fuzz, fuzz),
            ("format", arguments.coverage, fuzz_by_coverage),
            ("power lost in", arguments.power, try_power_losses),
            ("full disk", arguments.disks, try_full_disks),
        ):
            if count:
                place = folder / title.replace(" ", "-")
                place.mkdir(parents=True, exist_ok=True)
                tallies = tries(main, place, count, arguments.seed)
                print(f"\n{tally_table(tallies, title)}\n", flush=True)
                survived = survived and not any(tally.failures for tally in tallies.values())
        if arguments.soak:
            tell = functools.partial(print, flush=True, file=sys.stdout)  # which commands that run here send elsewhere
            found = soak(main, folder / "soak", arguments.soak, arguments.seed, tell)
            grew = what_grew(found)
            print("\n".join(["", soak_table(found), "", *grew]), flush=True)
            survived = survived and not grew
    if not survived:
        raise InputError("Not all tries survived: the lines above say which.")


COMMANDS = {
    "reliability": Command(
        "Kill commands, lose the power, damage files, fill disks, and count what survives.",
        _add_reliability,
        _reliability,
    ),
}
