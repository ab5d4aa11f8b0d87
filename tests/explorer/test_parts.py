"""What the page is put together from: packed arrays, tiles, described networks, bundled modules, chosen images."""

import io
import zlib

import keras
import numpy as np
import pytest
from PIL import Image

from keras_vae.errors import InputError
from keras_vae.explorer import sprite
from keras_vae.explorer.bundle import ASSETS, bundle
from keras_vae.explorer.content import MOST_IMAGES, MOST_VALUES, stratified
from keras_vae.explorer.description import describe_network, kernels_of
from keras_vae.explorer.neighbours import Neighbours, find_neighbours, nearest_classes
from keras_vae.explorer.parts import FIRST_CHARACTER, as_text, pack
from keras_vae.explorer.rounding import fewest_bits, round_weights
from keras_vae.model import VAE


def as_bytes(text: str, length: int) -> bytes:
    """The other way, by one large number."""
    number = 0
    for character in text:
        number = number << 15 | (ord(character) - FIRST_CHARACTER)
    return (number >> (15 * len(text) - 8 * length)).to_bytes(length, "big") if length else b""


@pytest.mark.parametrize("length", [0, 1, 2, 14, 15, 16, 1000])
def test_bytes_become_characters_that_no_parser_minds(length):
    content = np.random.default_rng(length).bytes(length)
    text = as_text(content)
    assert as_bytes(text, length) == content
    assert len(text) == -(-8 * length // 15)
    assert as_text(b"\x00" * 15) == chr(0x0800) * 8
    assert as_text(b"\xff" * 15) == chr(0x87FF) * 8  # the last one, below the surrogates


def test_arrays_are_kept_in_half_precision_only_where_that_is_exact():
    exact = np.float32([[0.5, -1.25], [3.0, 65504.0]])
    arrays = {"exact": exact, "inexact": exact + np.float32(1e-4), "large": exact * 2, "whole": np.int32([-1, 70000])}
    part = pack(arrays)
    plain = zlib.decompress(part.content)
    assert len(part.content) == part.manifest["compressed"]
    assert len(plain) == part.manifest["plain"] == 4 * 2 + 4 * 4 + 4 * 4 + 2 * 4
    kinds = [entry["type"] for entry in part.manifest["arrays"]]
    assert kinds == ["float16", "float32", "float32", "int32"]
    for entry, array in zip(part.manifest["arrays"], arrays.values(), strict=True):
        size = np.dtype(entry["type"]).itemsize
        planes = np.frombuffer(plain, np.uint8, size * array.size, entry["start"]).reshape(size, -1)
        stored = np.ascontiguousarray(planes.T).view(f"<{np.dtype(entry['type']).str[1:]}").reshape(entry["shape"])
        np.testing.assert_array_equal(stored.astype(array.dtype), array)


@pytest.mark.parametrize("bits", [8, 12])
def test_weights_are_rounded_to_equal_steps_of_each_column(bits):
    weights = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32) * np.float32([1, 10, 0.1, 3, 0])
    rounded = round_weights(weights, bits)
    step = np.abs(weights).max(axis=(0, 1)) / (2 ** (bits - 1) - 1)
    assert rounded.codes.dtype == np.int16
    assert np.abs(rounded.codes).max() == 2 ** (bits - 1) - 1
    assert (np.abs(rounded.values - weights) <= 0.501 * step).all()


@pytest.mark.parametrize("bound", [1e-1, 1e-2])
def test_no_more_bits_are_kept_than_what_a_network_computes_asks_for(bound):
    network = VAE((8, 8, 1), 4, widths=(16,)).decoder
    latents = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    before, kept = network.get_weights(), np.asarray(network(latents))

    def error(bits: int) -> float:
        network.set_weights([round_weights(each, bits).values if each.ndim > 1 else each for each in before])
        return float(np.abs(np.asarray(network(latents)) - kept).max())

    bits = fewest_bits(kernels_of(network), lambda: np.asarray(network(latents)), bound)
    np.testing.assert_array_equal(np.asarray(network(latents)), kept)  # the network is what it was
    assert error(bits) <= bound
    assert bits == 8 or error(bits - 1) > bound


