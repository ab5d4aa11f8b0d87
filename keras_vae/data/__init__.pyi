from .image_data import ImageData as ImageData
from .image_data import open_dataset as open_dataset
