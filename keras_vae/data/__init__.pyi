from .arrays import ROUNDING as ROUNDING
from .arrays import check_value_range as check_value_range
from .arrays import range_of as range_of
from .fashion_mnist import fashion_mnist_builder as fashion_mnist_builder
from .image_data import ImageData as ImageData
from .image_data import open_dataset as open_dataset
from .prepared_images import remove_prepared_images as remove_prepared_images
