"""A trained, explored run -> a page that holds its model and lets a reader touch its latents; a tab of TensorBoard.

May import `latent_space` and what lies below it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
