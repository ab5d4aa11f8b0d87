"""For what, and how, a model is exported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from keras_vae.command_line import check_fields, option
from keras_vae.errors import InputError

__all__ = ["ExportConfig"]


@dataclass(frozen=True)
class ExportConfig:
    """Everything that decides what is written.

    Raises:
        InputError: a value is not one of its choices, or does not go with another.
    """

    format: Literal["saved_model", "onnx", "litert"] = option(
        "saved_model", "for TensorFlow, for ONNX Runtime, or for LiteRT (TensorFlow Lite)"
    )
    precision: Literal["float32", "float16", "int8"] = option("float32", "of the weights of a LiteRT model")
    output: str | None = option(
        None, "folder of a SavedModel or of ONNX files, or a .tflite file (default: within the run)", metavar="PATH",
        type=str,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_fields(self)
        if self.precision != "float32" and self.format != "litert":
            raise InputError(f"--precision {self.precision} is for --format litert: leave it out.")
        if self.output is not None and Path(self.output).name in ("", ".."):
            raise InputError(f"--output {self.output!r} has no name of its own: give that of a folder or file.")
        if self.output is not None and (self.format == "litert") != self.output.endswith(".tflite"):
            needs = "must end in .tflite" if self.format == "litert" else "is a folder"
            raise InputError(f"--output {needs} for --format {self.format}, not {self.output}.")

    @property
    def default_name(self) -> str:
        """Name of the file or folder within a run."""
        if self.format == "litert":
            return "vae.tflite" if self.precision == "float32" else f"vae-{self.precision}.tflite"
        return self.format
