from .callbacks import EmbeddingProjector as EmbeddingProjector
from .callbacks import SampleGrid as SampleGrid
from .hparams import COMPARED_METRICS as COMPARED_METRICS
from .hparams import describe_run as describe_run
from .hparams import write_evaluation as write_evaluation
from .projector import is_projector as is_projector
from .projector import write_projector as write_projector
