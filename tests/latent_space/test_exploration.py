"""An exploration answers what it is asked, in numbers, pictures, animations and TensorBoard."""

import errno
import json

import numpy as np
import pytest
from PIL import Image
from tensorboard_server import get, get_json, tensorboard

from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.latent_space import ExplorationConfig, exploration, exploration_tables, explore
from keras_vae.latent_space.space import Space
from keras_vae.model import VAE
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import train


def options(**changes) -> ExplorationConfig:
    return ExplorationConfig(**{"neighbours": 5, "perplexity": 5.0, "pairs": 4, "repeats": 2, "steps": 5, **changes})


@pytest.fixture(scope="module", params=[pytest.param(count, marks=pytest.mark.slow) for count in (3, 2, 1)])
def explored(request, tmp_path_factory, picture_folder):
    """Runs of so many latents; UMAP alone compiles for half a minute."""
    root = tmp_path_factory.mktemp("root")
    config = TrainConfig(
        dataset=str(picture_folder), latent_dim=request.param, epochs=3, batch_size=10, xla="off", widths=(16,)
    )
    run = train(config, "bars", root)
    return run, explore(run, options(start="left", end="top"))


def test_the_numbers_are_written_with_what_they_depend_on(explored):
    run, result = explored
    assert json.loads((run.folder / "latent.json").read_text()) == json.loads(json.dumps(result))
    assert result["settings"]["perplexity"] == 5.0
    assert result["split"] == "test"
    assert len(result["weights"]["sha256"]) == 64


def test_spaces_are_scored_beside_pixels_and_pca(explored):
    _, result = explored
    assert set(result["spaces"]) == {"latent", "umap", "tsne", "pca", "pixels", "pca_of_pixels"}
    for scores in result["spaces"].values():
        assert {"knn_1", "knn_5", "linear_probe", "silhouette", "trustworthiness"} <= set(scores)
        assert 0.0 <= scores["knn_5"] <= 1.0
    assert result["spaces"]["pixels"]["knn_1"] == 1.0  # bars differ in every pixel
    for name in ("umap", "tsne", "pca"):
        assert 0.0 <= result["spaces"][name]["trustworthiness_to_latent"] <= 1.0


def test_clusterings_have_a_mean_and_a_spread(explored):
    _, result = explored
    names = {name for name, each in result["clusterings"].items() if isinstance(each, dict)}
    assert names == {
        "k_means of the means", "gaussian_mixture of the means", "spectral of the means",
        "gaussian_mixture of the UMAP map", "hdbscan of the UMAP map", "gaussian_mixture of the 10-d UMAP",
    }  # fmt: skip
    assert np.sum(result["contingency"]["table"]) == result["maps"]["points"]
    assert result["interpretation"].endswith(".")


def test_the_three_ways_are_compared(explored):
    _, result = explored
    ways = result["between_random_pairs"]
    assert ways["geodesic"]["energy"]["value"] <= ways["straight"]["energy"]["value"]
    assert result["path"]["from"]["class"] == "left"
    assert result["path"]["to"]["class"] == "top"
    assert len(result["path"]["log_prior_density"]["spherical"]) == 5
    measures = result["path"]["measures"]
    assert measures["geodesic"]["energy"] <= measures["straight"]["energy"]
    assert set(measures["spherical"]) == set(ways["spherical"])


def test_pictures_are_written_as_png_and_svg_and_ways_as_gif(explored):
    run, _ = explored
    names = {"maps", "map_umap", "map_tsne", "map_pca", "clusters", "path", "midpoints", "shifts"}
    names |= {"latents"} if run.config.latent_dim == 2 else set()
    for name in names:
        assert Image.open(run.figures / f"{name}.png").size[0] > 200
        assert (run.figures / f"{name}.svg").is_file()
    assert (run.figures / "traversals.png").is_file()
    assert {"path", "midpoints"} == {path.stem for path in run.figures.glob("*.gif")}


def test_strips_without_words_and_maps_are_kept_for_pages_of_ones_own(explored):
    run, result = explored
    for name, rows in (("path", 3), ("lines", 2)):
        picture = Image.open(run.figures / "plain" / f"{name}.png")
        assert picture.height / rows == pytest.approx(picture.width / 5, rel=0.05)
    assert [line["from"]["class"] for line in result["lines"]] == ["bottom", "left"]
    assert [line["to"]["class"] for line in result["lines"]] == ["right", "top"]
    with np.load(run.folder / "maps.npz") as maps:
        count = result["maps"]["points"]
        assert maps["means"].shape == (count, run.config.latent_dim)
        assert all(maps[name].shape == (count, 2) for name in ("umap", "tsne", "pca"))
        assert maps["labels"].shape == (count,)
        ends, paths, means = maps["path_ends"], maps["shortest_paths"], maps["means"]
        assert ends[0].tolist() == [result["path"][side]["image"] for side in ("from", "to")]
        assert len({frozenset(pair) for pair in ends.tolist()}) == len(ends) >= 6  # of any two of four classes
        assert paths.shape == (len(ends), result["settings"]["steps"], run.config.latent_dim)
        for side in (0, 1):
            assert paths[:, -side] == pytest.approx(means[ends[:, side]], abs=1e-5)
    assert "| latent |" in exploration_tables(result)


