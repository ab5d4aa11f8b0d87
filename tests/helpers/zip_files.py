"""Archives in the format of zip, as `.npz` and `.keras` files are, that are not as they should be."""

import io
import re
import zipfile

import numpy as np


def arrays_with_a_password() -> bytes:
    """A `.npz` file that says that its array is encrypted."""
    content = io.BytesIO()
    np.savez(content, images=np.zeros((30, 8, 8), np.uint8))
    return _marked_as_encrypted(content.getvalue())


def model_with_a_password() -> bytes:
    """A `.keras` file that says that its configuration is encrypted."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("config.json", "{}")
    return _marked_as_encrypted(content.getvalue())


def _marked_as_encrypted(archive: bytes) -> bytes:
    marked = bytearray(archive)
    for header, flags in ((rb"PK\x03\x04", 6), (rb"PK\x01\x02", 8)):  # of a member, and in the list of members
        for found in re.finditer(header, archive):
            marked[found.start() + flags] |= 1
    return bytes(marked)
