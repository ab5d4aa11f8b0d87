"""Paths are judged by the classifier only where it was made for the images."""

import dataclasses
from types import SimpleNamespace

import pytest

from keras_vae.latent_space import path_study


@dataclasses.dataclass
class AskedError(Exception):
    """What paths were to be judged by."""

    judge: object


@pytest.mark.parametrize(
    ("name", "shape", "judge"),
    [("fashion_mnist", (28, 28, 1), "classifier"), ("fashion_mnist", (32, 32, 1), None), ("mnist", (28, 28, 1), None)],
)
def test_paths_of_resized_images_are_explored_without_the_classifier(monkeypatch, name, shape, judge):
    def compare(space, judge):
        raise AskedError(judge)

    monkeypatch.setattr(path_study, "_Judge", lambda space: "classifier")
    monkeypatch.setattr(path_study, "_compare_paths", compare)
    with pytest.raises(AskedError) as asked:
        path_study.explore_paths(SimpleNamespace(data=SimpleNamespace(name=name, image_shape=shape)))
    assert asked.value.judge == judge
