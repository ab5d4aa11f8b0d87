from .config import ExportConfig as ExportConfig
from .exporting import Exported as Exported
from .exporting import export as export
from .packing import pack as pack
