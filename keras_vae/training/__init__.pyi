from .compilation import compiled_model as compiled_model
from .distribution import is_chief as is_chief
from .distribution import open_strategy as open_strategy
from .estimator import LatentEncoder as LatentEncoder
from .fitting import fit_model as fit_model
from .trainer import resume as resume
from .trainer import train as train
from .trainer import training_table as training_table
