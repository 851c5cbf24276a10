"""The file that a volume of the scene was read from: named with its hash while it still holds the same voxels."""

from dataclasses import replace

import numpy as np

from xvrcore.errors import InputError


def withHash(volume, file):
    """The core's volume with the path and hash that the command line would state of its file or DICOM series; as it
    is, where it was changed since, or ``file`` is none of a volume."""
    from xvrcore.dicom_tags import is_dicom
    from xvrcore.volume_io import read_grid

    try:
        grid = read_grid(file)
    except InputError:
        return volume
    if not _isSame(volume.values, grid.values):
        return volume
    return replace(volume, path=file.parent if is_dicom(file) else file, sha256=grid.sha256)


def _isSame(shown, stored):
    """Whether voxels are the same, slices perhaps in reverse order, which makes axes right-handed in 3D Slicer."""
    return shown.shape == stored.shape and any(
        np.array_equal(shown, one.astype(np.float32)) for one in (stored, stored[::-1]))
