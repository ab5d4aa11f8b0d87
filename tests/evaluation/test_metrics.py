"""Every figure says what it is, belongs to the weights it was measured on, and stands in the right cell."""

import json
import math

import numpy as np
import pytest

from keras_vae.errors import InputError
from keras_vae.evaluation import comparison, read_metrics, weights_digest
from keras_vae.evaluation.metrics import Measurement, mean_of, write_metrics
from keras_vae.runs import Run, TrainConfig


def trained(root, name: str = "first", weights: bytes = b"weights", **options) -> Run:
    run = Run.create(TrainConfig(**options), name, root)
    run.model_file.write_bytes(weights)
    return run


def measured(value: float, **options) -> Measurement:
    return Measurement(value, "nats per image", "test", 10, "grey", **options)


def test_a_mean_comes_with_its_standard_error_unit_split_count_and_protocol():
    values = np.array([1.0, 2.0, 6.0])
    assert mean_of(values, "nats per image", "test", "grey").to_json() == {
        "value": 3.0,
        "standard_error": pytest.approx(np.std(values, ddof=1) / math.sqrt(3)),
        "unit": "nats per image",
        "split": "test",
        "images": 3,
        "protocol": "grey",
    }


def test_a_mean_is_taken_for_each_class_that_has_images():
    values, labels = np.array([1.0, 2.0, 6.0]), np.array([0, 2, 0])
    by_class = mean_of(values, "", "test", "grey", labels=labels, class_names=["a", "b", "c"]).by_class
    assert by_class == {
        "a": {"value": 3.5, "standard_error": pytest.approx(2.5), "images": 2},
        "c": {"value": 2.0, "standard_error": None, "images": 1},
    }


@pytest.mark.parametrize("value", [math.inf, math.nan, np.float32("inf"), [1.0, math.nan]])
def test_what_is_not_finite_is_no_number_in_json_and_leaves_a_file_that_can_be_read(value, tmp_path):
    assert mean_of(np.array([math.inf]), "dB", "test", "grey").to_json()["value"] is None
    run = trained(tmp_path)
    write_metrics(run, weights_digest(run), "grey", {}, {"likelihood.kl": measured(value, standard_error=math.nan)})
    figure = read_metrics(run)["evaluations"]["grey"]["measurements"]["likelihood.kl"]
    assert figure["value"] is None
    assert "standard_error" not in figure


def test_metrics_name_the_weights_they_belong_to(tmp_path):
    run = trained(tmp_path)
    written = write_metrics(run, weights_digest(run), "grey", {"seed": 3}, {"likelihood.kl": measured(2.0)})
    assert written == read_metrics(run) == json.loads((run.folder / "metrics.json").read_text())
    assert written["weights"] == {"file": "vae.keras", "sha256": weights_digest(run)}
    assert written["evaluations"]["grey"]["seed"] == 3
    assert written["evaluations"]["grey"]["measurements"]["likelihood.kl"]["value"] == 2.0


def test_figures_of_another_protocol_stay_as_long_as_the_weights_do(tmp_path):
    run = trained(tmp_path)
    digest = weights_digest(run)
    write_metrics(run, digest, "grey", {}, {"likelihood.kl": measured(2.0)})
    both = write_metrics(run, digest, "binarized", {}, {})
    assert set(both["evaluations"]) == {"grey", "binarized"}
    run.model_file.write_bytes(b"trained on")
    assert read_metrics(run) == {}
    assert set(write_metrics(run, weights_digest(run), "binarized", {}, {})["evaluations"]) == {"binarized"}


def test_figures_that_are_not_measured_again_stay(tmp_path):
    run = trained(tmp_path)
    digest = weights_digest(run)
    first = {"generation.classifier.recall": measured(0.5), "likelihood.kl": measured(2.0)}
    write_metrics(run, digest, "grey", {}, first)
    kept = write_metrics(run, digest, "grey", {}, {"likelihood.kl": measured(3.0)})["evaluations"]["grey"]
    values = {name: figure["value"] for name, figure in kept["measurements"].items()}
    assert values == {"generation.classifier.recall": 0.5, "likelihood.kl": 3.0}


