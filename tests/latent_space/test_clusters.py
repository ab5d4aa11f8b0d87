"""Scores and clusterings are right where the answer is known, and the sentences say what the numbers say."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from keras_vae.latent_space.class_overlap import Contingency, confusions, contingency, describe_overlap
from keras_vae.latent_space.clusters import (
    CLUSTERINGS,
    agreement,
    agreement_over_seeds,
    class_scores,
    cluster,
    nearest_centroids,
    trustworthiness_of,
)
from keras_vae.latent_space.spectral import spectral_coordinates


def blobs(classes: int = 4, size: int = 100, width: int = 3, apart: float = 100.0, seed: int = 0):
    """Gaussian classes whose means are `apart` along the axes, in random order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(classes), size))
    means = np.zeros((classes, width))
    means[np.arange(classes), np.arange(classes) % width] = apart * (1 + np.arange(classes) // width)
    return means[labels] + rng.standard_normal((len(labels), width)), labels


def counts(table, noise: bool = False) -> Contingency:
    """A contingency with a given table, whose last column is noise where asked for."""
    table = np.array(table)
    order = np.arange(table.shape[1])
    if noise:
        order[-1] = -1
    return Contingency(table, order)


def members(*sizes: int) -> np.ndarray:
    """The labels 0, 1, … as often as given."""
    return np.repeat(np.arange(len(sizes)), sizes)


# ---- Scores


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_well_separated_classes_score_1(dtype):
    points, labels = blobs(size=150)
    points = points.astype(dtype)
    scores = class_scores(points[:300], labels[:300], points[300:], labels[300:])
    assert list(scores) == ["knn_1", "knn_5", "linear_probe", "silhouette"]
    assert scores == {
        "knn_1": 1.0,
        "knn_5": 1.0,
        "linear_probe": 1.0,
        "silhouette": pytest.approx(1.0, abs=0.03),
    }


def test_shuffled_labels_score_by_chance():
    points, labels = blobs(classes=5, size=800)
    labels = np.random.default_rng(1).permutation(labels)
    scores = class_scores(points[:2000], labels[:2000], points[2000:], labels[2000:])
    sigma = np.sqrt(0.2 * 0.8 / 2000)
    for name in ("knn_1", "knn_5", "linear_probe"):
        assert abs(scores[name] - 0.2) < 4 * sigma, name
    assert abs(scores["silhouette"]) < 0.05


def test_neighbours_vote_as_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    train, test = rng.standard_normal((2, 400, 3))
    train_labels, test_labels = rng.integers(0, 6, (2, 400))  # six random classes make many ties among five votes
    scores = class_scores(train, train_labels, test, test_labels)
    for count in (1, 5):
        expected = KNeighborsClassifier(count).fit(train, train_labels).score(test, test_labels)
        assert scores[f"knn_{count}"] == expected


def test_the_probe_sees_only_what_is_linear():
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (4000, 2))
    linear, quadrants = (points[:, 0] > points[:, 1]).astype(int), (points[:, 0] * points[:, 1] > 0).astype(int)
    of_linear, of_quadrants = (
        class_scores(points[:2000], labels[:2000], points[2000:], labels[2000:]) for labels in (linear, quadrants)
    )
    assert of_linear["linear_probe"] > 0.98
    assert of_quadrants["linear_probe"] == pytest.approx(0.5, abs=0.1)
    assert of_quadrants["knn_5"] > 0.95


def test_the_probe_does_not_depend_on_the_unit_of_a_coordinate():
    points, labels = blobs(classes=3, apart=2.0)
    first, second = (
        class_scores(scaled[:200], labels[:200], scaled[200:], labels[200:])["linear_probe"]
        for scaled in (points, points * [1e-3, 1.0, 1e4] + [0.0, 50.0, 0.0])
    )
    assert first == second


