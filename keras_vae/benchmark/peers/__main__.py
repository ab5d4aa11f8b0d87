"""A peer: `python -m keras_vae.benchmark.peers MODULE SETTINGS`."""

import sys

from keras_vae.benchmark.peers.task import serve

if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