@pytest.mark.parametrize(
    ("changed", "stays"),
    [({"features": "none"}, True), ({"seed": 5}, False), ({"importance_samples": 9}, False), ({"dataset": "b"}, False)],
)
def test_a_measurement_goes_with_the_settings_that_made_it(tmp_path, changed, stays):
    run = trained(tmp_path)
    digest = weights_digest(run)
    settings = {"dataset": "a", "seed": 0, "importance_samples": 2, "features": "classifier"}
    write_metrics(run, digest, "grey", settings, {"generation.classifier.recall": measured(0.5)})
    metrics = write_metrics(run, digest, "grey", settings | changed, {"likelihood.kl": measured(3.0)})
    assert ("generation.classifier.recall" in metrics["evaluations"]["grey"]["measurements"]) == stays


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"weights": 3}'])
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path, content):
    run = trained(tmp_path)
    run.write("metrics.json", content)
    with pytest.raises(InputError, match=r"metrics\.json is damaged"):
        write_metrics(run, weights_digest(run), "grey", {}, {})
    assert (run.folder / "metrics.json").read_text() == content


def cells(table: str) -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows}


def test_runs_stand_side_by_side_with_a_baseline_of_each_latent_size_and_real_images(tmp_path):
    def figures(number: float) -> dict[str, Measurement]:
        return {
            "reconstruction.mean.mse_per_pixel": measured(number, standard_error=0.5),
            "pca.mse_per_pixel": measured(1.0 + number % 2),
            "likelihood.active_units": measured(4),
            "generation.classifier.frechet_distance": measured(number + 2, details="by the classifier"),
            "real_images.classifier.frechet_distance": measured(0.25),
            "likelihood.importance_weighted_nll": measured(200.0, details=f"{100 + number:.0f} samples"),
        }

    settings = (("a", 2, 1.0), ("b", 16, 0.5), ("c", 2, 4.0))
    model = {"likelihood": "bernoulli", "prior": "standard_normal"}
    runs = [trained(tmp_path, name, latent_dim=dim, beta=beta, **model) for name, dim, beta in settings]
    all_metrics = [
        write_metrics(run, weights_digest(run), "grey", {"dataset": "fashion_mnist"}, figures(number))
        for number, run in enumerate(runs)
    ]
    table = comparison(all_metrics, "grey")
    assert cells(table) == {
        "": ["a", "b", "c", "PCA, 2", "PCA, 16", "real images"],
        "---": ["---:"] * 6,
        "likelihood": ["bernoulli"] * 3 + [""] * 3,
        "prior": ["N(0, I)", "N(0, I)", "N(0, I)", "", "", ""],
        "beta": ["1", "0.5", "4", "", "", ""],
        "bound on the NLL, nats": ["200.00"] * 3 + [""] * 3,
        "MSE per pixel, posterior mean": [
            "0.00000 +- 0.50000", "1.00000 +- 0.50000", "2.00000 +- 0.50000", "1.00000", "2.00000", "",
        ],
        "active latents": ["4", "4", "4", "", "", ""],
        "Frechet distance, classifier": ["2.000", "3.000", "4.000", "", "", "0.250"],
    }  # fmt: skip
    assert "test split, 10 images, as they are" in table
    of_other_images = {**all_metrics[2], "evaluations": {"grey": {**all_metrics[1]["evaluations"]["grey"]}}}
    columns = cells(comparison([all_metrics[0], of_other_images], "grey"))
    assert columns[""] == ["a", "c", "PCA, 2", "PCA, 2 (c)", "real images"]
    assert columns["MSE per pixel, posterior mean"][2:] == ["1.00000", "2.00000", ""]
    assert "Generated images: by the classifier." in table.splitlines()
    assert "Bound on the NLL (b): 101 samples." in table.splitlines()