def test_a_seed_decides_which_points_are_drawn(monkeypatch):
    monkeypatch.setattr("keras_vae.latent_space.clusters.PROBE_POINTS", 60)
    monkeypatch.setattr("keras_vae.latent_space.clusters.SILHOUETTE_POINTS", 60)
    points, labels = blobs(apart=1.0)
    once, again, other = (
        class_scores(points[:200], labels[:200], points[200:], labels[200:], seed) for seed in (3, 3, 4)
    )
    assert once == again
    assert once["knn_1"] == other["knn_1"]
    assert once["linear_probe"] != other["linear_probe"]
    assert once["silhouette"] != other["silhouette"]


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_one_point_costs_no_score(monkeypatch, seed):
    monkeypatch.setattr("keras_vae.latent_space.clusters.PROBE_POINTS", 60)
    monkeypatch.setattr("keras_vae.latent_space.clusters.SILHOUETTE_POINTS", 60)
    points = np.random.default_rng(seed).standard_normal((400, 3))
    rare = np.arange(400) % 200 == 7
    scores = class_scores(points[:200], rare[:200].astype(int), points[200:], rare[200:].astype(int), seed)
    assert all(np.isfinite(score) for score in scores.values())


def test_a_map_is_trusted_as_far_as_it_keeps_neighbours():
    points, _ = blobs(width=5, apart=3.0)
    noise = np.random.default_rng(1).standard_normal(points.shape)
    values = [trustworthiness_of(points, points + size * noise) for size in (0.0, 0.3, 1.0, 3.0)]
    assert values[0] == 1.0
    assert np.all(np.diff(values) < 0)
    assert trustworthiness_of(points, np.random.default_rng(2).permutation(points)) == pytest.approx(0.5, abs=0.03)


def test_a_seed_decides_which_points_a_trust_is_measured_on():
    points, _ = blobs(apart=3.0)
    once, again, other = (trustworthiness_of(points, points[:, :2], 5, 100, seed) for seed in (3, 3, 4))
    assert once == again != other


# ---- Clusterings


@pytest.mark.parametrize("name", CLUSTERINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [2, 10])
def test_well_separated_classes_are_found(name, dtype, classes):
    points, labels = blobs(classes, size=50)
    before = points.copy()
    found = cluster(name, points.astype(dtype), classes)
    assert found.shape == labels.shape
    assert agreement(found, labels) == pytest.approx((1.0, 1.0, 1.0))
    assert np.array_equal(points, before)


def test_the_mixture_finds_clusters_of_unlike_extent():
    rng = np.random.default_rng(0)
    labels = members(500, 500)
    points = rng.standard_normal((1000, 2)) * np.where(labels, 0.2, 6.0)[:, None] + labels[:, None] * [4.0, 0.0]
    assert agreement(cluster("gaussian_mixture", points, 2), labels).accuracy > 0.98
    assert agreement(cluster("k_means", points, 2), labels).accuracy < 0.9


def test_the_mixture_takes_coordinates_that_are_dependent():
    points, labels = blobs(classes=3, size=50)
    doubled = 100.0 * np.concatenate([points, points], axis=1).astype(np.float32)
    assert agreement(cluster("gaussian_mixture", doubled, 3), labels).accuracy == 1.0


def test_spectral_clusters_follow_what_hangs_together_and_strangers_take_none_for_themselves():
    rng = np.random.default_rng(0)
    labels, angles = members(300, 600), rng.uniform(0, 2 * np.pi, 900)
    rings = (np.array([1.0, 3.0])[labels] + 0.1 * rng.standard_normal(900))[:, np.newaxis]
    rings = rings * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    strangers = 20 * rng.standard_normal((8, 2))
    found = cluster("spectral", spectral_coordinates(np.concatenate([rings, strangers]), 2), 2)
    assert agreement(found[:900], labels).accuracy == 1.0
    assert agreement(cluster("k_means", rings, 2), labels).accuracy < 0.7


def test_more_points_make_the_graph_of_a_few_truer():
    rng = np.random.default_rng(0)
    labels, angles = rng.integers(0, 2, 3000), rng.uniform(0, 2 * np.pi, 3000)
    rings = np.array([1.0, 2.0])[labels, np.newaxis] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings += 0.1 * rng.standard_normal(rings.shape)
    alone, together = (spectral_coordinates(rings[:count], 2)[:60] for count in (60, 3000))
    assert agreement(cluster("spectral", alone, 2), labels[:60]).accuracy < 0.8
    assert agreement(cluster("spectral", together, 2), labels[:60]).accuracy == 1.0


