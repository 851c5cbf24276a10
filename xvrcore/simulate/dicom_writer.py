"""A simulated X-ray as a DICOM XA file (X-Ray Angiographic Image Storage, PS3.3 A.14, C.8.7)."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, XRayAngiographicImageStorage, generate_uid

from xvrcore.simulate.simulator import SimulatedXray


def write_dicom(simulated: SimulatedXray, path) -> None:
    """Write the file, its identifiers derived from the file's name and the pixels.

    The header states what a C-arm knows: distances, spacing at the detector, angles and the blades' edges, as
    the settings allow. :raises OSError: the folder is not writable.
    """
    path = Path(path)
    dataset = _identity(simulated, path.stem)
    _geometry(dataset, simulated)
    if simulated.settings.header.shutters:
        _shutters(dataset, simulated)
    _pixels(dataset, simulated)
    if simulated.settings.encoding.compression == "rle":
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)


def _identity(simulated: SimulatedXray, name: str) -> Dataset:
    def uid(role: str) -> str:
        return generate_uid(entropy_srcs=[name, role, str(simulated.settings), str(simulated.pixels.sum())])

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = XRayAngiographicImageStorage
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = map(uid, ("sop", "study", "series"))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    dataset.Modality = "XA"
    dataset.Manufacturer, dataset.ManufacturerModelName = "SIMULATED (xvrcore)", "xvrcore simulate"
    dataset.PatientName, dataset.PatientID = "SIMULATED^XRAY", name
    dataset.PatientBirthDate, dataset.PatientSex, dataset.AccessionNumber = "", "O", ""
    dataset.ReferringPhysicianName, dataset.StudyID = "", "1"
    dataset.StudyDate = dataset.ContentDate = "20260101"
    dataset.StudyTime = dataset.ContentTime = "120000"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.BodyPartExamined = simulated.settings.header.body_part
    return dataset


def _geometry(dataset: Dataset, simulated: SimulatedXray) -> None:
    intrinsics, positioner = simulated.camera.intrinsics, simulated.positioner
    dataset.KVP = "90"
    dataset.DistanceSourceToDetector = f"{simulated.header_sdd_mm:.3f}"
    dataset.ImagerPixelSpacing = [f"{one:.6g}" for one in intrinsics.spacing_mm]
    dataset.PositionerMotion, dataset.PositionerType = "STATIC", "CARM"
    if positioner.source_isocenter_mm is not None:
        dataset.DistanceSourceToPatient = f"{positioner.source_isocenter_mm:.3f}"
        dataset.EstimatedRadiographicMagnificationFactor = \
            f"{simulated.header_sdd_mm / positioner.source_isocenter_mm:.5f}"
    if simulated.settings.header.orientation:
        axes = simulated.camera.ras_from_camera[:3, :2] * [intrinsics.direction, 1]
        dataset.PatientOrientation = [orientation_letters(axes[:, 0]), orientation_letters(axes[:, 1])]
    if positioner.has_angles:
        dataset.PositionerPrimaryAngle = f"{positioner.primary_deg:.4f}"
        dataset.PositionerSecondaryAngle = f"{positioner.secondary_deg:.4f}"


def orientation_letters(direction_ras: np.ndarray) -> str:
    """PatientOrientation (0020,0020) of a direction: its main letter, then those it leans to by over 20 degrees."""
    pairs = zip(direction_ras, ("LR", "PA", "FH"), strict=True)
    leanings = sorted(((abs(part), pair[int(part > 0)]) for part, pair in pairs), reverse=True)
    return "".join(letter for share, letter in leanings if share > np.sin(np.deg2rad(20)))


def collimator_edges(simulated: SimulatedXray) -> tuple[int, int, int, int] | None:
    """First and last open column, first and last open row, of an upright rectangular field; else None."""
    collimator = simulated.settings.collimator
    if collimator.kind != "rectangle" or collimator.roll_deg != 0:
        return None
    columns, rows = np.flatnonzero(simulated.open_field.any(0)), np.flatnonzero(simulated.open_field.any(1))
    return int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])


def _shutters(dataset: Dataset, simulated: SimulatedXray) -> None:
    """PS3.3 C.7.6.11 and C.8.7.3: edges count pixels from 1 and name the outermost open ones."""
    edges, collimator = collimator_edges(simulated), simulated.settings.collimator
    rows, cols = simulated.open_field.shape
    for prefix in ("Shutter", "Collimator"):
        if edges:
            setattr(dataset, f"{prefix}Shape", "RECTANGULAR")
            sides = ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")
            for side, value in zip(sides, edges, strict=True):
                setattr(dataset, f"{prefix}{side}Edge", value + 1)
        elif collimator.kind == "circle":
            setattr(dataset, f"{prefix}Shape", "CIRCULAR")
            center = "CenterOfCircularShutter" if prefix == "Shutter" else "CenterOfCircularCollimator"
            middle = [collimator.center[1] * rows, collimator.center[0] * cols]
            setattr(dataset, center, [round(one + 0.5) for one in middle])
            setattr(dataset, f"RadiusOfCircular{prefix}", round(collimator.size[0] * cols / 2))


def _pixels(dataset: Dataset, simulated: SimulatedXray) -> None:
    encoding, pixels = simulated.settings.encoding, simulated.pixels
    dataset.PixelIntensityRelationship = encoding.kind.removesuffix("INV")
    dataset.WindowCenter, dataset.WindowWidth = str(2 ** (encoding.bits - 1)), str(2 ** encoding.bits)
    if len(pixels) > 1:
        dataset.FrameTime, dataset.FrameIncrementPointer = "66.667", 0x00181063
        dataset.NumberOfFrames = len(pixels)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = encoding.photometric
    dataset.Rows, dataset.Columns = pixels.shape[1:]
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = encoding.bits, encoding.bits - 1, 0
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if encoding.bits == 8 else "OW"
