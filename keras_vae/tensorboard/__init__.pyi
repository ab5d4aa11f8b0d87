from .callbacks import EmbeddingProjector as EmbeddingProjector
from .callbacks import SampleGrid as SampleGrid
from .hparams import EVALUATION_FIGURES as EVALUATION_FIGURES
from .hparams import describe_run as describe_run
from .hparams import write_evaluation as write_evaluation
from .projector import write_projector as write_projector