def test_points_of_which_nothing_hangs_together_stay_what_they_are():
    points = 10.0 ** np.arange(4.0)[:, np.newaxis]
    assert np.array_equal(spectral_coordinates(points, 4), points)


def test_hdbscan_leaves_out_what_is_far_from_everything():
    points, _ = blobs()
    points = np.concatenate([points, [[-1e4, 0.0, 0.0], [0.0, -2e4, 0.0]]])
    labels = cluster("hdbscan", points, 4)
    assert labels[-2:].tolist() == [-1, -1]
    assert set(labels.tolist()) == {-1, 0, 1, 2, 3}


@pytest.mark.parametrize("name", CLUSTERINGS)
def test_a_seed_repeats_a_clustering(name):
    points, labels = blobs(classes=6, apart=1.0)
    once, again = (cluster(name, points, 6, seed=5) for _ in range(2))
    assert np.array_equal(once, again)
    seeded = [agreement_over_seeds(name, points, labels, 6, [1, 2]) for _ in range(2)]
    assert seeded[0] == seeded[1]


def test_the_spread_is_that_of_the_seeds():
    points, labels = blobs(classes=6, apart=1.0)
    runs = [agreement(cluster("k_means", points, 6, seed), labels) for seed in (1, 2, 3)]
    found = agreement_over_seeds("k_means", points, labels, 6, (1, 2, 3))
    assert found["mean"] == pytest.approx(np.mean(runs, axis=0))
    assert found["standard_deviation"] == pytest.approx(np.std(runs, axis=0, ddof=1))
    assert found["standard_deviation"].accuracy > 0


def test_what_draws_nothing_has_no_spread_and_one_seed_does_not_tell_it():
    points, labels = blobs()
    assert agreement_over_seeds("hdbscan", points, labels, 4, range(2))["standard_deviation"] == (0.0, 0.0, 0.0)
    assert np.isnan(agreement_over_seeds("k_means", points, labels, 4, [0])["standard_deviation"]).all()


# ---- Agreement

# Of the points of class 0, 1, 2 so many lie in cluster 0, 1, 2; the best matching gives 0-1, 1-0, 2-2.
TABLE = [[2, 5, 0], [6, 3, 1], [0, 0, 3]]


def points_of(table) -> tuple[np.ndarray, np.ndarray]:
    """Labels and classes that give a table."""
    classes, labels = np.nonzero(table)
    repeats = np.array(table)[classes, labels]
    return np.repeat(labels, repeats), np.repeat(classes, repeats)


def test_accuracy_is_that_of_the_best_matching():
    assert agreement(*points_of(TABLE)).accuracy == (5 + 6 + 3) / 20


def test_the_matching_is_one_to_one_and_not_greedy():
    # Greedily 10 are taken first, which leaves 0 of class 1: 9 + 8 are more.
    assert agreement(*points_of([[10, 9], [8, 0]])).accuracy == 17 / 27


@pytest.mark.parametrize(
    ("table", "accuracy"),
    [
        ([[4, 4, 0], [0, 0, 8]], 12 / 16),  # more clusters: half of class 0 is in one that is nobody's
        ([[8, 0], [0, 8], [0, 8]], 16 / 24),  # fewer clusters: class 2 is left without
        ([[5], [5]], 5 / 10),
        ([[3, 2, 5]], 5 / 10),
    ],
)
def test_clusters_may_be_more_or_fewer_than_classes(table, accuracy):
    assert agreement(*points_of(table)).accuracy == accuracy


def test_information_and_rand_index_are_those_by_hand():
    # Two classes of four in three clusters of 4, 2 and 2: H(class) = ln 2, H(cluster) = 1.5 ln 2, in common ln 2.
    found = agreement(*points_of([[4, 0, 0], [0, 2, 2]]))
    assert found.normalised_mutual_information == pytest.approx(1.0 / 1.25)
    # Pairs together in both 6 + 1 + 1, in classes 12, in clusters 8, of 28.
    expected = 12 * 8 / 28
    assert found.adjusted_rand == pytest.approx((8 - expected) / (0.5 * (12 + 8) - expected))


