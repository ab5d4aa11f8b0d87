from .packing import pack as pack
