"""A tab of TensorBoard: the page of each run under its log folders that was explored.

TensorBoard finds it by the package's entry point `tensorboard_plugins`, and imports it when it starts: it must do so
in no time, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorboard import errors
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import Request, Response

from keras_vae.explorer.bundle import ASSETS
from keras_vae.explorer.log_folder import FORMAT, find_runs, read_facts, read_part
from keras_vae.explorer.template import linked_page
from keras_vae.files import typed_command

__all__ = ["ExplorerPlugin"]

_TYPES = {".js": "text/javascript", ".css": "text/css"}


class ExplorerPlugin(base_plugin.TBPlugin):
    """Serves the parts of the page as files: TensorBoard's content policy allows scripts of its own origin only.

    Args:
        context: what TensorBoard was started with.
    """

    plugin_name = "explorer"

    def __init__(self, context: base_plugin.TBContext) -> None:
        super().__init__(context)
        spec = getattr(context.flags, "logdir_spec", "") if context.flags else ""
        folders = [Path(each).expanduser() for each in [context.logdir] if each]
        self._log_folders = _parsed(spec) if spec else dict.fromkeys(folders)

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        routes = {"/runs": self._runs, "/page": self._page, "/part": self._part, "/assets/*": self._asset}
        return {route: Request.application(_answered(answer)) for route, answer in routes.items()}

    def is_active(self) -> bool:
        return bool(find_runs(self._log_folders))

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        return base_plugin.FrontendMetadata(
            es_module_path="/assets/tab.js", tab_name="Latent space", disable_reload=True
        )

    def _runs(self, request: Request) -> Response:
        answer = {"runs": list(find_runs(self._log_folders)), "command": typed_command("explore")}
        return http_util.Respond(request, answer, "application/json")

    def _page(self, request: Request) -> Response:
        run, folder = self._asked(request)
        facts = read_facts(folder)
        if facts.get("format") != FORMAT:
            text = f"This run was explored by another version of keras_vae. Once more: {typed_command('explore')} {run}"
            return http_util.Respond(request, text, "text/plain")
        return http_util.Respond(request, linked_page(facts, run), "text/html")

    def _part(self, request: Request) -> Response:
        _, folder = self._asked(request)
        return http_util.Respond(request, read_part(folder, request.args["name"]), "application/octet-stream")

    def _asset(self, request: Request) -> Response:
        path = ASSETS / Path(request.path).name
        if path.suffix not in _TYPES:
            raise KeyError(path.name)
        return http_util.Respond(request, path.read_bytes(), _TYPES[path.suffix])

    def _asked(self, request: Request) -> tuple[str, Path]:
        run = request.args["run"]
        return run, find_runs(self._log_folders)[run]


def _answered(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """An answer that says 404 for what is not there."""

    def asked(request: Request) -> Response:
        try:
            return answer(request)
        except (KeyError, FileNotFoundError) as error:
            raise errors.NotFoundError(f"There is no {error}.") from error

    return asked


def _parsed(spec: str) -> Mapping[Path, str | None]:
    """Folders of `--logdir_spec`, `name:folder` or `folder` with commas between, and their names."""
    folders: dict[Path, str | None] = {}
    for each in spec.split(","):
        name, colon, folder = each.partition(":")
        is_named = bool(colon) and "/" not in name
        folders[Path(folder if is_named else each).expanduser()] = name if is_named else None
    return folders
