"""A command shows the user's own lines, and why a GPU is not used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_vae.runs import TrainConfig

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("driver", [True, False])
def test_a_gpu_that_cannot_be_used_is_named_with_tensorflows_reason(driver, tmp_path):
    code = (
        "import pathlib, keras_vae.console as console\n"
        f"console.GPU_DRIVER = pathlib.Path({str(tmp_path if driver else tmp_path / 'none')!r})\n"
        "console.import_tensorflow()"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**environment, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ("has an NVIDIA GPU that TensorFlow cannot use" in process.stderr) == driver
    assert ("cuda" in process.stderr.lower()) == driver


def test_commands_compute_float32_as_float32():
    code = (
        "import keras_vae.console as console\n"
        "console.import_tensorflow()\n"
        "import tensorflow as tf\n"
        "assert not tf.config.experimental.tensor_float_32_execution_enabled()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120, check=True)


def test_a_training_by_the_library_tells_of_no_error_where_there_is_no_gpu():
    code = (
        "import keras_vae, numpy\n"
        "vae = keras_vae.VAE((8, 8, 1), latent_dim=2, widths=(8,))\n"
        "vae.compile('adam')\n"
        "vae.fit(numpy.zeros((4, 8, 8, 1), numpy.float32), epochs=1, verbose=0)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_CPP", "CUDA"))}
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert "E0000" not in process.stderr


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (r"InputError('run\n\x1b[2J\u2028 one is taken')", r"error: run\n\x1b[2J\u2028 one is taken"),
        ("ModuleNotFoundError(name='umap')", "error: this command needs umap: pip install 'keras_vae[all]' brings it."),
        (
            "ModuleNotFoundError(name='tf2onnx.convert')",
            "error: this command needs tf2onnx: pip install 'keras_vae[onnx]' brings it.",
        ),
        (
            "ModuleNotFoundError(name='pyarrow')",
            "error: this command needs pyarrow: pip install 'keras_vae[parquet]' brings it.",
        ),
        ("InputError('Give another name.')", "error: Give another name."),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(failure, line):
    code = (
        "from keras_vae.console import run_command\nfrom keras_vae.errors import InputError\n"
        f"def command(): raise {failure}\n"
        "run_command(command)"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr.splitlines() == [line]


def test_an_extra_is_that_of_the_repository_where_the_package_is_not_installed():
    code = (
        "import importlib.metadata\n"
        "def missing(name): raise importlib.metadata.PackageNotFoundError(name)\n"
        "importlib.metadata.distribution = missing\n"
        "from keras_vae.console import run_command\n"
        "def command(): raise ModuleNotFoundError(name='pyarrow')\n"
        "run_command(command)"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    line = "error: this command needs pyarrow: pip install -e '.[parquet]' in the folder of the repository brings it."
    assert process.stderr.splitlines() == [line]


def test_a_bug_keeps_its_traceback():
    code = "from keras_vae.console import run_command\ndef command(): import no_such_module\nrun_command(command)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "Traceback" in process.stderr


def test_show_prints_the_configuration_and_trains_nothing(tmp_path):
    options = ["--preset", "quick", "--beta", "2", "--root", str(tmp_path), "--show"]
    command = [sys.executable, "scripts/train.py", *options]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert TrainConfig.from_json(process.stdout) == TrainConfig.from_preset("quick", beta=2.0)
    assert not list(tmp_path.iterdir())


def test_output_that_nobody_reads_ends_a_command_in_silence():
    code = "from keras_vae.console import run_command\nrun_command(lambda: [print('line') for _ in range(100_000)])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""


@pytest.mark.parametrize(
    "words",
    [["--x", "a\nb"], ["--epochs", "a\nb"], ["--run", "a\nb", "--resume"], ["--dataset", "a\nb"], ["--run", "x" * 300]],
)
def test_whatever_is_typed_is_answered_by_one_line_with_exit_code_2(words, tmp_path):
    command = [sys.executable, "scripts/train.py", "--root", str(tmp_path), *words]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "error: " in process.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())
