"""No loss of power leaves half of a file under its name: its content is on the disk first, and then its name.

What a disk that forgets makes of a run is tried by `scripts/reliability.py --power`, which needs root; here system
calls are watched, in their order.
"""

import json
import sys
from pathlib import Path

import pytest
from system_calls import Call, named, read_calls, traced, unsafe

from keras_vae.reliability.small_run import EVALUATE, EXPLORE, REPORT, TRAIN, write_pictures

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
from keras_vae.cli import main
for words in json.loads(sys.argv[1]):
    main(words)
"""
SAFE = [
    Call("1", "write", ("/r/.part", )),
    Call("1", "sync", ("/r/.part", )),
    Call("1", "rename", ("/r/.part", "/r/whole")),
    Call("1", "sync", ("/r", )),
]  # fmt: skip


@pytest.mark.slow
def test_every_file_of_a_run_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    pictures = write_pictures(tmp_path / "pictures")
    commands = [
        [*TRAIN, "--dataset", str(pictures), "--root", str(root)],
        *([*words, "--root", str(root)] for words in (EVALUATE, EXPLORE, REPORT)),
        ["encode", "small", "--root", str(root), "--output", str(root / "codes")],
        ["page", "small", str(root / "page.html"), "--root", str(root)],
        ["export", "small", "--format", "litert", "--root", str(root)],
    ]
    environment = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(root / "cache")}
    environment["MPLCONFIGDIR"] = str(tmp_path / "matplotlib")  # which writes in its own way
    program = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
    process, calls = traced(program, tmp_path / "calls", cwd=ROOT, env={**environment, "PATH": "/usr/bin:/bin"})
    assert process.returncode == 0, process.stderr
    assert unsafe(calls, root) == []
    files = ("history", "training", "metrics", "latent", "checkpoints/epoch-00003")
    folder = "saved_models/small"
    assert {
        folder,  # with its config.json
        *(f"{folder}/{name}.json" for name in files),
        *(f"{folder}/{name}" for name in ("vae.keras", "saved_model", "maps.npz", "report.pdf", "explorer.html")),
        f"{folder}/checkpoints/epoch-00003.npz",
        f"{folder}/figures/samples.png",
        f"{folder}/README.md",
        "logs/small/projector",
        "page.html",
    } <= named(calls, root)
    assert any(path.endswith(".parquet") for path in named(calls, root))
    assert any(path.startswith("cache/") for path in named(calls, root))


def test_the_order_that_loses_nothing_is_found_good():
    assert unsafe(SAFE, Path("/r")) == []


@pytest.mark.parametrize(
    ("calls", "problem"),
    [
        ([SAFE[0], *SAFE[2:]], "/r/whole is named before /r/.part is on the disk"),
        (SAFE[:3], "the names of /r never come to the disk"),
        ([*SAFE[:3], SAFE[0], SAFE[1], SAFE[2], SAFE[3]], "/r/whole is named before the names of /r are on the disk"),
        ([Call("1", "write", ("/r/whole",))], "/r/whole is written under its own name"),
        (
            [Call("1", "write", ("/r/.a/b",)), Call("1", "sync", ("/r/.a/b",)), Call("1", "rename", ("/r/.a", "/r/a"))],
            "/r/a is named before /r/.a is on the disk",
        ),
    ],
)
def test_another_order_is_found(calls, problem):
    assert problem in unsafe(calls, Path("/r"))


def test_calls_of_several_threads_are_told_apart():
    log = [
        '1 openat(AT_FDCWD</w>, "/r/.p", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 3</r/.p>',
        "1 fsync(3</r/.p> <unfinished ...>",
        '2 rename("/r/.a", "/r/b") = 0',
        "1 <... fsync resumed>) = 0",
        '2 rename("/r/.c", "/r/d") = -1 ENOENT (No such file or directory)',
        '2 unlinkat(4</r/.e>, "f", 0) = 0',
    ]
    assert list(read_calls(log)) == [
        Call("1", "write", ("/r/.p",)),
        Call("2", "rename", ("/r/.a", "/r/b")),
        Call("1", "sync", ("/r/.p",)),
        Call("2", "remove", ("/r/.e/f",)),
    ]
