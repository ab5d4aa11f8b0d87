"""What a run is, for whoever finds its folder: a model card in the form that Hugging Face reads."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_vae.files import typed_command
from keras_vae.runs.run import Run

__all__ = ["CARD_FILE", "data_title", "model_card", "renamed_card"]

CARD_FILE = "README.md"
CARD = """---
{front_matter}
---

# {name}

A variational autoencoder of images of {height} x {width} pixels and {channels} channels, with {latents} latents,
trained on {data}{commit} by

    {command}

Likelihood: {likelihood}. Prior: {prior}. Weight of the KL: {beta:g}. Weights: {parameters}, started
from {start}.

## Data and licence

{licence}

## Measurements

{measurements}

`metrics.json` has each measurement with its unit, split, number of images and protocol.

## Limits

- It knows images like those of its training. What it makes of others is not measured, but for what stands above.
- Its samples repeat what is common in its training images, and with it whatever is amiss there; rare kinds of images
  are rarer still among them.
- Scores for unusual images are no probabilities, and a high likelihood does not tell that an image is of this kind.

## How to load it

Images are float32 in [0, 1], (n, {height}, {width}, {channels}).

```python
import tensorflow as tf  # nothing else is needed

vae = tf.saved_model.load("saved_model")  # in this folder
new_images = vae.sample(16)["images"]
```

```python
import keras_vae

vae = keras_vae.load_model("{model_file}")  # to train on, or to look inside
```

For ONNX Runtime and for LiteRT, `{export} {name} --format onnx` (or `litert`) writes what they run:

```python
import onnxruntime

decode = onnxruntime.InferenceSession("onnx/decode.onnx")
(images,) = decode.run(["images"], {{"latents": latents}})  # (n, {latents}) float32
```

```python
from ai_edge_litert.interpreter import Interpreter

decode = Interpreter("vae.tflite").get_signature_runner("decode")
images = decode(latents=latents)["images"]
```
"""

# Names of data sets: for people, for Hugging Face, and what may be done with them.
KNOWN_DATA = {
    "fashion_mnist": (
        "Fashion-MNIST",
        "zalando-datasets/fashion_mnist",
        "Fashion-MNIST (Xiao, Rasul & Vollgraf 2017) has the MIT licence. The weights have the licence of the code,\n"
        "Apache-2.0.",
    ),
    "colour_shapes": (
        "coloured shapes",
        "",
        "The shapes are drawn by this project: data, weights and code have the licence Apache-2.0.",
    ),
}
UNKNOWN_LICENCE = (
    "The data have a licence of their own, which decides what may be done with these weights: whoever passes them on\n"
    "names it here. The code is Apache-2.0."
)

LISTED = (
    ("mse", "MSE per pixel, posterior mean", "reconstruction.mean.mse_per_pixel"),
    ("ssim", "SSIM, posterior mean", "reconstruction.mean.ssim"),
    ("negative_elbo", "negative ELBO, nats per image", "likelihood.negative_elbo"),
    (
        "frechet_distance",
        "Frechet distance, this project's classifier (not the FID)",
        "generation.classifier.frechet_distance",
    ),
    ("frechet_distance", "Frechet distance, own network (not the FID)", "generation.own.frechet_distance"),
)


def data_title(name: str) -> str:
    """What people call a data set: those that come with this package by a name of their own, others as they are."""
    return KNOWN_DATA[name][0] if name in KNOWN_DATA else name


def model_card(
    run: Run,
    *,
    trained: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    measurements: str = "None yet.",
) -> str:
    """Say what a run is, what it was made of, what was measured, and how it is loaded.

    Args:
        run: a run that has weights.
        trained: what `training.json` is to hold; None takes what it holds, if there is one.
        metrics: what `metrics.json` holds.
        measurements: the same as a table in Markdown.
    """
    config, model = run.config, run.model_config
    height, width, channels = model["image_shape"]
    trained = trained or (run.summary if run.is_finished else {})
    data, _, licence = KNOWN_DATA.get(config.dataset, (Path(config.dataset).name, "", UNKNOWN_LICENCE))
    return CARD.format(
        front_matter=_front_matter(run, metrics or {}),
        name=run.name,
        height=height,
        width=width,
        channels=channels,
        latents=model["latent_dim"],
        data=_as_text(data),
        commit=f", at commit {trained['commit']}," if trained.get("commit") else "",
        command=f"{typed_command('train')} {shlex.join(run.train_options(trained.get('training_images')))}".rstrip(),
        likelihood=config.likelihood,
        prior=config.prior_in_words,
        beta=config.beta,
        parameters=f"{trained['parameters']:,}" if trained else "those of the last finished epoch",
        start=f"those of the run {Path(config.init_from).name}" if config.init_from else "no others",
        licence=licence,
        measurements=measurements,
        model_file=run.model_file.name if run.model_file.is_file() else run.saved_model.name,
        export=typed_command("export"),
    )


def renamed_card(card: str, name: str, new: str) -> str:
    """The card of a copy of a run that has another name."""
    old = re.escape(name)
    places = (rf"(?<=^# ){old}$", rf'(?<="name": "){old}(?=", "results")', rf"(?<= ){old}(?= --format onnx)")
    return re.sub("|".join(places), lambda _: new, card, flags=re.MULTILINE)


def _as_text(name: str) -> str:
    """A name that Markdown shows as it is: a folder may be called as one likes."""
    return re.sub(r"([\\`*_{}\[\]<>()#!|~&$])", r"\\\1", " ".join(name.split()))


def _front_matter(run: Run, metrics: Mapping[str, Any]) -> str:
    """Keys and values of YAML, the values as JSON, which YAML contains."""
    dataset = run.config.dataset
    shown, published, _ = KNOWN_DATA.get(dataset, (Path(dataset).name, "", ""))
    fields = {
        "license": "apache-2.0" if dataset in KNOWN_DATA else "other",
        "library_name": "keras",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["variational-autoencoder", "image-generation", "keras", "tensorflow"],
        **({"datasets": [published]} if published else {}),
        **_model_index(metrics, run.name, {"name": shown, "type": published or shown, "split": "test"}),
    }
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in fields.items())


def _model_index(metrics: Mapping[str, Any], name: str, dataset: Mapping[str, str]) -> dict[str, Any]:
    measured = metrics.get("evaluations", {}).get("grey", {}).get("measurements", {})
    figures = [
        {"type": kind, "name": text, "value": measured[measurement]["value"]}
        for kind, text, measurement in LISTED
        if measurement in measured
    ]
    task = {"type": "unconditional-image-generation"}
    results = [{"task": task, "dataset": dict(dataset), "metrics": figures}]
    return {"model-index": [{"name": name, "results": results}]} if figures else {}
