"""Whether an image of the scene still is what its DICOM file holds; nodes loaded from DICOM do not tell."""

import numpy as np

SAME_SHARE = 0.01
"""Of the file's range of values: decoders of lossy images differ by less."""


def shows(path, pixels):
    """Whether a gray image [1, row, column] is that of a file, up to brightness and contrast, which readers treat
    differently; a film's frames, and files that are no DICOM, are taken on trust."""
    import SimpleITK as sitk

    from xvrcore.dicom_tags import is_dicom

    if not is_dicom(path):
        return True
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        reader.ReadImageInformation()
        if reader.GetNumberOfComponents() > 1 or reader.GetSize()[2:] not in ((), (1,)):
            return True
        stored = sitk.GetArrayFromImage(reader.Execute()).reshape(-1, *reader.GetSize()[1::-1])
    except RuntimeError:  # the scene's image came from another decoder
        return True
    return stored.shape == pixels.shape and _isLinear(pixels.astype(float), stored.astype(float))


def _isLinear(values, stored):
    """Whether all stored values follow from the others by one factor and one offset."""
    spread = values - values.mean()
    slope = (spread * stored).sum() / max((spread ** 2).sum(), np.finfo(float).tiny)
    return np.abs(stored - stored.mean() - slope * spread).max() <= SAME_SHARE * np.ptp(stored)
