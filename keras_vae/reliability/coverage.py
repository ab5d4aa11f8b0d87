"""Binary formats by coverage: atheris changes valid files into ones that reach lines which none before has reached."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from keras_vae.errors import InputError
from keras_vae.reliability.answers import refusing
from keras_vae.reliability.binary_formats import FORMATS, Format
from keras_vae.reliability.outcomes import Tally
from keras_vae.reliability.processes import Main

__all__ = ["fuzz_by_coverage", "guided", "trying"]

# What atheris sees the lines of.
INSTRUMENTED = ("keras_vae.data", "keras_vae.runs", "keras_vae.memory", "numpy.lib", "PIL", "zipfile", "gzip", "json")
# A process that imports them under its eyes: `atheris.Fuzz` never returns.
PROGRAM = f"""
import sys, atheris
with atheris.instrument_imports(include={list(INSTRUMENTED)}):
    from keras_vae.reliability.coverage import guided
guided(*sys.argv[1:])
"""
LIMITS = ("-timeout=60", "-rss_limit_mb=8192", "-max_len=4096", "-verbosity=0")  # seconds, MB, bytes
TOLD_EVERY = 100  # inputs


def fuzz_by_coverage(
    main: Main,
    folder: Path,
    tries: int,
    seed: int = 0,
    progress: Callable[[str], None] = print,
    formats: Sequence[str] = (),
) -> dict[str, Tally]:
    """Try files that atheris makes, each format in a process of its own.

    Args:
        main: is not used.
        folder: an empty folder, where files remain that were found out.
        tries: how many of each format.
        seed: of atheris.
        progress: is told a line for each format.
        formats: their names; none are all of `FORMATS`.

    Returns:
        Tallies by format; each failure has the line that raised it, and the first file that made it.

    Raises:
        InputError: atheris is missing.
    """
    del main
    if importlib.util.find_spec("atheris") is None:
        raise InputError("--coverage needs atheris: pip install atheris.")
    tallies = {}
    for name in formats or FORMATS:
        place = folder / name.replace(" ", "-")
        (place / "corpus").mkdir(parents=True)
        for number, content in enumerate(FORMATS[name].seeds()):
            (place / "corpus" / f"seed-{number}").write_bytes(content)
        command = [sys.executable, "-c", PROGRAM, name, str(place), str(tries), str(seed)]
        paths = os.pathsep.join(filter(None, sys.path))
        # TensorFlow Datasets leaves an empty folder wherever it looks for a data set that is not prepared.
        with tempfile.TemporaryDirectory() as temporary, (place / "log.txt").open("w") as log:
            environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": temporary}
            code = subprocess.run(command, stdout=log, stderr=log, env=environment, check=False).returncode
        counted = place / "counted.json"
        outcomes, failures = json.loads(counted.read_text()) if counted.exists() else ({}, [])
        tally = Tally(failures=failures)
        tally.outcomes.update(outcomes)
        if code:
            tally.add("failed", f"atheris ended with {code} after {tally.tried:,} inputs, see {log.name}")
        progress(f"{name}: {tally.survived:,} of {tally.tried:,}")
        tallies[name] = tally
    return tallies


def guided(name: str, place: str, tries: str, seed: str) -> None:
    """Let atheris make files, and end the process after some; what came of them is written beside them.

    Args:
        name: of the format.
        place: a folder, whose `corpus` has valid files.
        tries: how many.
        seed: of atheris.
    """
    import atheris

    Image.init()  # all kinds, of which some would otherwise be imported once atheris looks no longer
    tally = Tally()
    attempt = trying(FORMATS[name], Path(place), tally)

    def count(content: bytes) -> None:
        attempt(content)
        if tally.tried % TOLD_EVERY == 0 or tally.tried == int(tries):
            Path(place, "counted.json").write_text(json.dumps([tally.outcomes, tally.failures]))
        if tally.tried == int(tries):
            os._exit(0)

    atheris.Setup([name, f"-seed={int(seed) + 1}", f"-artifact_prefix={place}/", *LIMITS, f"{place}/corpus"], count)
    atheris.Fuzz()


def trying(kind: Format, place: Path, tally: Tally) -> Callable[[bytes], None]:
    """A function that reads a file of some content, and counts what came of it.

    Args:
        kind: what the file is.
        place: a folder, where the first file remains that made a line fail.
        tally: the count.
    """
    path, failed = place / kind.file, dict[str, str]()
    path.parent.mkdir(parents=True, exist_ok=True)

    def attempt(content: bytes) -> None:
        path.write_bytes(content)
        try:
            with refusing() as answer:
                kind.read(path)
            tally.add(answer.outcome)
        except Exception as error:  # whatever is not foreseen is what is looked for
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
            if where not in failed:
                kept = place / f"failed-{len(failed)}{path.suffix}"
                kept.write_bytes(content)
                failed[where] = f"{where} ({' '.join(str(error).split())[:200]}), of {kept.name}"
            tally.add("failed", failed[where])

    return attempt
