"""What `write_projector` writes is what was given, and what TensorBoard and its page then show."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from browser import check_projector, photograph_projector
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector import ProjectorConfig
from tensorboard_server import get, get_json, tensorboard

from keras_vae.errors import InputError
from keras_vae.tensorboard import is_projector, projector, write_projector
from keras_vae.tensorboard.projector import MAX_POINTS

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data" / "fashion_mnist"
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
PLUGIN = "/data/plugin/projector"


def arguments(**changes) -> dict:
    """Six points in four dimensions with everything that can be given, but for some changes."""
    rng = np.random.default_rng(0)
    return {
        "embeddings": {"latent_mean": rng.normal(size=(6, 4)), "umap": rng.normal(size=(6, 2))},
        "labels": ["bag", "coat", "bag", "dress", "coat", "bag"],
        "images": rng.integers(0, 256, (6, 8, 8, 1), np.uint8),
        "columns": {"nats": rng.normal(size=6)},
        "description": "Six *points*",
    } | changes


def read_values(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter="\t", ndmin=2).astype(np.float32)


def read_config(folder: Path) -> ProjectorConfig:
    return text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())


def read_metadata(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))


def read_tiles(png: bytes, side: int) -> np.ndarray:
    """Tiles (rows * columns, side, side, channels) of a mosaic, row by row."""
    pixels = np.asarray(Image.open(io.BytesIO(png)))
    rows, columns = pixels.shape[0] // side, pixels.shape[1] // side
    return pixels.reshape(rows, side, columns, side, -1).swapaxes(1, 2).reshape(rows * columns, side, side, -1)


@pytest.mark.parametrize(
    ("label", "shown"), [(" ", "' '"), ("\u200b", r"'\u200b'"), ("", "''"), ("\t", r"'\t'"), ("a\tb", "a b")]
)
def test_a_label_that_leaves_nothing_to_print_is_written_as_its_code(tmp_path, label, shown):
    folder = write_projector(tmp_path / "projector", **arguments(labels=["bag"] * 5 + [label]))
    last = (folder / "metadata.tsv").read_text(encoding="utf-8").splitlines()[-1]
    assert last.split("\t")[0] == shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embeddings": {}}, "no embedding"),
        ({"embeddings": {"latent mean": np.ones((6, 4))}}, "cannot name an embedding"),
        ({"embeddings": {"../mean": np.ones((6, 4))}}, "cannot name an embedding"),
        ({"embeddings": {"metadata": np.ones((6, 4))}}, "cannot name an embedding"),
        ({"embeddings": {"mean": np.ones(6)}}, r"shape \(6,\)"),
        ({"embeddings": {"mean": np.ones((6, 4, 1))}}, r"shape \(6, 4, 1\)"),
        ({"embeddings": {"mean": np.ones((6, 0))}}, r"shape \(6, 0\)"),
        ({"embeddings": {"mean": np.ones((6, 4)), "umap": np.ones((5, 2))}}, r"'umap' has shape \(5, 2\)"),
        ({"embeddings": {"mean": np.full((6, 4), "a")}}, "not real numbers"),
        ({"embeddings": {"mean": np.full((6, 4), np.nan)}}, "not finite"),
        ({"embeddings": {"mean": np.full((6, 4), -np.inf)}}, "not finite"),
        ({"embeddings": {"mean": np.full((6, 4), 1e39)}}, "not finite in float32"),
        ({"labels": ["bag"] * 5}, r"shape \(6, 4\), not \(5, d\)"),
        ({"labels": ["bag"]}, "2 to 100,000 points, not 1"),
        ({"labels": ["bag"] * (MAX_POINTS + 1)}, "2 to 100,000 points, not 100,001"),
        ({"images": np.zeros((6, 8, 8, 1))}, "float64"),
        ({"images": np.zeros((6, 8, 8), np.uint8)}, r"\(6, 8, 8\)"),
        ({"images": np.zeros((6, 8, 8, 4), np.uint8)}, r"\(6, 8, 8, 4\)"),
        ({"images": np.zeros((7, 8, 8, 1), np.uint8)}, r"\(7, 8, 8, 1\)"),
        ({"columns": {"nats": [1.0] * 5}}, "5 values for 6 labels"),
        ({"columns": {"label": ["a"] * 6}}, "always"),
        ({"columns": {"index": range(6)}}, "always"),
    ],
)
def test_what_the_page_cannot_show_is_refused_before_anything_is_written(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        write_projector(tmp_path / "projector", **arguments(**changes))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["with space", "a&b", "50%", "ü"])
def test_a_folder_whose_name_does_not_fit_in_an_address_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot name a run"):
        write_projector(tmp_path / name, **arguments())
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_refused_and_left_alone(tmp_path):
    folder = write_projector(tmp_path / "projector", **arguments())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="exists already"):
        write_projector(folder, **arguments(labels=["other"] * 6))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["projector"]


def test_a_folder_left_unfinished_by_a_kill_is_written_anew(tmp_path):
    folder = write_projector(tmp_path / "projector", **arguments())
    (event_file,) = folder.glob("events.out.tfevents.*")
    event_file.unlink()
    assert not is_projector(folder)
    write_projector(folder, **arguments(labels=["other"] * 6))
    assert is_projector(folder)
    assert "other" in (folder / "metadata.tsv").read_text()


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "projector").mkdir()
    (tmp_path / "projector" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_projector(tmp_path / "projector", **arguments())
    assert (tmp_path / "projector" / "mine.txt").read_text() == "mine"


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(projector, "visualize_embeddings", fail)
    with pytest.raises(OSError, match="disk full"):
        write_projector(tmp_path / "projector", **arguments())
    assert not list(tmp_path.iterdir())


def test_the_event_file_comes_after_everything_else_is_in_place(tmp_path, monkeypatch):
    seen = []
    create = tf.summary.create_file_writer

    def watch(folder):
        seen.extend(sorted(path.name for path in Path(folder).iterdir()))
        return create(folder)

    monkeypatch.setattr(tf.summary, "create_file_writer", watch)
    folder = write_projector(tmp_path / "projector", **arguments())
    files = ["latent_mean.tsv", "metadata.tsv", "projector_config.pbtxt", "sprite.png", "umap.tsv"]
    assert seen == files
    (event_file,) = {path.name for path in folder.iterdir()} - set(files)
    assert "tfevents" in event_file


def test_missing_parent_folders_are_made_and_the_folder_is_as_readable_as_any_other(tmp_path):
    (tmp_path / "other").mkdir()
    folder = write_projector(tmp_path / "logs" / "run" / "projector", **arguments())
    assert folder.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_every_float32_survives_bit_for_bit(tmp_path):
    bits = np.random.default_rng(0).integers(0, 2**32, 4000, np.uint32).view(np.float32)
    edges = np.array([0.0, -0.0, 1e-45, np.finfo(np.float32).tiny, np.finfo(np.float32).max, 16777217.0], np.float32)
    values = np.concatenate([bits[np.isfinite(bits)], edges])
    values = values[: len(values) // 3 * 3].reshape(-1, 3)
    folder = write_projector(tmp_path / "projector", {"mean": values}, ["a"] * len(values))
    np.testing.assert_array_equal(read_values(folder / "mean.tsv").view(np.uint32), values.view(np.uint32))


@pytest.mark.parametrize("dimensions", [1, 2, 3, 16])
def test_embeddings_of_fewer_than_three_dimensions_are_filled_up_with_zeros(tmp_path, dimensions):
    values = np.random.default_rng(0).normal(size=(5, dimensions)).astype(np.float32)
    folder = write_projector(tmp_path / "projector", {"map": values}, ["a"] * 5)
    written = read_values(folder / "map.tsv")
    np.testing.assert_array_equal(written[:, :dimensions], values)
    assert written.shape == (5, max(3, dimensions))
    assert not written[:, dimensions:].any()


def test_the_configuration_tells_the_truth_about_the_files(tmp_path):
    folder = write_projector(tmp_path / "projector", **arguments())
    embeddings = {embedding.tensor_name: embedding for embedding in read_config(folder).embeddings}
    assert set(embeddings) == {"latent_mean", "umap"}
    for embedding in embeddings.values():
        assert tuple(embedding.tensor_shape) == read_values(folder / embedding.tensor_path).shape
        assert len(read_metadata((folder / embedding.metadata_path).read_text())) == 6
        assert list(embedding.sprite.single_image_dim) == [8, 8]
        assert Image.open(folder / embedding.sprite.image_path).size == (24, 24)


def test_without_images_there_is_no_sprite(tmp_path):
    folder = write_projector(tmp_path / "projector", **arguments(images=None))
    assert not (folder / "sprite.png").exists()
    assert not any(embedding.HasField("sprite") for embedding in read_config(folder).embeddings)


def test_metadata_has_a_header_and_a_row_a_point(tmp_path):
    given = arguments(columns={"nats": np.float32([0.1, 2, 3, 4, 5, 6]), "split": ["test"] * 6})
    folder = write_projector(tmp_path / "projector", **given)
    rows = read_metadata((folder / "metadata.tsv").read_text())
    assert list(rows[0]) == ["label", "nats", "split", "index"]
    assert [row["label"] for row in rows] == given["labels"]
    assert [row["nats"] for row in rows] == ["0.1", "2.0", "3.0", "4.0", "5.0", "6.0"]
    assert [row["index"] for row in rows] == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("label", "written"),
    [("T-shirt\ttop", "T-shirt top"), ("a\r\nb", "a  b"), ("a\u2028b", "a b"), (" a ", "a"), ("été 👟", "été 👟")],
)
def test_labels_cannot_shift_the_table(tmp_path, label, written):
    folder = write_projector(tmp_path / "projector", **arguments(labels=["a"] * 5 + [label]))
    rows = read_metadata((folder / "metadata.tsv").read_text(encoding="utf-8"))
    assert [row["label"] for row in rows] == ["a"] * 5 + [written]


@pytest.mark.parametrize("count", [2, 4, 5, 10])
def test_tile_i_of_a_grey_sprite_has_image_i_as_its_opacity(tmp_path, count):
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8)
    folder = write_projector(tmp_path / "projector", {"mean": np.eye(count)}, ["a"] * count, images)
    tiles = read_tiles((folder / "sprite.png").read_bytes(), 8)
    np.testing.assert_array_equal(tiles[:count, ..., 1:], images)
    assert len(np.unique(tiles[:count, ..., 0])) == 1
    assert not tiles[count:].any()


def test_tile_i_of_a_colour_sprite_is_image_i_opaque(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    folder = write_projector(tmp_path / "projector", {"mean": np.eye(5)}, ["a"] * 5, images)
    tiles = read_tiles((folder / "sprite.png").read_bytes(), 8)
    np.testing.assert_array_equal(tiles[:5, ..., :3], images)
    assert (tiles[:5, ..., 3] == 255).all()


@pytest.mark.parametrize(("height", "width"), [(8, 4), (4, 8), (8, 5)])
def test_a_tile_keeps_the_proportions_of_its_image(tmp_path, height, width):
    images = np.random.default_rng(0).integers(1, 256, (3, height, width, 1), np.uint8)
    folder = write_projector(tmp_path / "projector", {"mean": np.eye(3)}, ["a"] * 3, images)
    for tile, image in zip(read_tiles((folder / "sprite.png").read_bytes(), 8), images, strict=False):
        rows, columns = np.nonzero(tile[..., 1])
        inner = tile[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1, 1]
        np.testing.assert_array_equal(inner, image[..., 0])
        assert abs(columns.min() - (7 - columns.max())) <= 1
        assert abs(rows.min() - (7 - rows.max())) <= 1


def test_images_are_scaled_down_only_where_the_mosaic_would_be_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(projector, "MAX_SPRITE_SIDE", 50)
    levels = np.arange(10, 100, 10)
    images = np.broadcast_to(levels[:, None, None, None].astype(np.uint8), (9, 20, 20, 1))
    folder = write_projector(tmp_path / "projector", {"mean": np.eye(9)}, ["a"] * 9, images)
    assert Image.open(folder / "sprite.png").size == (48, 48)
    tiles = read_tiles((folder / "sprite.png").read_bytes(), 16)
    np.testing.assert_array_equal(tiles[..., 1], np.broadcast_to(levels[:, None, None], (9, 16, 16)))
    assert list(read_config(folder).embeddings[0].sprite.single_image_dim) == [16, 16]


@pytest.fixture(scope="module")
def exhibits() -> dict[str, dict]:
    """Arguments by run: the 10,000 test images as ten blobs in 16 dimensions, and 600 dots without images."""
    images = np.frombuffer(gzip.decompress((DATA / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((DATA / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    rng = np.random.default_rng(0)
    blobs = (4 * rng.normal(size=(10, 16)))[labels] + rng.normal(size=(10_000, 16))
    angles = 2 * np.pi / 10 * np.arange(10)
    ring = 6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    dots = np.arange(600) % 10
    return {
        "trained/projector": {
            "embeddings": {
                "latent_mean": blobs.astype(np.float32),
                "umap": (ring[labels] + rng.normal(size=(10_000, 2))).astype(np.float32),
            },
            "labels": [CLASSES[label] for label in labels],
            "images": images.reshape(-1, 28, 28, 1),
        },
        "dots/projector": {
            "embeddings": {"umap": (ring[dots] + rng.normal(size=(600, 2))).astype(np.float32)},
            "labels": [CLASSES[label] for label in dots],
        },
    }


@pytest.fixture(scope="module")
def url(exhibits, tmp_path_factory) -> str:
    """A TensorBoard that shows the exhibits."""
    logdir = tmp_path_factory.mktemp("logs")
    for run, given in exhibits.items():
        write_projector(logdir / run, **given, description=f"The {run} exhibit")
    with tensorboard(logdir, plugins=["projector", "text"]) as address:
        yield address


def test_tensorboard_lists_each_folder_as_a_run_with_its_tensors(url, exhibits):
    assert set(get_json(url, f"{PLUGIN}/runs")) == set(exhibits)
    for run, given in exhibits.items():
        shapes = {
            one["tensorName"]: one["tensorShape"] for one in get_json(url, f"{PLUGIN}/info", run=run)["embeddings"]
        }
        assert shapes == {name: [len(values), max(3, values.shape[1])] for name, values in given["embeddings"].items()}


def test_tensorboard_serves_the_very_values(url, exhibits):
    for run, given in exhibits.items():
        for name, values in given["embeddings"].items():
            served = np.frombuffer(get(url, f"{PLUGIN}/tensor", run=run, name=name), np.float32).reshape(
                len(values), -1
            )
            np.testing.assert_array_equal(served[:, : values.shape[1]], values)
            assert not served[:, values.shape[1] :].any()


def test_tensorboard_serves_a_true_label_for_each_point(url, exhibits):
    for run, given in exhibits.items():
        rows = read_metadata(get(url, f"{PLUGIN}/metadata", run=run, name="umap").decode())
        assert [row["label"] for row in rows] == given["labels"]
        assert [int(row["index"]) for row in rows] == list(range(len(given["labels"])))


def test_tensorboard_serves_image_i_as_tile_i(url, exhibits):
    images = exhibits["trained/projector"]["images"]
    tiles = read_tiles(get(url, f"{PLUGIN}/sprite_image", run="trained/projector", name="latent_mean"), 28)
    np.testing.assert_array_equal(tiles[:10_000, ..., 1:], images)


def test_tensorboard_shows_the_description(url, exhibits):
    for run in exhibits:
        (entry,) = get_json(url, "/data/plugin/text/text", run=run, tag="projector")
        assert f"The {run} exhibit" in entry["text"]


@pytest.mark.slow
def test_a_user_sees_colours_and_searches_ten_thousand_thumbnails(url):
    picture = ROOT / "test-artefacts" / "projector.png"
    check_projector(url, "trained/projector", "latent_mean", dict.fromkeys(CLASSES, 1000), "Trouser", picture)


@pytest.mark.slow
def test_a_two_dimensional_map_without_images_is_drawn_flat_in_colour(url):
    photograph_projector(
        url, "dots/projector", "umap", ROOT / "test-artefacts" / "projector-dots.png", flat=True, size=(1000, 700)
    )
