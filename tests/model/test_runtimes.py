"""An exported model gives in each runtime what it gives in TensorFlow, for any number of images."""

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from node_runtime import NodeRuntime

from keras_vae.model import VAE, endpoints, export_litert, export_onnx

SHAPE, LATENTS = (8, 8, 1), 3
CLOSE = {"rel": 1e-5, "abs": 1e-5}


# Every prior, network and likelihood is in one of them.
MODELS = {
    "dense": {"prior": "standard_normal", "likelihood": "gaussian"},
    "convolutional": {"prior": "mixture", "network": "convolutional"},
    "bfloat16": {"prior": "flow", "likelihood": "discretized_logistic", "dtype": "mixed_bfloat16"},
    "continuous Bernoulli": {"prior": "vamp", "likelihood": "continuous_bernoulli"},
    "two levels": {"prior": "vamp", "levels": 2},
    "colour": {"image_shape": (8, 8, 3), "network": "strided"},
}


@pytest.fixture(params=MODELS.values(), ids=MODELS, scope="module")
def model(request) -> VAE:
    """A model whose weights are all different from what they begin with."""
    options = {"image_shape": SHAPE, "widths": (16, 8), "seed": 1, "prior_components": 6, **request.param}
    model = VAE(latent_dim=LATENTS, **options)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32" and len(weight.shape):
            weight.assign(weight + 0.2 * rng.standard_normal(weight.shape) / np.sqrt(weight.shape[0]))
    return model


@pytest.fixture(scope="session")
def node(tmp_path_factory) -> NodeRuntime:
    return NodeRuntime(tmp_path_factory.mktemp("node"))


def inputs_of(count: int, shape: tuple[int, int, int] = SHAPE) -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(count)
    images, latents = rng.random((count, *shape), np.float32), rng.standard_normal((count, LATENTS), np.float32)
    noise = np.concatenate([rng.standard_normal((count, LATENTS)), rng.random((count, 1))], axis=1, dtype=np.float32)
    return {
        "encode": {"images": images},
        "decode": {"latents": latents},
        "reconstruct": {"images": images},
        "interpolate": {"start": images[0], "end": images[-1], "steps": np.array(5, np.int32)},
        "log_prior": {"latents": latents},
        "decode_prior": {"noise": noise},
    }


def expected_of(model: VAE, name: str, inputs: dict) -> dict[str, np.ndarray]:
    endpoint = endpoints(model, model.prior.log_density, model.prior.from_noise)[name]
    results = endpoint.function(*(inputs[each.name] for each in endpoint.signature))
    return {output: value.numpy() for output, value in results.items()}


def assert_same(model: VAE, run) -> None:
    for count in (1000, 1):
        for name, inputs in inputs_of(count, model.image_shape).items():
            expected, given = expected_of(model, name, inputs), run(name, inputs)
            assert given.keys() == expected.keys()
            for output, values in expected.items():
                assert given[output] == pytest.approx(values, **CLOSE), (name, output)


def test_onnx_runtime_gives_what_tensorflow_gives(model, tmp_path):
    assert_same(model, onnx(export_onnx(model, tmp_path / "onnx")))


@pytest.mark.slow
def test_onnx_runtime_in_node_gives_what_tensorflow_gives(model, tmp_path, node):
    folder = export_onnx(model, tmp_path / "onnx")
    assert_same(model, lambda name, inputs: renamed(name, node.call(folder / f"{name}.onnx", inputs)))


def test_litert_gives_what_tensorflow_gives(model, tmp_path):
    assert_same(model, litert(export_litert(model, tmp_path / "vae.tflite")))


def test_onnx_files_share_their_weights(tmp_path):
    model = VAE(SHAPE, LATENTS, widths=(200,))
    folder = export_onnx(model, tmp_path / "onnx")
    size = sum(path.stat().st_size for path in folder.iterdir())
    weights = sum(4 * weight.numpy().size for weight in model.weights)
    assert size == pytest.approx(weights, rel=0.5)  # encode and reconstruct alone would take twice as much


def test_lower_precision_takes_less_room_and_stays_close(tmp_path):
    model = VAE(SHAPE, LATENTS, widths=(200, 200))
    weights = sum(4 * weight.numpy().size for weight in model.weights)
    inputs = inputs_of(100)["reconstruct"]
    expected = expected_of(model, "reconstruct", inputs)["images"]
    for precision, share, most in (("float16", 0.75, 2e-3), ("int8", 0.4, 5e-2)):
        path = export_litert(model, tmp_path / "vae.tflite", precision)
        assert path.stat().st_size < share * weights
        difference = np.abs(litert(path)("reconstruct", inputs)["images"] - expected).max()
        assert 0.0 < difference < most


def test_half_precision_draws_from_the_same_gaussians_of_a_mixture(tmp_path):
    model = VAE(SHAPE, LATENTS, widths=(20,), prior="mixture", prior_components=50)
    rng = np.random.default_rng(0)
    means, factors = 3.0 * rng.standard_normal((50, LATENTS)), np.tile(10.0 * np.eye(LATENTS), (50, 1, 1))
    model.prior.set_gaussians(np.ones(50), means, factors)
    noise = np.concatenate([rng.standard_normal((200, LATENTS)), rng.random((200, 1))], axis=1).astype(np.float32)
    found = litert(export_litert(model, tmp_path / "vae.tflite", "float16"))("decode_prior", {"noise": noise})["images"]
    assert found == pytest.approx(model.decode(model.prior.from_noise(noise)).numpy(), abs=5e-3)


def onnx(folder):
    def run(name: str, inputs: dict) -> dict[str, np.ndarray]:
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx")
        names = [each.name for each in session.get_outputs()]
        return renamed(name, dict(zip(names, session.run(names, inputs), strict=True)))

    return run


def renamed(name: str, results: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"images": results["reconstructions"]} if name == "reconstruct" else results


def litert(path):
    interpreter = Interpreter(str(path))
    return lambda name, inputs: dict(interpreter.get_signature_runner(name)(**inputs))
