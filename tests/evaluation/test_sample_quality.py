"""The distances between sets of images are right where the answer is known."""

import numpy as np
import pytest

from keras_vae.evaluation.sample_quality import frechet_distance, kernel_distance, precision_recall


def gaussian(mean, covariance, count: int = 40_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(mean, covariance, count)


def standardised(features: np.ndarray) -> np.ndarray:
    """Features with exactly the mean 0 and the covariance I."""
    centred = features - features.mean(axis=0)
    covariance = np.atleast_2d(np.cov(centred, rowvar=False))
    return centred @ np.linalg.inv(np.linalg.cholesky(covariance)).T


def test_equal_sets_are_at_no_distance():
    features = gaussian([1.0, 2.0, 3.0], np.diag([1.0, 4.0, 0.25]), 3000)
    assert frechet_distance(features, features) == pytest.approx(0.0, abs=1e-9)
    assert precision_recall(features, features) == (1.0, 1.0)


@pytest.mark.parametrize("width", [1, 2, 5, 300])
def test_the_frechet_distance_of_gaussians_is_the_closed_form(width):
    base = standardised(np.random.default_rng(0).standard_normal((1000, width)))
    scale, shift = np.linspace(0.5, 3.0, width), np.linspace(-1.0, 2.0, width)
    # Commuting covariances I and diag(scale^2): the distance is the sum of (1 - scale)^2 and of the squared shift.
    expected = np.sum((1.0 - scale) ** 2) + np.sum(shift**2)
    assert frechet_distance(base, base * scale + shift) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(base * scale + shift, base) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_of_gaussians_that_do_not_commute_is_the_closed_form():
    from scipy.linalg import sqrtm

    first, second = np.array([[2.0, 1.2], [1.2, 1.0]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
    base = standardised(gaussian([0, 0], np.eye(2), 500))
    features = [base @ np.linalg.cholesky(covariance).T for covariance in (first, second)]
    expected = np.trace(first + second - 2.0 * np.real(sqrtm(first @ second)))
    assert frechet_distance(*features) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_takes_fewer_images_than_features():
    features = np.random.default_rng(0).standard_normal((50, 200))
    assert frechet_distance(features, features + 0.1) == pytest.approx(200 * 0.01, rel=1e-4)


def test_the_kernel_distance_of_equal_distributions_is_0_within_its_error():
    distance = kernel_distance(gaussian([0.5] * 8, np.eye(8), seed=1), gaussian([0.5] * 8, np.eye(8), seed=2))
    assert abs(distance.value) < 4 * distance.standard_error


def test_the_kernel_distance_is_the_closed_form():
    # One dimension: E (x y + 1)^3 over independent x, y is the sum of binomial(3, j) E[x^j] E[y^j].
    moments = np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, 0.5, 1.25, 0.5**3 + 3 * 0.5])
    binomial = np.array([1, 3, 3, 1])
    expected = np.sum(binomial * (moments[0] - moments[1]) ** 2)
    distance = kernel_distance(gaussian([0.0], [[1.0]]), gaussian([0.5], [[1.0]], seed=1))
    assert abs(distance.value - expected) < 4 * distance.standard_error
    assert distance.standard_error < 0.1 * expected


def test_the_kernel_distance_leaves_out_pairs_of_a_feature_with_itself():
    real, generated = np.array([[1.0], [2.0]]), np.array([[0.0], [3.0]])
    distance = kernel_distance(real, generated)
    within = (1 * 2 + 1) ** 3 + (0 * 3 + 1) ** 3
    between = np.mean([(x * y + 1) ** 3 for x in (1, 2) for y in (0, 3)])
    assert distance.value == pytest.approx(within - 2 * between)
    assert np.isnan(distance.standard_error)


def test_the_kernel_distance_does_not_depend_on_the_order_of_the_classes():
    classes = np.repeat(np.arange(10.0), 300)[:, None]
    features = classes + 0.1 * np.random.default_rng(0).standard_normal((3000, 4))
    distance = kernel_distance(features, features[::-1], block=300)
    assert abs(distance.value) < 4 * distance.standard_error


def test_every_distance_grows_with_the_noise():
    rng = np.random.default_rng(0)
    real, other = rng.gamma(2.0, size=(2, 2000, 16))
    noise = rng.standard_normal(other.shape)
    sets = [other + size * noise for size in (0.0, 0.5, 1.0, 2.0)]
    assert np.all(np.diff([frechet_distance(real, noisy) for noisy in sets]) > 0)
    assert np.all(np.diff([kernel_distance(real, noisy).value for noisy in sets]) > 0)
    assert np.all(np.diff([precision_recall(real, noisy).precision for noisy in sets]) < 0)


def test_precision_sees_what_is_false_and_recall_what_is_missing():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, 500, 4)) + np.array([-50.0, 50.0])[:, None, None]
    both = np.concatenate([left, right])
    only_half = precision_recall(both, rng.permutation(left) + 1e-3)
    assert only_half.precision > 0.95
    assert only_half.recall == pytest.approx(0.5, abs=0.03)
    too_much = precision_recall(left, both)
    assert too_much == (pytest.approx(0.5), 1.0)


def test_balls_reach_to_the_third_neighbour():
    real = np.array([[0.0], [1.0], [3.0], [6.0]])  # the ball around 6 reaches to 0 on the left and 12 on the right
    generated = np.array([[11.9], [12.1], [12.2], [12.3]])
    assert precision_recall(real, generated, neighbours=3).precision == 0.25


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance, precision_recall])
@pytest.mark.parametrize("shapes", [((5, 3), (5, 4)), ((1, 3), (5, 3)), ((5,), (5,))])
def test_sets_that_cannot_be_compared_are_refused(measure, shapes):
    with pytest.raises(ValueError, match=r"Features must be|Both sets need"):
        measure(*(np.zeros(shape) for shape in shapes))
