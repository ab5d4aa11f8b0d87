"""Paths through latent space keep their ends, are what geometry says they are, and are measured rightly."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.distance import cdist

from keras_vae.latent_space.path_measures import (
    class_shares,
    class_shift,
    classes_seen,
    distance_to_real_images,
    path_energy,
    path_length,
    prior_density,
    unevenness,
)
from keras_vae.latent_space.paths import along, geodesic, spherical, straight
from keras_vae.model import VAE, StandardNormal

RNG = np.random.default_rng(0)
MIX = RNG.standard_normal((3, 12)).astype(np.float32)


def linear(latents):
    return tf.reshape(latents @ MIX[: latents.shape[1]], (-1, 2, 6, 1))


def polar(latents):
    """The plane in polar coordinates: a bent metric, whose shortest paths are straight lines of the plane."""
    radius, angle = tf.unstack(latents, axis=1)
    return tf.stack([radius * tf.cos(angle), radius * tf.sin(angle)], axis=1)


def sphere(latents):
    """The unit sphere in latitude and longitude: its shortest paths are great circles."""
    latitude, longitude = tf.unstack(latents, axis=1)
    level = tf.cos(latitude)
    return tf.stack([level * tf.cos(longitude), level * tf.sin(longitude), tf.sin(latitude)], axis=1)


def bumpy(latents):
    """A decoder without symmetries."""
    return tf.sin(3.0 * latents @ MIX[: latents.shape[1]])


def short_geodesic(start, end, steps):
    return geodesic(start, end, steps, bumpy, iterations=3)


KINDS = [straight, spherical, short_geodesic]
PAIRS = {
    "random": (RNG.standard_normal((5, 3)), RNG.standard_normal((5, 3))),
    "of different norms": ([[1e-3, 0.0, 0.0]], [[0.0, 70.0, 1.0]]),
    "equal": ([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]]),
    "opposite": ([[1.0, -2.0, 0.5]], [[-1.0, 2.0, -0.5]]),
    "nearly opposite": ([[1.0, 0.0, 0.0]], [[-1.0, 1e-7, 0.0]]),
    "nearly parallel": ([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0000002]]),
    "from the origin": ([[0.0, 0.0, 0.0]], [[1.0, 2.0, 3.0]]),
    "to the origin": ([[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]]),
    "of no length": ([[0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]),
}
BATCHES = {
    "of every sort": [np.concatenate(latents) for latents in zip(*PAIRS.values(), strict=True)],
    "in one dimension": ([[1.0], [0.0]], [[-3.0], [2.0]]),
    "missing": (np.zeros((0, 3)), np.zeros((0, 3))),
}


# ---- ways ----


@pytest.mark.parametrize("steps", [2, 5])
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_path_has_its_exact_ends_and_finite_points_between(kind, batch, steps):
    start, end = (np.asarray(latents, np.float32) for latents in BATCHES[batch])
    path = kind(start, end, steps)
    assert path.shape == (len(start), steps, start.shape[1])
    assert path.dtype == np.float32
    assert np.array_equal(path[:, 0], start)
    assert np.array_equal(path[:, -1], end)
    assert np.isfinite(path).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_path_takes_tensors(kind):
    start, end = PAIRS["random"]
    path = kind(tf.constant(start), tf.constant(end), 4)
    assert np.array_equal(path, kind(start, end, 4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start", "end", "steps", "message"),
    [
        (np.zeros((2, 3)), np.zeros((2, 3)), 1, "at least 2 steps"),
        (np.zeros((2, 3)), np.zeros((3, 3)), 4, r"\(2, 3\) and \(3, 3\)"),
        (np.zeros((2, 3)), np.zeros((2, 2)), 4, r"\(pairs, d\)"),
        (np.zeros(3), np.zeros(3), 4, r"\(pairs, d\)"),
    ],
)
def test_what_makes_no_path_is_refused(kind, start, end, steps, message):
    with pytest.raises(ValueError, match=message):
        kind(start, end, steps)


def test_the_straight_line_is_what_the_model_interpolates():
    model, images = VAE((4, 4, 1), 2, widths=(8,)), RNG.uniform(size=(2, 4, 4, 1)).astype(np.float32)
    mean = model.encode(images)[0].numpy()
    decoded = along(straight(mean[:1], mean[1:], 5), model.decode)[0]
    assert decoded == pytest.approx(model.interpolate(*images, 5).numpy(), abs=1e-6)


def test_a_spherical_path_between_orthonormal_vectors_stays_on_the_circle_at_equal_angles():
    path = spherical([[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], 7)[0]
    angles = np.linspace(0.0, np.pi / 2, 7)
    assert path == pytest.approx(np.stack([np.cos(angles), np.sin(angles), 0.0 * angles], axis=1), abs=1e-6)


@pytest.mark.parametrize("pair", ["random", "of different norms", "opposite", "nearly opposite"])
def test_on_a_spherical_path_the_norm_and_the_angle_change_evenly(pair):
    path = spherical(*PAIRS[pair], 9).astype(np.float64)
    norms = np.linalg.norm(path, axis=2)
    assert np.diff(norms, 2, axis=1) == pytest.approx(0.0, abs=1e-5)
    units = path / norms[..., None]
    turns = np.linalg.norm(np.diff(units, axis=1), axis=2)
    assert turns.max(axis=1) == pytest.approx(turns.min(axis=1), abs=1e-5)
    chord = np.linalg.norm(units[:, -1] - units[:, 0], axis=1)
    assert 8 * 2 * np.arcsin(turns[:, 0] / 2) == pytest.approx(2 * np.arcsin(np.minimum(chord / 2, 1)), abs=1e-3)


@pytest.mark.parametrize("pair", ["equal", "nearly parallel", "from the origin", "to the origin", "of no length"])
def test_where_nothing_turns_a_spherical_path_is_the_straight_line(pair):
    assert spherical(*PAIRS[pair], 9) == pytest.approx(straight(*PAIRS[pair], 9), abs=1e-6)


def test_a_spherical_path_becomes_the_straight_line_without_a_jump_as_the_angle_closes():
    start, aside = np.array([[3.0, 0.0]]), np.array([[0.0, 1.0]])
    bends = []
    for angle in (1e-1, 1e-2, 1e-3, 1e-4, 1e-8, 1e-12):
        end = 2.0 * start + angle * aside
        bends.append(np.abs(spherical(start, end, 9) - straight(start, end, 9)).max() / angle)
    assert max(bends) < 0.2  # relative to the width of the angle: the paths part no faster than it opens


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_under_a_linear_decoder_the_geodesic_is_the_straight_line(dimensions):
    start, end = RNG.standard_normal((2, 4, dimensions))
    assert geodesic(start, end, 9, linear) == pytest.approx(straight(start, end, 9), abs=2e-3)


def test_in_polar_coordinates_the_geodesic_is_the_straight_line_of_the_plane():
    start, end = np.float32([[1.0, 0.0], [2.0, 0.5], [0.5, -1.0]]), np.float32([[1.0, 2.0], [0.7, 2.0], [3.0, 0.0]])
    ends = polar(start).numpy(), polar(end).numpy()
    found = along(geodesic(start, end, 12, polar), polar)
    assert found == pytest.approx(straight(*ends, 12), abs=5e-3)
    assert path_length(found) == pytest.approx(np.linalg.norm(ends[1] - ends[0], axis=1), rel=1e-3)
    assert unevenness(found) == pytest.approx(1.0, abs=5e-3)
    assert (path_length(along(straight(start, end, 12), polar)) > 1.02 * path_length(found)).all()


def test_on_the_sphere_the_geodesic_is_the_great_circle():
    start, end = np.float32([[0.8, 0.0], [0.6, -1.0], [-0.9, 0.0]]), np.float32([[0.8, 2.0], [0.9, 1.0], [0.9, 1.0]])
    found = along(geodesic(start, end, 12, sphere), sphere)
    assert found == pytest.approx(spherical(sphere(start), sphere(end), 12), abs=5e-3)
    assert unevenness(found) == pytest.approx(1.0, abs=5e-3)


@pytest.mark.parametrize("learning_rate", [1e-2, 0.3, 1e30])
def test_no_geodesic_has_more_energy_than_the_straight_line(learning_rate):
    start, end = RNG.standard_normal((2, 30, 3))
    found = geodesic(start, end, 8, bumpy, iterations=15, learning_rate=learning_rate)
    energy, of_line = (path_energy(along(path, bumpy)) for path in (found, straight(start, end, 8)))
    assert (energy <= of_line * (1 + 1e-6)).all()
    assert learning_rate > 0.01 or energy.sum() < of_line.sum()


def test_each_pair_has_the_geodesic_that_it_has_alone():
    start, end = RNG.standard_normal((2, 3, 3))
    together = geodesic(start, end, 6, bumpy, iterations=10)
    alone = [geodesic(start[i : i + 1], end[i : i + 1], 6, bumpy, iterations=10) for i in range(3)]
    assert together == pytest.approx(np.concatenate(alone), abs=1e-4)


def test_more_iterations_shorten_the_path_and_one_is_enough_to_begin():
    start, end = np.float32([[1.0, 0.0]]), np.float32([[1.0, 2.0]])
    paths = [straight(start, end, 9), *(geodesic(start, end, 9, polar, iterations=count) for count in (1, 10, 100))]
    energies = [path_energy(along(path, polar))[0] for path in paths]
    assert energies == sorted(energies, reverse=True)
    assert len(set(energies)) == 4
    with pytest.raises(ValueError, match="at least 1 iteration"):
        geodesic(start, end, 9, polar, iterations=0)


def test_a_latent_that_the_decoder_hardly_sees_stays_where_it_was():
    def decode(latents):
        return tf.concat([polar(latents[:, :2]), 1e-3 * tf.sin(3.0 * latents[:, 2:])], axis=1)

    start, end = np.float32([[1.0, 0.0, 0.0]]), np.float32([[1.0, 2.0, 1.0]])
    difference = np.abs(geodesic(start, end, 9, decode) - straight(start, end, 9)).max(axis=(0, 1))
    assert difference[0] > 0.3
    assert difference[2] < 0.01


@pytest.mark.parametrize(("unit", "scale"), [(1e-3, 1e-4), (1e3, 1e4)])
def test_units_of_latents_and_images_do_not_matter(unit, scale):
    start, end = RNG.standard_normal((2, 3, 3))
    found = geodesic(unit * start, unit * end, 6, lambda latents: scale * bumpy(latents / unit), iterations=10)
    assert found / unit == pytest.approx(geodesic(start, end, 6, bumpy, iterations=10), abs=1e-3)


def test_a_geodesic_of_a_model_is_found_through_its_decoder_and_repeats():
    model = VAE((4, 4, 1), 2, widths=(8,))
    start, end = RNG.standard_normal((2, 3, 2))
    path = geodesic(start, end, 5, model.decode, iterations=20)
    assert np.array_equal(path, geodesic(start, end, 5, model.decode, iterations=20))
    energy, of_line = (path_energy(along(way, model.decode)) for way in (path, straight(start, end, 5)))
    assert (energy < of_line).all()


# ---- measures ----


def test_a_function_along_paths_is_that_of_their_points():
    paths = RNG.standard_normal((2, 5, 3)).astype(np.float32)
    images = along(paths, linear)
    assert images.shape == (2, 5, 2, 6, 1)
    assert images[1, 3] == pytest.approx(linear(paths[1])[3].numpy(), abs=1e-6)
    assert np.array_equal(along(paths, lambda points: points.numpy().sum(axis=1)), paths.sum(axis=2))


def test_energy_and_length_are_the_sums_of_squared_and_of_plain_steps():
    images = np.float32([[0, 3, 3], [5, 5, 5]])[..., None] + np.float32([[0, 4, 4], [1, 1, 3]])[..., None]
    corners = np.stack([images, np.zeros_like(images)], axis=-1)
    assert path_length(corners).tolist() == [7.0, 2.0]
    assert path_energy(corners).tolist() == [49.0, 4.0]


def test_energy_is_least_at_constant_speed():
    line = straight([[0.0, 0.0]], [[3.0, 4.0]], 6)
    hurried = line[:, [0, 1, 1, 2, 4, 5]]
    assert path_length(hurried) == pytest.approx(path_length(line))
    assert path_energy(line) == pytest.approx(5.0**2 / 5)
    assert path_energy(hurried) > path_energy(line)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0, 1, 2, 3, 4], 1.0),
        ([0, 0, 0, 0, 8], 4.0),
        ([0, 1, 2, 3, 6], 2.0),
        ([0, 1, 0, 1, 0], 1.0),
        ([7, 7, 7, 7, 7], 1.0),
    ],
)
def test_smoothness_is_the_largest_step_over_the_mean_step(places, expected):
    features = np.float32(places)[None, :, None] * np.float32([0.6, 0.8])
    assert unevenness(features) == pytest.approx([expected])


def test_points_that_are_real_images_are_at_no_distance_from_them():
    real = RNG.uniform(size=(50, 8)).astype(np.float32)
    features = real[RNG.integers(0, 50, (4, 6))]
    features[:, [0, -1]] += 5.0  # the ends are those of the path, not made by it
    assert np.array_equal(distance_to_real_images(features, real), np.zeros(4))


def test_realism_is_the_mean_distance_of_inner_points_to_the_nearest_real_image():
    real, features = RNG.standard_normal((50, 8)), RNG.standard_normal((4, 6, 8))
    expected = [cdist(path[1:-1], real).min(axis=1).mean() for path in features]
    assert distance_to_real_images(features, real) == pytest.approx(expected)
    assert distance_to_real_images(features, tf.constant(real)) == pytest.approx(expected)


def test_the_density_along_a_path_is_that_of_the_prior_and_its_lowest_is_relative_to_the_lower_end():
    path = np.float32(
        [[[1.0, 0.0], [3.0, 0.0], [0.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]]
    )
    density = prior_density(path, StandardNormal(2).log_density)
    expected = -0.5 * np.sum(path**2, axis=2) - np.log(2 * np.pi)
    assert density.log_density == pytest.approx(expected, abs=1e-5)
    assert density.lowest == pytest.approx([-4.5 + 2.0, 0.0], abs=1e-5)


def test_on_a_straight_line_the_normal_prior_is_nowhere_below_the_lower_end():
    path = straight(*RNG.standard_normal((2, 40, 3)), 9)
    assert prior_density(path, StandardNormal(3).log_density).lowest == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("measure", [path_energy, path_length, unevenness, class_shares, classes_seen])
@pytest.mark.parametrize("shape", [(5, 3), (2, 1, 3)])
def test_measures_refuse_what_is_no_path(measure, shape):
    with pytest.raises(ValueError, match=r"\(pairs, steps, \.\.\.\) with at least 2 steps"):
        measure(np.zeros(shape))


@pytest.mark.parametrize(
    ("features", "real", "message"),
    [((2, 2, 3), (5, 3), "at least 3 steps"), ((2, 4, 3), (5, 4), r"\(2, 4, 3\) and \(5, 4\)")],
)
def test_realism_refuses_features_that_do_not_fit(features, real, message):
    with pytest.raises(ValueError, match=message):
        distance_to_real_images(np.zeros(features), np.zeros(real))


# ---- classes ----


def test_shares_of_classes_add_up_to_one_and_follow_the_logits():
    shares = class_shares(np.log([[[1.0, 3.0, 4.0], [2.0, 2.0, 4.0]]]))
    assert shares == pytest.approx(np.array([[[0.125, 0.375, 0.5], [0.25, 0.25, 0.5]]]))
    assert class_shares(np.full((1, 2, 10), 1e4)) == pytest.approx(0.1)


def test_the_classes_seen_are_told_in_their_order_with_their_share_of_the_way():
    labels = [[7, 7, 7, 5, 9, 9, 9, 9], [1, 1, 1, 1, 1, 1, 1, 1], [2, 2, 4, 4, 2, 2, 2, 2]]
    seen = classes_seen(np.eye(10)[np.array(labels)])
    assert seen == [[(7, 0.375), (5, 0.125), (9, 0.5)], [(1, 1.0)], [(2, 0.25), (4, 0.25), (2, 0.5)]]
    names = {7: "Sneaker", 5: "Sandal", 9: "Ankle boot"}
    assert ", then ".join(names[each.label] for each in seen[0]) == "Sneaker, then Sandal, then Ankle boot"


def test_the_shift_between_classes_takes_the_mean_of_one_to_that_of_the_other():
    labels = RNG.integers(0, 3, 200)
    means = RNG.standard_normal((200, 4)) + 5.0 * labels[:, None]
    shift = class_shift(means, labels, 0, 2)
    assert means[labels == 0].mean(axis=0) + shift == pytest.approx(means[labels == 2].mean(axis=0))
    assert shift == pytest.approx(10.0, abs=1.0)
    assert class_shift(means, labels, 2, 0) == pytest.approx(-shift)


@pytest.mark.parametrize(
    ("labels", "second", "message"),
    [([0, 1, 1], 2, "None of the 3 images is of class 2"), ([0, 1], 1, r"\(3, 4\) and \(2,\)")],
)
def test_a_shift_without_images_of_both_classes_is_refused(labels, second, message):
    with pytest.raises(ValueError, match=message):
        class_shift(np.zeros((3, 4)), labels, 0, second)
