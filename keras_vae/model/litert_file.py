"""A trained model as one file for LiteRT, which TensorFlow Lite is called now."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal, get_args

import tensorflow as tf

from keras_vae.files import write_atomically
from keras_vae.model.endpoint import frozen_endpoints
from keras_vae.model.vae import VAE

__all__ = ["PRECISIONS", "Precision", "export_litert"]

Precision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def export_litert(model: VAE, path: Path | str, precision: Precision = "float32") -> Path:
    """Write a `.tflite` file that takes any number of images.

    It has a signature for each of `encode`, `decode`, `reconstruct`, `interpolate`, `log_prior` and `decode_prior`,
    with the names of the SavedModel; they share their weights.

    Args:
        model: a VAE.
        path: of the file.
        precision: of the weights. int8 has them in 8 bits, with a scale for each output of a layer, and rounds what
            they are multiplied with as it comes; sums are float32.
    """
    served = tf.Module()
    signatures = {}
    for name, (function, signature) in frozen_endpoints(model).items():
        signatures[name] = tf.function(function, input_signature=signature, autograph=False)
        setattr(served, name, signatures[name])
    with tempfile.TemporaryDirectory() as folder:
        concrete = {name: each.get_concrete_function() for name, each in signatures.items()}
        tf.saved_model.save(served, folder, signatures=concrete)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return write_atomically(Path(path), converter.convert())
