"""How a patient's volume lies to a template: the volume, or its likes, that a network was trained on.

``template_from_patient`` (4x4, rigid, RAS mm) brings the patient onto the template.
"""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from xvrcore import rigid
from xvrcore.errors import InputError, WorkError
from xvrcore.volume import Volume

LINEAR_TOLERANCE_MM = 1e-3
SHRINK_FACTORS, SMOOTHING_MM = (8, 4, 2), (8, 4, 2)
PITCH_MM = 1.0
"""Shrinking stops where voxels are this large."""
HISTOGRAM_BINS, SAMPLED_SHARE, ITERATIONS = 50, 0.2, 200
AIR_HU, DENSEST_HU = -1000.0, 1000.0


def read_template_transform(path: str | Path, inverse: bool = False) -> np.ndarray:
    """``template_from_patient`` from a file that ITK reads (.tfm, .txt, .h5, .mat).

    ITK's transforms lead, in LPS, from the points of the fixed image to those of the moving one. A file is taken as
    made with the template as the fixed and the patient as the moving image: by SimpleITK's or elastix's registration,
    or by 3D Slicer, where the transform brings the patient's volume onto the template.

    :param inverse: the file was made the other way round.
    :raises InputError: the file cannot be read, or its transform is not rigid.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; give an ITK transform (.tfm, .txt, .h5, .mat).")
    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError as error:
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise InputError(f"{path} is not a transform that ITK can read ({reason.strip()[:200]}).") from error
    patient_from_template = rigid.RAS_FROM_LPS @ _matrix_of(transform, path) @ rigid.RAS_FROM_LPS
    found = rigid.require_rigid(patient_from_template, f"The transform in {path}")
    return found if inverse else rigid.inverse(found)


def _matrix_of(transform: sitk.Transform, path: Path) -> np.ndarray:
    """4x4 of a linear transform of any kind, by what it does to points."""
    ends = np.vstack([np.zeros(3), 100 * np.eye(3)])
    images = np.array([transform.TransformPoint(point) for point in ends.tolist()])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = (images[1:] - images[0]).T / 100, images[0]
    for probe in ([-250.0, 130.0, 70.0], [40.0, -310.0, 500.0]):
        if np.abs(rigid.apply(matrix, probe) - transform.TransformPoint(probe)).max() > LINEAR_TOLERANCE_MM:
            raise InputError(f"{path} holds a transform that bends space; a rigid one is needed.")
    return matrix


def register_to_template(template: Volume, patient: Volume) -> np.ndarray:
    """``template_from_patient``, found by SimpleITK: mutual information, coarse to fine, from the middles of mass.

    The two should stand in about the same orientation (within some 30 degrees).

    :raises WorkError: the two do not overlap.
    """
    fixed, moving = _image_of(template), _image_of(patient)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(HISTOGRAM_BINS)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(SAMPLED_SHARE, seed=1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-4, ITERATIONS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(SHRINK_FACTORS)
    method.SetSmoothingSigmasPerLevel(SMOOTHING_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    try:
        method.SetInitialTransform(sitk.CenteredTransformInitializer(
            fixed, moving, sitk.VersorRigid3DTransform(), sitk.CenteredTransformInitializerFilter.MOMENTS))
        found = method.Execute(fixed, moving)
    except RuntimeError as error:
        raise WorkError(f"{patient.path or 'The volume'} could not be registered to the template "
                        f"{template.path or ''}; give --template-transform instead.") from error
    matrix = rigid.RAS_FROM_LPS @ _matrix_of(found, Path("template")) @ rigid.RAS_FROM_LPS
    return rigid.inverse(rigid.require_rigid(matrix, "The transform to the template"))


def _image_of(volume: Volume) -> sitk.Image:
    """The volume in LPS, merged to voxels of about 1 mm, its background 0: mass is where the patient is."""
    values = volume.values
    if volume.quantity == "HU":
        values = np.clip(values, AIR_HU, DENSEST_HU) - AIR_HU
    image = sitk.GetImageFromArray(np.ascontiguousarray(values, np.float32))
    lps_from_ijk = rigid.RAS_FROM_LPS @ volume.ras_from_ijk
    image.SetSpacing(volume.spacing_mm.tolist())
    image.SetDirection((lps_from_ijk[:3, :3] / volume.spacing_mm).ravel().tolist())
    image.SetOrigin(lps_from_ijk[:3, 3].tolist())
    factors = [max(1, int(PITCH_MM / spacing)) for spacing in volume.spacing_mm]
    return sitk.BinShrink(image, factors) if max(factors) > 1 else image
