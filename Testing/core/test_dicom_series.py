"""CT and MR as DICOM series: slices where their headers put them, and a plain word about what is no even grid."""

import copy
from contextlib import suppress

import numpy as np
import pydicom
import pytest
from dicom_slices import ct_slice, enhanced_ct, series_of, write_slices
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import generate_uid
from volume_files import assert_same_world, random_phantom

from xvrcore.errors import InputError
from xvrcore.volume_io import read_volume


@pytest.fixture
def phantom(rng):
    return random_phantom(rng)


def test_a_dicom_series_puts_every_voxel_at_its_place(tmp_path, phantom, rng):
    values, ras_from_ijk = phantom
    slices = series_of(values, ras_from_ijk)
    folder = write_slices(tmp_path / "study", [slices[n] for n in rng.permutation(len(slices))])
    volume = read_volume(folder)
    assert_same_world(volume, values, ras_from_ijk)
    assert volume.quantity == "HU"
    assert any("CT by its DICOM header" in note for note in volume.notes)
    assert_same_world(read_volume(next(folder.iterdir())), values, ras_from_ijk)


def test_rescale_that_differs_between_slices_is_applied_to_each(tmp_path):
    values = np.arange(4 * 6 * 6).reshape(4, 6, 6) * 0.5 - 60
    slices = series_of(values[:2], np.eye(4), RescaleSlope=0.5, RescaleIntercept=-100)
    orientation = np.eye(3)[:2] * [[-1], [-1]]
    slices += [ct_slice(values[k], [0, 0, k], orientation, (1, 1), RescaleSlope=0.25, RescaleIntercept=-100)
               for k in (2, 3)]
    slices[0].ImageOrientationPatient = slices[1].ImageOrientationPatient = slices[2].ImageOrientationPatient
    np.testing.assert_allclose(read_volume(write_slices(tmp_path / "s", slices)).values, values)


def test_the_frames_of_an_enhanced_object_stand_where_their_own_groups_say(tmp_path, phantom, rng):
    values, ras_from_ijk = phantom
    order = rng.permutation(len(values))
    path = tmp_path / "enhanced.dcm"
    enhanced_ct(series_of(values, ras_from_ijk), order).save_as(path, enforce_file_format=True)
    volume = read_volume(path)
    assert_same_world(volume, values, ras_from_ijk)
    assert volume.quantity == "HU"


def test_a_tilted_gantry_keeps_its_sheared_grid(tmp_path, rng):
    values = rng.integers(-1000, 1000, (6, 8, 9)).astype(np.int16)
    sheared = np.array([[-0.8, 0, 0, 5], [0, -0.8, 0.7, 6], [0, 0, 3, 7], [0, 0, 0, 1]])
    volume = read_volume(write_slices(tmp_path / "s", series_of(values, sheared)))
    assert_same_world(volume, values, sheared)
    assert any("gantry tilt of 13.1 degrees" in note for note in volume.notes)


def test_the_largest_series_of_ct_is_taken_and_said(tmp_path, phantom):
    values, ras_from_ijk = phantom
    folder = write_slices(tmp_path / "study" / "a", series_of(values, ras_from_ijk))
    write_slices(tmp_path / "study" / "b", series_of(values[:3], ras_from_ijk, SeriesInstanceUID=generate_uid()))
    write_slices(tmp_path / "study" / "c", series_of(np.tile(values, (3, 1, 1)), ras_from_ijk, Modality="PT",
                                                     SeriesInstanceUID=generate_uid()))
    (folder / "readme.txt").write_text("not an image")
    volume = read_volume(tmp_path / "study")
    assert_same_world(volume, values, ras_from_ijk)
    assert any('2 more series; series 3 "thin" with 7 slices was taken' in note for note in volume.notes)


