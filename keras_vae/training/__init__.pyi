from .distribution import is_chief as is_chief
from .distribution import open_strategy as open_strategy
from .trainer import compiled_model as compiled_model
from .trainer import resume as resume
from .trainer import train as train
from .trainer import training_table as training_table