def test_where_no_bits_are_few_enough_none_are_left_out():
    network = VAE((8, 8, 1), 4, widths=(16,)).decoder
    latents = np.ones((2, 4), np.float32)
    assert fewest_bits(kernels_of(network), lambda: np.asarray(network(latents)), 1e-9) is None


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (7, 8, 12, 1), (10, 12, 8, 3)])
def test_tile_i_is_image_i(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    content, columns = sprite.make_sprite(images)
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    count, height, width, _ = shape
    for index in range(count):
        top, left = index // columns * height, index % columns * width
        tile = picture[top : top + height, left : left + width]
        np.testing.assert_array_equal(tile, np.broadcast_to(images[index], tile.shape))


def test_images_are_rounded_to_shades_that_differ_by_no_more_than_two_grey_values():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    content, _ = sprite.make_sprite(images, has_shades=True)
    found = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    assert len(np.unique(found)) == sprite.SHADES
    assert np.abs(found.astype(int) - images[0, ..., 0]).max() == 2
    assert {0, 255} <= set(found.flat)


def test_a_layer_without_arithmetic_is_named():
    network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.AveragePooling2D(2, name="smaller")])
    with pytest.raises(InputError, match="cannot compute the layer 'smaller', a AveragePooling2D"):
        describe_network(keras.Model(network.inputs, network.outputs))
    gated = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "elu", name="bent")])
    with pytest.raises(InputError, match="cannot compute the activation 'elu' of the layer 'bent'"):
        describe_network(keras.Model(gated.inputs, gated.outputs))


def test_images_are_chosen_by_the_share_of_their_class():
    labels = np.repeat([0, 1, 2], [3000, 6000, 3000])
    chosen = stratified(np.random.default_rng(0).permutation(labels), 784)
    assert len(chosen) == len(np.unique(chosen)) == MOST_VALUES // 784
    assert (np.diff(chosen) > 0).all()
    for_colour = stratified(labels, 3072)
    assert len(for_colour) == MOST_VALUES // 3072
    assert np.bincount(labels[for_colour]) / len(for_colour) == pytest.approx([0.25, 0.5, 0.25], abs=0.001)
    np.testing.assert_array_equal(stratified(labels[:50], 784), np.arange(50))
    assert len(stratified(np.zeros(60_000, int), 64)) == MOST_IMAGES


@pytest.mark.parametrize("spread", [1.0, 0.0])
@pytest.mark.parametrize("count", [2, 4, 30])
def test_no_image_is_its_own_neighbour_even_where_all_are_alike(count, spread):
    mean = spread * np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    found = find_neighbours(mean)
    assert found.nearest.shape == (count, min(5, count - 1))
    assert (found.nearest != found.chosen[:, np.newaxis]).all()
    others = np.linalg.norm(mean[found.chosen, np.newaxis] - mean, axis=2)
    others[np.arange(count), found.chosen] = np.inf
    assert found.distances == pytest.approx(others.min(axis=1), abs=1e-3)


def test_the_nearest_classes_of_a_class_are_told_with_their_shares():
    found = Neighbours(np.array([0, 1, 2]), np.array([[1, 2], [0, 3], [3, 3]]), np.ones(3))
    labels = np.array([7, 7, 2, 5])
    assert nearest_classes(labels, 7, found) == [(7, 0.5), (2, 0.25), (5, 0.25)]
    assert nearest_classes(labels, 2, found) == [(5, 1.0)]
    assert nearest_classes(labels, 5, found) == []  # none of its images was drawn
    assert nearest_classes(np.zeros(1, int), 0, find_neighbours(np.zeros((1, 2)))) == []


def test_modules_are_joined_in_the_order_of_their_imports(tmp_path):
    (tmp_path / "main.js").write_text('import { two } from "./other.js";\nconst hidden = two();\n')
    other = "// A part.\nconst hidden = 2;\nexport function two() {\n  return hidden; // seen\n}\n"
    (tmp_path / "other.js").write_text(other)
    script = bundle("main.js", tmp_path)
    assert script.index("module_other = ") < script.index("const { two } = module_other;")
    assert "return { two };" in script
    assert "export" not in script
    assert "A part" not in script
    assert "return hidden; // seen" in script


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('import { main } from "./main.js";', "in a circle: main.js -> other.js -> main.js"),
        ('import all from "elsewhere";', "other.js breaks the rule of bundling: import all from"),
        ("export default 3;", "other.js breaks the rule of bundling: export default 3;"),
    ],
)
def test_modules_that_break_the_rule_of_bundling_are_named(source, message, tmp_path):
    (tmp_path / "main.js").write_text('import { two } from "./other.js";\n')
    (tmp_path / "other.js").write_text(f"{source}\n")
    with pytest.raises(ValueError, match=message):
        bundle("main.js", tmp_path)


def test_every_module_is_part_of_the_page():
    script = bundle("main.js")
    modules = {path.stem for path in ASSETS.glob("*.js")} - {"tab", "tab_address"}  # of TensorBoard
    assert all(f"module_{name} = " in script for name in modules)


def test_sources_of_the_page_are_as_narrow_as_those_in_python():
    for path in ASSETS.glob("*.js"):
        assert max(map(len, path.read_text().splitlines())) <= 120, path.name