def test_series_of_equal_size_must_be_chosen_by_a_file(tmp_path, phantom):
    values, ras_from_ijk = phantom
    write_slices(tmp_path, series_of(values, ras_from_ijk))
    other = series_of(values + 1, ras_from_ijk, SeriesInstanceUID=generate_uid(), SeriesDescription="soft")
    write_slices(tmp_path, other)
    with pytest.raises(InputError, match=r'several series of 7 images: .*"thin".*"soft"|"soft".*"thin"'):
        read_volume(tmp_path)
    assert_same_world(read_volume(tmp_path / other[0].SOPInstanceUID[-12:]), values + 1, ras_from_ijk)


def test_copies_of_slices_are_left_out(tmp_path, phantom):
    values, ras_from_ijk = phantom
    slices = series_of(values, ras_from_ijk)
    write_slices(tmp_path / "a", slices)
    write_slices(tmp_path / "b", slices[2:4])
    volume = read_volume(tmp_path)
    assert_same_world(volume, values, ras_from_ijk)
    assert any("2 copies" in note for note in volume.notes)


def faulty_series(slices, fault):
    if fault == "missing":
        return slices[:3] + slices[4:]
    if fault == "two phases":
        again = copy.deepcopy(slices)
        for ds in again:
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        return slices + again
    if fault == "wandering":
        slices[2].ImagePositionPatient = [slices[2].ImagePositionPatient[0] + 5, *slices[2].ImagePositionPatient[1:]]
    if fault == "no position":
        for ds in slices:
            del ds.ImagePositionPatient
    if fault == "one slice":
        return slices[:1]
    if fault == "spacing":
        slices[1].PixelSpacing = [0.9, 0.9]
    return slices


@pytest.mark.parametrize(("fault", "message"), [
    ("missing", r"uneven: 4 mm between its slices 3 and 4, 2 mm elsewhere"),
    ("two phases", "places already taken"),
    ("wandering", "do not stand on one line"),
    ("no position", r"lacks Image Position \(Patient\)"),
    ("one slice", "no series of slices"),
    ("spacing", "mixes pixel spacings"),
])
def test_series_that_form_no_even_grid_are_refused(tmp_path, fault, message):
    values = np.random.default_rng(0).integers(-1000, 1000, (6, 8, 9))
    slices = faulty_series(series_of(values, np.diag([-1, -1, 2, 1.0])), fault)
    with pytest.raises(InputError, match=message) as caught:
        read_volume(write_slices(tmp_path / "series", slices))
    assert "series" in str(caught.value)


@pytest.mark.parametrize("victim", [0, 3, -1])
def test_a_truncated_slice_is_refused(tmp_path, phantom, victim):
    slices = series_of(*phantom)
    folder = write_slices(tmp_path / "series", slices)
    file = next(folder.glob(f"*{slices[victim].SOPInstanceUID[-12:]}"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"series cannot be read: it is damaged"):
        read_volume(folder)


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "RescaleSlope",
                                     "RescaleIntercept", "NumberOfFrames"])
@pytest.mark.parametrize("raw", [b"x ", b"nan ", b"1\\x ", b"1e999\\1\\1 "])
def test_a_slice_with_a_malformed_value_is_refused_or_left_out_and_said(tmp_path, phantom, keyword, raw):
    slices = series_of(*phantom)
    folder = write_slices(tmp_path / "series", slices)
    file = next(folder.glob(f"*{slices[0].SOPInstanceUID[-12:]}"))
    header, tag = pydicom.dcmread(file), Tag(keyword)
    header[tag] = RawDataElement(tag, dictionary_VR(tag), len(raw), raw, 0, False, True)
    header.save_as(file)
    with suppress(InputError):
        volume = read_volume(folder)
        assert len(volume.values) == len(slices) - 1
        assert any("1 damaged" in note for note in volume.notes)


def test_a_folder_without_images_and_an_xray_are_refused(tmp_path, shared_data):
    with pytest.raises(InputError, match="holds no DICOM image"):
        read_volume(tmp_path)
    for xray in ("xrays/rtk_chest_00.dcm", "xrays/plm_chest_00.dcm", "dicom/xa_multiframe_96_jpeg.dcm"):
        with pytest.raises(InputError, match=r"X-ray|XA|no series of slices"):
            read_volume(shared_data / xray)
