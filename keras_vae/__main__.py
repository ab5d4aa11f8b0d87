"""`python -m keras_vae`: the console program."""

from keras_vae.cli import main

if __name__ == "__main__":
    main()
