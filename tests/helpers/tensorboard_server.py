"""A real TensorBoard for the tests: started on a free port of this machine, asked over HTTP, stopped at the end."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["get", "get_json", "tensorboard"]

ROOT = Path(__file__).resolve().parents[2]

_PATIENCE = 120.0
"""Seconds after which a server that does not answer counts as broken, on however busy a machine."""


_WITHOUT_THE_PACKAGE = """
import sys
from importlib import metadata

found = metadata.distributions
metadata.distributions = lambda **given: (each for each in found(**given) if "keras_vae" not in each.name)
sys.modules["keras_vae"] = None
from tensorboard import default, main

if hasattr(default, "pkg_resources"):  # TensorBoard 2.20
    points = default.pkg_resources.iter_entry_points
    default.pkg_resources.iter_entry_points = lambda group: (
        each for each in points(group) if not each.module_name.startswith("keras_vae")
    )
main.run_main()
"""


@contextmanager
def tensorboard(
    logdir: Path | str, plugins: Sequence[str] = (), installed: bool = False, under: Sequence[str] = ()
) -> Iterator[str]:
    """Serve a log directory.

    Args:
        logdir: The folder to serve; or, as a string, several as `--logdir_spec` has them.
        plugins: Names of plugins, such as `scalars`, `images`, `hparams` or `projector`, which must have found data.
        installed: Whether TensorBoard finds this package among the installed ones, whose plugins it loads; otherwise it
            does not, and could not import it, even where it is installed.
        under: Words of a command that runs it, such as strace.

    Yields:
        The server's address, without a slash at its end, once all the plugins are ready.
    """
    command = [
        *under,
        sys.executable,
        *(["-m", "tensorboard.main"] if installed else ["-c", _WITHOUT_THE_PACKAGE]),
        f"--logdir{'_spec' if isinstance(logdir, str) else ''}={logdir}",
        "--host=127.0.0.1",
        "--port=0",
        "--reload_interval=1",
    ]
    unset = {name: value for name, value in os.environ.items() if not name.startswith(("TF_CPP", "CUDA"))}
    environment = unset | _as_the_readme_sets() | {"PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryDirectory() as folder:
        if installed:
            environment["PYTHONPATH"] = os.pathsep.join([str(_install(Path(folder))), str(ROOT)])
        log = Path(folder) / "log.txt"
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            (url,) = _wait(lambda: re.findall(r"http://127\.0\.0\.1:\d+", log.read_text()), process, log)
            _wait(lambda: _enabled(url).issuperset(plugins), process, log)
            yield url
            assert "E0000" not in log.read_text(), log.read_text()  # such as that CUDA finds no GPU
        finally:
            process.terminate()
            process.wait()


def get(url: str, route: str, **query: Any) -> bytes:
    """Return the body of the answer to GET; raise `urllib.error.HTTPError` for a status of 400 or more."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the server is on this machine
    with direct.open(f"{url}{route}?{urllib.parse.urlencode(query)}", timeout=_PATIENCE) as response:
        return response.read()


def get_json(url: str, route: str, **query: Any) -> Any:
    """Return the decoded JSON of the answer to GET."""
    return json.loads(get(url, route, **query))


def _as_the_readme_sets() -> dict[str, str]:
    """The variables that stand before the README's command."""
    (line,) = re.findall(r"^    (.*)tensorboard --logdir logs\b", (ROOT / "README.md").read_text(), re.MULTILINE)
    return dict(word.split("=", 1) for word in line.split())


def _install(folder: Path) -> Path:
    """Write what tells Python of the package's entry points, as pip does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    written = folder / f"{project['name']}-0.dist-info"
    written.mkdir()
    (written / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n")
    points = "\n".join(f"{name} = {target}" for name, target in project["entry-points"]["tensorboard_plugins"].items())
    (written / "entry_points.txt").write_text(f"[tensorboard_plugins]\n{points}\n")
    return folder


def _enabled(url: str) -> set[str]:
    return {name for name, plugin in get_json(url, "/data/plugins_listing").items() if plugin["enabled"]}


def _wait(answer: Callable[[], Any], process: subprocess.Popen[bytes], log: Path) -> Any:
    """Return the first answer that is true; what TensorBoard printed becomes the error if it stops or never answers."""
    deadline = time.monotonic() + _PATIENCE
    while not (result := answer()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"TensorBoard does not show what it should:\n{log.read_text()}")
        time.sleep(0.2)
    return result