def test_an_exploration_can_be_repeated_with_other_options(explored):
    run, _ = explored
    labels = open_dataset(run.config.dataset).labels("test")
    other = int(np.flatnonzero(labels != labels[0])[0])
    again = explore(run, options(start="0", end=str(other), seed=1))
    assert again["path"]["from"]["image"] == 0
    assert again["path"]["to"]["image"] == other
    assert len(list(run.logs.glob("projector-maps*"))) == 2  # TensorBoard would not read the first one again


def test_tensorboard_serves_the_maps_under_one_run(explored):
    run, _ = explored
    with tensorboard(run.root / "logs", ["projector", "images"]) as url:
        info = get_json(url, "/data/plugin/projector/info", run="bars/projector-maps")
        assert {each["tensorName"] for each in info["embeddings"]} == {"latent_mean", "umap", "tsne", "pca"}
        content = get(url, "/data/plugin/projector/tensor", run="bars/projector-maps", name="umap")
        served = np.frombuffer(content, np.float32).reshape(-1, 3)
        assert not served[:, 2].any()
        tags = get_json(url, "/data/plugin/images/tags")["bars/exploration"]
    assert {"maps", "path", "traversals"} <= set(tags)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, picture_folder) -> Run:
    config = TrainConfig(dataset=str(picture_folder), latent_dim=3, epochs=1, batch_size=10, xla="off", widths=(4,))
    return train(config, "bars", tmp_path_factory.mktemp("root"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "Trouser", "end": "top"}, "--from 'Trouser' is no class: give one of bottom, left, right, top"),
        ({"start": "left", "end": "Top"}, "--to 'Top' is no class"),
        ({"start": "left", "end": "100000"}, "--to 100000 is no test image: those looked at are numbered from 0 to"),
        ({"start": "left", "end": "-1"}, "--to '-1' is no class"),
        ({"start": "left", "end": "left"}, "--from and --to are both of class left"),
        ({"start": "", "end": "top"}, "--from '' is no class"),
        ({"neighbours": 5000}, "--neighbours takes at least 5001 test images"),
        ({"perplexity": 500.0}, "--perplexity takes at least 1501 test images"),
    ],
)
def test_what_does_not_fit_the_data_is_named_before_anything_is_drawn(trained, changes, message, capsys):
    with pytest.raises(InputError, match=message):
        explore(trained, options(**changes))
    assert "maps" not in capsys.readouterr().out
    assert not (trained.folder / "latent.json").exists()


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"start": "left"}, "both --from and --to"),
        ({"steps": 2}, "--steps"),
        ({"pairs": 0}, "--pairs"),
        ({"points": 30}, "--points"),
        ({"min_distance": 1.5}, "--min-distance"),
        ({"neighbours": 1}, "--neighbours"),
    ],
)
def test_options_out_of_their_range_are_named(changes, flag):
    with pytest.raises(InputError, match=flag):
        options(**changes)


def test_an_interrupted_exploration_leaves_the_earlier_one_whole(explored, monkeypatch):
    run, result = explored
    run.write("latent.json", result)
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}

    def interrupted(figure) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_vae.latent_space.exploration.svg", interrupted)
    with pytest.raises(KeyboardInterrupt):
        explore(run, options(start="left", end="top", seed=1))
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_no_more_images_are_kept_than_the_memory_budget_allows(picture_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_vae.latent_space.space.LEAST_KEPT", 10)
    data = open_dataset(str(picture_folder), memory_budget=0)
    counts = []
    for budget in (2048, 0):
        run = Run.create(TrainConfig(dataset=str(picture_folder), memory_budget=budget), f"bars-{budget}", tmp_path)
        space = Space(run, options(), VAE((16, 16, 1), 2, widths=(4,)), data)
        assert len(space.labels) == len(space.images)
        counts.append((len(space.images), len(space.references[0]), len(space.reference_means)))
    assert counts == [(data.counts["test"], data.counts["train"], data.counts["train"]), (10, 10, 10)]


def test_classes_are_named_that_sorted_images_leave_out(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (120, 16, 16, 1), np.uint8)
    pairs = pixels, np.repeat([0, 1, 2], 40)
    data = open_dataset({"train": pairs, "validation": pairs, "test": pairs}, name="sorted")
    run = Run.create(TrainConfig(), "sorted", tmp_path)
    for points, names in ((40, ["1", "2"]), (80, ["2"]), (120, [])):
        space = Space(run, options(points=points), VAE((16, 16, 1), 2, widths=(4,)), data)
        assert space.classes_left_out == names


def test_a_full_disk_leaves_the_earlier_exploration_whole(tmp_path, monkeypatch):
    run = Run.create(TrainConfig(), "old", tmp_path)
    old = {"figures/map.png": b"old", "latent.json": b"old"}
    exploration._replace_all(run, old)
    written = []

    def full(path, content):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written.append(path)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(exploration, "write_atomically", full)
        exploration._replace_all(run, dict.fromkeys(old, b"new"))
    assert {name: (run.folder / name).read_bytes() for name in old} == old
    assert {path.name for path in run.folder.iterdir()} == {"config.json", "figures", "latent.json"}
