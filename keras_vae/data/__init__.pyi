from .fashion_mnist import fashion_mnist_builder as fashion_mnist_builder
from .image_data import ImageData as ImageData
from .image_data import open_dataset as open_dataset
from .prepared_images import remove_prepared_images as remove_prepared_images
