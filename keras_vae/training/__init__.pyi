from .estimator import LatentEncoder as LatentEncoder
from .trainer import compiled_model as compiled_model
from .trainer import fit_model as fit_model
from .trainer import resume as resume
from .trainer import train as train
from .trainer import training_table as training_table
