"""Image shape and plain arguments -> a VAE that encodes, decodes, samples, bounds likelihoods and exports itself.

May import `files`, `formats`, `memory` and what lies below them; knows no data, no runs and no configuration, so that a
saved model stands alone.
"""

import lazy_loader

from keras_vae.backend import require_tensorflow

require_tensorflow()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
