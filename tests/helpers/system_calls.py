"""What processes ask of the file system, by strace; and whether a loss of power could leave half of a file."""

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

TRACED = "openat,open,creat,write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,mkdir"
TRACED += ",unlink,unlinkat,rmdir"
# What a command is preceded by for inotify to answer that all of its instances are taken, as on a busy machine.
WITHOUT_INOTIFY = (
    "strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-I", "waiting", "-e", "signal=none",
    "-e", "trace=?inotify_init,inotify_init1", "-e", "inject=?inotify_init,inotify_init1:error=EMFILE",
)  # fmt: skip
CALL = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)(?:<(?P<opened>[^>]*)>)?")
BEGUN = re.compile(r"(?P<pid>\d+) +(?P<begin>.*) <unfinished \.\.\.>")
RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<end>.*)")
DESCRIPTOR = re.compile(r"\w+<(?P<path>[^>]*)>")
QUOTED = re.compile(r'"(?P<path>(?:[^"\\]|\\.)*)"')


class Call(NamedTuple):
    """A call that succeeded.

    Attributes:
        thread: its number.
        kind: write, sync, rename, remove or mkdir; opening a file to write it is a write.
        paths: one, or of a rename the old and the new.
    """

    thread: str
    kind: str
    paths: tuple[str, ...]


def traced(command: Sequence[str], log: Path, **options) -> tuple[subprocess.CompletedProcess, list[Call]]:
    """Run a command under strace."""
    strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "0", "-e", f"trace={TRACED}", "-o", str(log)]
    process = subprocess.run([*strace, *command], capture_output=True, text=True, check=False, **options)
    return process, list(read_calls(log.read_text(errors="replace").splitlines()))


def read_calls(lines: Iterable[str]) -> Iterable[Call]:
    """The calls of a log that write, in their order."""
    begun: dict[str, str] = {}
    for line in lines:
        if match := BEGUN.fullmatch(line):
            begun[match["pid"]] = match["begin"]
            continue
        if match := RESUMED.fullmatch(line):
            line = f"{match['pid']} {begun.pop(match['pid'], '')}{match['end']}"
        match = CALL.match(line)
        if match is None or match["result"].startswith("-"):
            continue
        name, arguments = match["name"], match["arguments"]
        if name in ("open", "openat", "creat"):
            if match["opened"] and re.search(r"O_CREAT|O_TRUNC", arguments):
                yield Call(match["pid"], "write", (match["opened"],))
        elif name.startswith("rename"):
            yield Call(match["pid"], "rename", tuple(each["path"] for each in QUOTED.finditer(arguments)))
        elif name in ("mkdir", "unlink", "unlinkat", "rmdir"):
            inside = DESCRIPTOR.match(arguments)
            path = PurePath(inside["path"] if inside else "", next(QUOTED.finditer(arguments))["path"])
            yield Call(match["pid"], "mkdir" if name == "mkdir" else "remove", (str(path),))
        elif found := DESCRIPTOR.match(arguments):
            yield Call(match["pid"], "sync" if name in ("fsync", "fdatasync") else "write", (found["path"],))


def unsafe(calls: Iterable[Call], root: Path) -> list[str]:
    """What a loss of power could spoil below a folder: a name that stands for less than a whole file.

    Hidden files and folders are not finished; TensorBoard's own files grow, and are left out.
    """
    problems: list[str] = []
    dirty: set[str] = set()  # files whose content, and folders whose names, are not on the disk
    due: dict[str, str] = {}  # thread: the folder that it must synchronise next

    def is_named(path: str) -> bool:
        inside = PurePath(path)
        return (
            inside.is_relative_to(root)
            and "tfevents" not in inside.name
            and not any(part.startswith(".") for part in inside.relative_to(root).parts)
        )

    for call in calls:
        path = call.paths[-1]
        folder = str(PurePath(path).parent)
        if call.kind == "sync":
            dirty.discard(path)
            if due.get(call.thread) == path:
                del due[call.thread]
        elif call.kind == "mkdir":
            dirty.add(folder)
        elif call.kind == "remove":
            dirty = dirty - {path} | {folder}
        elif call.kind == "write":
            dirty |= {path, folder}
            if is_named(path):
                problems.append(f"{path} is written under its own name")
        else:
            old = call.paths[0]
            moved = {each for each in dirty if each == old or each.startswith(f"{old}/")}
            if is_named(path):
                problems += [f"{path} is named before {each} is on the disk" for each in sorted(moved)]
                if waiting := due.get(call.thread):
                    problems.append(f"{path} is named before the names of {waiting} are on the disk")
                due[call.thread] = folder
            dirty = dirty - moved | {path + each.removeprefix(old) for each in moved} | {folder}
    return list(dict.fromkeys(problems)) + [f"the names of {each} never come to the disk" for each in due.values()]


def named(calls: Iterable[Call], root: Path) -> set[str]:
    """Files and folders, relative to a folder, that got their name by a rename."""
    renamed = (PurePath(call.paths[1]) for call in calls if call.kind == "rename")
    return {str(path.relative_to(root)) for path in renamed if path.is_relative_to(root)}
