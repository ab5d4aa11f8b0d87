from .speed import bound_speeds as bound_speeds
from .speed import pipeline_speed as pipeline_speed
from .speed import training_speeds as training_speeds