def test_shuffled_clusters_agree_by_chance():
    rng = np.random.default_rng(0)
    classes = members(*[500] * 4)
    found = np.array([agreement(rng.permutation(classes), classes) for _ in range(20)])
    # An index adjusted for chance is 0 on average; that of matching is a little above 1/4, as the best of 24 ways.
    assert abs(found[:, 2].mean()) < 4 * found[:, 2].std(ddof=1) / np.sqrt(20)
    assert found[:, 0].min() >= 0.25
    assert found[:, 0].max() < 0.25 + 4 * np.sqrt(0.25 * 0.75 / 2000)
    assert found[:, 1].max() < 0.02


@pytest.mark.parametrize("noise", [False, True])
def test_numbers_of_clusters_change_nothing(noise):
    labels, classes = points_of(TABLE)
    if noise:
        labels = np.where(np.arange(len(labels)) % 5 == 0, -1, labels)
    renamed = np.where(labels < 0, -1, np.array([7, 2, 40])[labels])
    assert agreement(renamed, classes) == pytest.approx(agreement(labels, classes))
    one, other = (contingency(each, classes, 3) for each in (labels, renamed))
    assert np.array_equal(one.table, other.table)
    assert describe_overlap(one, "abc") == describe_overlap(other, "abc")


def test_noise_is_wrong_for_accuracy_and_a_cluster_of_its_own_otherwise():
    classes = members(4, 4)
    labels = np.array([0, 0, 0, 0, -1, -1, -1, -1])
    assert agreement(labels, classes) == (0.5, pytest.approx(1.0), pytest.approx(1.0))
    assert agreement(np.full(8, -1), classes) == (0.0, pytest.approx(0.0), pytest.approx(0.0))


def test_labels_of_a_data_set_may_be_bytes():
    labels, classes = points_of(TABLE)
    assert agreement(labels, classes.astype(np.uint8)) == agreement(labels, classes)
    assert agreement(classes.astype(np.uint8), classes.astype(np.uint8)) == pytest.approx((1.0, 1.0, 1.0))


# ---- Contingency


@pytest.mark.parametrize(
    ("table", "ordered", "order"),
    [
        (TABLE, [[5, 2, 0], [3, 6, 1], [0, 0, 3]], [1, 0, 2]),
        # Clusters 1 and 2 both hold class 0: the larger shows on the diagonal, the other one stands behind.
        ([[0, 3, 4], [7, 0, 0]], [[4, 0, 3], [0, 7, 0]], [2, 0, 1]),
        # Those that stand behind are in the order of the classes that they hold most of.
        ([[0, 5, 0, 9], [4, 0, 8, 0]], [[9, 0, 5, 0], [0, 8, 0, 4]], [3, 2, 1, 0]),
        # Class 0 is left without a cluster, and the diagonal goes on with class 1.
        ([[1, 2], [0, 9], [9, 0]], [[2, 1], [9, 0], [0, 9]], [1, 0]),
    ],
)
def test_columns_stand_in_the_order_of_their_classes(table, ordered, order):
    found = contingency(*points_of(table), len(table))
    assert found.table.tolist() == ordered
    assert found.order.tolist() == order


def test_noise_is_the_last_column_and_classes_without_points_are_empty_rows():
    found = contingency(np.array([-1, -1, 5, 5, 3, 7, 3, -1]), np.array([0, 0, 0, 0, 2, 2, 2, 2]), 4)
    assert found.table.tolist() == [[2, 0, 0, 2], [0, 0, 0, 0], [0, 2, 1, 1], [0, 0, 0, 0]]
    assert found.order.tolist() == [5, 3, 7, -1]


def test_only_noise_is_one_column():
    found = contingency(np.full(3, -1), np.array([0, 0, 1]), 2)
    assert (found.table.tolist(), found.order.tolist()) == ([[2], [1]], [-1])
    assert describe_overlap(found, ["a", "b"]) == (
        "Neither of the 2 classes has a cluster of its own. No two classes merge."
    )


# ---- Confusions and centroids


