"""Synthetic DICOM series for tests: CT slices that stand anywhere, sound or faulty in chosen ways."""

import copy
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

from xvrcore import rigid


def ct_slice(values: np.ndarray, position_lps, orientation, spacing, **tags) -> Dataset:
    """One CT slice (stored int16, rescale 1 and -1024) of HU ``values`` (rows, cols)."""
    slope, intercept = float(tags.get("RescaleSlope", 1)), float(tags.get("RescaleIntercept", -1024))
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.Modality, ds.PatientName, ds.PatientID = "CT", "Phantom^Synthetic", "0"
    ds.StudyInstanceUID = ds.FrameOfReferenceUID = ds.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    ds.SeriesNumber, ds.SeriesDescription = 3, "thin"
    ds.Rows, ds.Columns = values.shape
    ds.PixelSpacing = [f"{spacing[1]:.10g}", f"{spacing[0]:.10g}"]
    ds.ImageOrientationPatient = [f"{x:.10f}" for x in np.ravel(orientation)]
    ds.ImagePositionPatient = [f"{x:.10f}" for x in position_lps]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleSlope, ds.RescaleIntercept = slope, intercept
    ds.PixelData = np.round((values - intercept) / slope).astype("<i2").tobytes()
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


def series_of(values: np.ndarray, ras_from_ijk: np.ndarray, **tags) -> list[Dataset]:
    """The slices of a volume [k, j, i], in the order of k."""
    lps_from_ijk = rigid.RAS_FROM_LPS @ ras_from_ijk
    spacing = np.linalg.norm(lps_from_ijk[:3, :3], axis=0)
    orientation = (lps_from_ijk[:3, :2] / spacing[:2]).T
    return [ct_slice(plane, rigid.apply(lps_from_ijk, [0, 0, k]), orientation, spacing, **tags)
            for k, plane in enumerate(values)]


def enhanced_ct(slices: list[Dataset], order) -> Dataset:
    """One multi-frame object (PS3.3 C.7.6.16) of slices, its frames in a given order."""
    def nested(sequence, source, *tags):
        item, group = Dataset(), Dataset()
        for tag in tags:
            setattr(item, tag, source[tag].value)
        setattr(group, sequence, [item])
        return group

    ds = copy.deepcopy(slices[0])
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = EnhancedCTImageStorage
    shared = nested("PixelMeasuresSequence", ds, "PixelSpacing")
    shared.update(nested("PlaneOrientationSequence", ds, "ImageOrientationPatient"))
    shared.update(nested("PixelValueTransformationSequence", ds, "RescaleSlope", "RescaleIntercept"))
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = [nested("PlanePositionSequence", slices[n], "ImagePositionPatient")
                                           for n in order]
    for tag in ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "RescaleSlope", "RescaleIntercept"):
        del ds[tag]
    ds.NumberOfFrames = len(slices)
    ds.PixelData = b"".join(slices[n].PixelData for n in order)
    return ds


def write_slices(folder: Path, slices: list[Dataset]) -> Path:
    """Write slices under names that say nothing about their order."""
    folder.mkdir(parents=True, exist_ok=True)
    for ds in slices:
        ds.save_as(folder / f"{ds.SOPInstanceUID[-12:]}", enforce_file_format=True)
    return folder
