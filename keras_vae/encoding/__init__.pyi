from .config import EncodingConfig as EncodingConfig
from .encoder import Encoded as Encoded
from .encoder import encode_collection as encode_collection