def test_classes_are_confused_by_the_share_of_their_clusters_that_overlaps():
    table = [[8, 2, 0], [1, 1, 8], [0, 5, 5]]
    assert confusions(counts(table), ["a", "b", "c"]) == [
        ("b", "c", pytest.approx(0.1 + 0.5)),
        ("a", "b", pytest.approx(0.1 + 0.1)),
        ("a", "c", pytest.approx(0.2)),
    ]


def test_confusion_does_not_depend_on_the_sizes_of_classes():
    assert confusions(counts([[4, 6], [400, 600]]), "ab") == [("a", "b", pytest.approx(1.0))]


def test_classes_apart_and_noise_in_common_are_no_confusion():
    assert confusions(counts([[5, 0, 5], [0, 5, 5]], noise=True), "ab") == []


def test_the_nearest_class_is_that_of_the_nearest_mean():
    points = np.array([[-1.0, 0.0], [1.0, 0.0], [3.0, 4.0], [3.0, 5.0], [3.0, 3.0], [100.0, 4.0]])
    labels = np.array([0, 0, 1, 1, 1, 3])
    assert nearest_centroids(points, labels, ["a", "b", "absent", "d"]) == [
        ("a", "b", 5.0),
        ("b", "a", 5.0),
        ("d", "b", 97.0),
    ]


# ---- Words


@pytest.mark.parametrize(
    ("table", "names", "sentences"),
    [
        (
            [[9, 1], [0, 10]],
            ["hat", "bag"],
            "Both classes have clusters of their own, which hold 100% of bag and 90% of hat. No two classes merge.",
        ),
        (
            np.diag([7, 8, 9]),
            ["hat", "bag", "shoe"],
            "All 3 classes have clusters of their own, which hold 100% of hat, 100% of bag and 100% of shoe. "
            "No two classes merge.",
        ),
        (
            [[10, 0], [0, 10], [0, 10]],
            ["hat", "bag", "shoe"],
            "One of the 3 classes has a cluster of its own, which holds 100% of hat. "
            "bag and shoe merge: their distributions over the clusters overlap by 100%.",
        ),
        (
            [[1, 9], [2, 8]],
            ["hat", "bag"],
            "Neither of the 2 classes has a cluster of its own. "
            "hat and bag merge: their distributions over the clusters overlap by 90%.",
        ),
        (
            [[5, 5, 0, 0], [6, 3, 1, 0], [5, 3, 2, 0], [0, 0, 0, 9]],
            ["Coat", "Pullover", "Shirt", "Bag"],
            "One of the 4 classes has a cluster of its own, which holds 100% of Bag. "
            "Coat, Pullover and Shirt merge: their distributions over the clusters overlap by at least 80%.",
        ),
        (
            [[9, 0, 0, 0], [1, 9, 0, 0], [0, 0, 7, 3], [0, 0, 4, 6], [0, 0, 0, 0]],
            ["0", "1", "2", "3", "absent"],
            "2 of the 4 classes have clusters of their own, which hold 100% of 0 and 90% of 1. "
            "2 and 3 merge: their distributions over the clusters overlap by 70%.",
        ),
        (
            [[9, 1, 0], [9, 1, 0], [0, 0, 5], [0, 2, 3]],
            ["a", "b", "c", "d"],
            "None of the 4 classes has a cluster of its own. 2 groups of classes merge, with the overlap of their "
            "distributions over the clusters: a and b (100%); c and d (60%).",
        ),
        (
            [[4, 3, 3], [3, 4, 3], [0, 0, 9]],
            ["a", "b", "c"],
            "None of the 3 classes has a cluster of its own. "
            "a and b merge: their distributions over the clusters overlap by 90%.",
        ),
        (
            [[5, 5, 5, 5, 0, 0], [0, 0, 0, 4, 4, 4]],
            ["a", "b"],
            "Neither of the 2 classes has a cluster of its own. No two classes merge.",
        ),
    ],
)
def test_sentences_say_which_classes_separate_and_which_merge(table, names, sentences):
    assert describe_overlap(counts(table), names) == sentences


