"""The server that the documentation shows answers with what the SavedModel gives."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

ROOT = Path(__file__).resolve().parents[1]
SAVED_MODEL = ROOT / "saved_models" / "reference-default" / "saved_model"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Where the server of docs/serving.md listens."""
    folder = tmp_path_factory.mktemp("server")
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "serving.md").read_text(), re.DOTALL)[0]
    (folder / "serve.py").write_text(code)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "serve:app", f"--port={port}", "--log-level=error"]
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, "MODEL": str(SAVED_MODEL)})
    try:
        while not answers(port):
            assert process.poll() is None
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1/models/vae:predict"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(address: str, signature: str, **inputs) -> dict:
    content = json.dumps({"signature_name": signature, "inputs": inputs}).encode()
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as response:
        return json.load(response)["outputs"]


@pytest.mark.slow
def test_endpoints_answer_over_http_as_the_model_does(address):
    model = tf.saved_model.load(str(SAVED_MODEL))
    images = model.sample_seeded(3, [0, 1])["images"]
    served = ask(address, "sample_seeded", count=3, seed=[0, 1])["images"]
    np.testing.assert_allclose(served, images, atol=1e-6)
    posterior = ask(address, "encode", images=served)
    np.testing.assert_allclose(posterior["mean"], model.encode(images)["mean"], atol=1e-4)
    assert np.shape(ask(address, "serving_default", images=served)["images"]) == (3, 28, 28, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signature", "inputs", "status", "message"),
    [
        ("paint", {}, 404, "There is no paint; there are "),
        ("encode", {"pictures": []}, 400, "images"),
        ("encode", {"images": [[0.5], [0.5, 0.2]]}, 400, "non-rectangular"),
    ],
)
def test_what_cannot_be_answered_is_said(address, signature, inputs, status, message):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(address, signature, **inputs)
    assert caught.value.code == status
    assert message in json.load(caught.value)["detail"]
