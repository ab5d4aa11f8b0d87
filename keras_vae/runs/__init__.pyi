from .config import PRESETS as PRESETS
from .config import TrainConfig as TrainConfig
from .images import open_data as open_data
from .provenance import code_origin as code_origin
from .provenance import environment as environment
from .run import Run as Run
from .shipped import SHIPPED as SHIPPED
from .shipped import working_copy as working_copy