def test_a_chain_of_classes_does_not_merge_where_its_ends_are_unlike():
    table = [[10, 0, 0], [5, 5, 0], [0, 10, 0]]
    sentence = describe_overlap(counts(table), ["left", "middle", "right"])
    assert "left, middle and right" not in sentence
    assert "middle and right merge" in sentence or "left and middle merge" in sentence
    assert sentence.endswith("These pairs overlap as much: middle and right (50%).") or sentence.endswith(
        "These pairs overlap as much: left and middle (50%)."
    )


def test_shares_are_rounded_down():
    assert "which hold 100% of b and 99% of a." in describe_overlap(counts([[999, 1], [0, 1000]]), "ab")
    assert "overlap by 58%." in describe_overlap(counts([[58, 42, 0], [58, 0, 42]]), "ab")


def test_points_lost_as_noise_count_against_a_class():
    sentence = describe_overlap(counts([[79, 0, 21], [0, 80, 20]], noise=True), "ab")
    assert sentence == "One of the 2 classes has a cluster of its own, which holds 80% of b. No two classes merge."


def test_a_large_class_that_swallows_a_small_one_has_no_cluster_of_its_own():
    assert describe_overlap(counts([[1000, 0], [10, 0], [0, 50]]), ["large", "small", "apart"]) == (
        "One of the 3 classes has a cluster of its own, which holds 100% of apart. "
        "large and small merge: their distributions over the clusters overlap by 100%."
    )


def test_a_cluster_that_others_share_is_nobodys_own():
    spread = [[10, 0, 0, 0], [4, 6, 0, 0], [4, 0, 6, 0], [4, 0, 0, 6]]
    assert describe_overlap(counts(spread), "abcd").startswith("None of the 4 classes has a cluster of its own.")


# ---- Bad input


@pytest.mark.parametrize("name", CLUSTERINGS)
def test_fewer_points_than_clusters_are_refused(name):
    with pytest.raises(ValueError, match="At least 5 points are needed, not 4"):
        cluster(name, np.zeros((4, 2)), 5)
    with pytest.raises(ValueError, match="At least 5 points are needed, not 4"):
        agreement_over_seeds(name, np.zeros((4, 2)), np.zeros(4, int), 5, [0])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: class_scores(np.eye(4), np.arange(4), np.eye(4), np.arange(4)), "At least 5 points are needed, not 4"),
        (lambda: class_scores(np.eye(6), np.zeros(6), np.eye(6), np.arange(6)), "at least 2 classes"),
        (lambda: class_scores(np.eye(6), np.arange(5), np.eye(6), np.arange(6)), "Labels must be"),
        (lambda: trustworthiness_of(np.eye(30), np.eye(30)), "At least 31 points are needed, not 30"),
        (lambda: trustworthiness_of(np.eye(40), np.eye(40), most=30), "more than 30 points, not 30"),
        (lambda: trustworthiness_of(np.eye(40), np.eye(41)), "the same points, not 40 and 41"),
        (lambda: cluster("hdbscan", np.zeros(9), 2), r"must be \(n, k\), not \(9,\)"),
        (lambda: cluster("hdbscan", np.full((9, 2), np.nan), 2), "must be finite"),
        (lambda: cluster("dbscan", np.eye(9), 2), "no clustering 'dbscan': give one of k_means"),
        (lambda: agreement_over_seeds("k_means", np.eye(9), members(4, 5), 2, []), "at least one seed"),
        (lambda: agreement(members(4, 5), members(4, 4)), r"not \(9,\) and \(8,\)"),
        (lambda: agreement(np.array([], int), np.array([], int)), r"not \(0,\) and \(0,\)"),
        (lambda: contingency(members(4, 5), members(4, 5), 1), "from 0 to 0, not 0 to 1"),
        (lambda: confusions(counts(TABLE), ["a", "b"]), "2 class names for 3 classes"),
        (lambda: nearest_centroids(np.eye(3), np.zeros(3, int), ["a"]), "at least 2 classes"),
        (lambda: nearest_centroids(np.eye(3), np.arange(3), ["a", "b"]), "2 class names for classes 0 to 2"),
        (lambda: describe_overlap(counts(TABLE), ["a", "b"]), "2 class names for 3 classes"),
        (lambda: describe_overlap(counts([[3, 2], [0, 0]]), ["a", "b"]), "at least two that have points, not 1"),
    ],
)
def test_what_cannot_be_answered_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()
