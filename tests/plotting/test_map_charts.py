"""Maps are drawn with every class named where it is, thumbnails apart, and nothing outside of the picture."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from keras_vae.plotting import (
    CLASS_COLOURS,
    animation,
    chart_contingency,
    chart_map,
    chart_maps,
    chart_midpoints,
    chart_paths,
    rendered,
    svg,
)


def points_of(classes: int, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(classes), size)
    centers = 20.0 * np.stack([np.cos(labels * 2 * np.pi / classes), np.sin(labels * 2 * np.pi / classes)], axis=1)
    return centers + np.random.default_rng(0).standard_normal((len(labels), 2)), labels


def names_of(classes: int) -> list[str]:
    return [f"class {label}" for label in range(classes)]


def is_whole(figure) -> bool:
    rendered(figure)
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return box.x0 >= -0.01 and box.y0 >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01


# Machado, Oliveira & Fernandes 2009, table 1 at full severity: how linear RGB looks without one kind of cone.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
LINEAR_RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab_of(colours: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB."""
    scaled = np.clip(colours, 0.0, 1.0) @ LINEAR_RGB_TO_XYZ.T / (LINEAR_RGB_TO_XYZ.sum(axis=1))
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16.0 / 116.0).T
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=1)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_ten_colours_are_told_apart_by_colour_blind_readers_too(deficiency):
    rgb = np.array([to_rgb(colour) for colour in CLASS_COLOURS])
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    lab = lab_of(linear @ np.transpose(DEFICIENCIES[deficiency]))
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(10, 1)]
    assert distances.min() > 10.0  # a difference of 2 is just noticed


@pytest.mark.parametrize("classes", [2, 10, 13])
def test_every_class_is_named_where_it_is_densest(classes):
    points, labels = points_of(classes)
    figure = chart_map(points, labels, names_of(classes), title="A map")
    names = {text.get_text(): np.array(text.get_position()) for text in figure.axes[0].texts}
    assert set(names) == set(names_of(classes))
    for label, name in enumerate(names_of(classes)):
        assert np.linalg.norm(names[name] - points[labels == label].mean(axis=0)) < 4.0
    assert is_whole(figure)


def test_names_of_classes_in_one_place_do_not_cover_each_other():
    points, labels = np.random.default_rng(0).standard_normal((400, 2)), np.arange(400) % 8
    figure = chart_map(points, labels, names_of(8), title="A map")
    rendered(figure)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])


@pytest.mark.parametrize("channels", [1, 3])
def test_thumbnails_are_limited_and_lie_on_points(channels):
    points, labels = points_of(5)
    images = np.full((len(points), 8, 8, channels), 200, np.uint8)
    figure = chart_map(points, labels, names_of(5), title="A map", images=images, thumbnails=20)
    places = np.array([artist.xy for artist in figure.axes[0].artists])
    assert 5 <= len(places) <= 20
    assert all(np.any(np.all(points == place, axis=1)) for place in places)


def test_several_maps_stand_beside_each_other():
    points, labels = points_of(3)
    figure = chart_maps({"one": points, "two": -points}, labels, names_of(3), title="Maps")
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    assert is_whole(figure)


def test_a_figure_is_written_as_svg():
    points, labels = points_of(3, size=4000)
    content = svg(chart_map(points, labels, names_of(3), title="A map"))
    assert content.startswith(b"<?xml")
    assert len(content) < 500_000  # its 12,000 dots are pixels


@pytest.mark.parametrize("with_classes", [True, False])
def test_ways_are_drawn_as_strips_above_the_classes_seen(with_classes):
    images = {kind: np.random.default_rng(0).random((7, 8, 8, 1)) for kind in ("straight", "spherical")}
    shares = {kind: np.eye(4)[[0, 0, 0, 1, 1, 2, 2]] for kind in images} if with_classes else {}
    figure = chart_paths(images, shares, names_of(4), title="A way")
    assert {"straight", "spherical", "A way"} <= {text.get_text() for text in figure.texts}
    assert len(figure.axes) == (4 if with_classes else 2)
    if with_classes:
        assert [text.get_text() for text in figure.legends[0].texts] == names_of(3)  # the fourth is never seen
        assert figure.axes[1].lines[0].get_ydata().tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert is_whole(figure)


def test_a_sheet_has_a_row_and_a_column_for_each_class():
    figure = chart_midpoints(np.zeros((3, 3, 8, 8, 1)), names_of(3))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"from {name}" for name in names_of(3)]
    assert is_whole(figure)


@pytest.mark.parametrize("columns", [2, 10, 14])
def test_a_contingency_shows_its_counts(columns):
    table = np.arange(4 * columns).reshape(4, columns)
    figure = chart_contingency(table, names_of(4), "Classes in clusters")
    assert [text.get_text() for text in figure.axes[0].texts] == [str(count) for count in range(1, 4 * columns)]
    assert is_whole(figure)


@pytest.mark.parametrize("classes", [100, 1000])
def test_a_contingency_of_many_classes_is_no_larger_and_has_no_words(classes):
    figure = chart_contingency(np.ones((classes, classes), int), names_of(classes), "Classes in clusters")
    assert max(figure.get_size_inches()) < 20
    assert not figure.axes[0].texts
    assert not figure.axes[0].get_yticklabels()


def test_an_animation_runs_there_and_back():
    frames = np.linspace(0.0, 1.0, 5).reshape(5, 1, 1, 1, 1, 1) * np.ones((5, 1, 2, 8, 8, 1))
    gif = Image.open(io.BytesIO(animation(frames, scale=2)))
    assert gif.size == (2 * 17, 2 * 8)
    assert gif.n_frames == 8
    brightness = []
    for number in range(gif.n_frames):
        gif.seek(number)
        brightness.append(int(np.asarray(gif.convert("L"))[0, 0]))
    assert brightness == sorted(brightness[:5]) + sorted(brightness[5:], reverse=True)
    assert gif.info["loop"] == 0


def ink(count: int) -> float:
    """Share of a map of so many points that is not white."""
    points = np.random.default_rng(0).uniform(-1, 1, (count, 2))
    picture = rendered(chart_map(points, np.zeros(count, int), ["unlabelled"], title=""))
    return float(np.mean(picture.min(axis=-1) < 200))


def test_points_are_seen_however_many_there_are():
    shares = [ink(count) for count in (99, 10_000, 50_000)]
    assert shares[0] > 0.01
    assert shares[0] < shares[1] < shares[2] < 0.9


def test_a_single_class_is_neither_named_nor_explained():
    points, labels = points_of(1)
    figure = chart_map(points, labels, ["unlabelled"], title="")
    assert not figure.legends
    assert "unlabelled" not in [text.get_text() for axes in figure.axes for text in axes.texts]
