"""Volumes from files: every voxel where the file puts it, and a plain word about every fault."""

import copy
import gzip
import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_slices import ct_slice, enhanced_ct, series_of, write_slices
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from xvrcore import rigid
from xvrcore.errors import InputError
from xvrcore.volume_io import read_volume, sha256_of

FORMATS = ["v.nii", "v.nii.gz", "v.nrrd", "v.nhdr", "v.mha", "v.mhd"]


@pytest.fixture
def phantom(rng):
    """HU of an anisotropic, oblique, non-cubic grid, and its ``ras_from_ijk`` (determinant of random sign)."""
    values = rng.integers(-1000, 1500, (7, 9, 11)).astype(np.int16)
    ras_from_ijk = np.eye(4)
    ras_from_ijk[:3, :3] = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix() \
        @ np.diag([0.7 * rng.choice([-1, 1]), 1.3, 2.5])
    ras_from_ijk[:3, 3] = rng.uniform(-200, 200, 3)
    return values, ras_from_ijk


def image_of(values, ras_from_ijk) -> sitk.Image:
    lps_from_ijk = rigid.RAS_FROM_LPS @ ras_from_ijk
    spacing = np.linalg.norm(lps_from_ijk[:3, :3], axis=0)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps_from_ijk[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps_from_ijk[:3, 3].tolist())
    return image


def write(path, values, ras_from_ijk=None, compress=False):
    if ras_from_ijk is None:
        ras_from_ijk = np.diag([-1, -1, 2, 1.0])
    sitk.WriteImage(image_of(values, ras_from_ijk), str(path), compress)
    return path


def assert_same_world(volume, values, ras_from_ijk):
    """Every voxel has its value at its RAS place, whatever the axes are called."""
    assert volume.values.dtype == np.float32
    places = np.stack(np.meshgrid(*[np.arange(n) for n in values.shape], indexing="ij"), -1).reshape(-1, 3)
    expected = rigid.apply(ras_from_ijk, places[:, ::-1])
    found = np.round(rigid.apply(np.linalg.inv(volume.ras_from_ijk), expected)).astype(int)
    np.testing.assert_allclose(rigid.apply(volume.ras_from_ijk, found), expected, atol=2e-3)
    np.testing.assert_array_equal(volume.values[tuple(found[:, ::-1].T)], values.ravel())


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_puts_every_voxel_at_its_place(tmp_path, phantom, name, compress):
    volume = read_volume(write(tmp_path / name, *phantom, compress=compress))
    assert_same_world(volume, *phantom)
    assert volume.quantity == "HU"
    assert any("taken as CT" in note for note in volume.notes)


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


def test_a_folder_without_images_and_an_xray_are_refused(tmp_path, shared_data):
    with pytest.raises(InputError, match="holds no DICOM image"):
        read_volume(tmp_path)
    for xray in ("xrays/rtk_chest_00.dcm", "xrays/plm_chest_00.dcm", "dicom/xa_multiframe_96_jpeg.dcm"):
        with pytest.raises(InputError, match=r"X-ray|XA|no series of slices"):
            read_volume(shared_data / xray)


def test_the_range_of_values_tells_ct_from_mr(tmp_path, rng):
    mr = write(tmp_path / "mr.nii.gz", rng.integers(0, 900, (8, 9, 10)).astype(np.int16))
    volume = read_volume(mr)
    assert volume.quantity == "MR"
    assert any("taken as MR" in note and "--modality ct" in note for note in volume.notes)
    assert read_volume(mr, "ct").quantity == "HU"
    masked_ct = rng.integers(-150, 900, (8, 9, 10)).astype(np.int16)
    masked_ct[:, :, :6] = 0
    assert read_volume(write(tmp_path / "masked.nii.gz", masked_ct)).quantity == "HU"
    with pytest.raises(InputError, match="choose auto, ct or mr"):
        read_volume(mr, "pet")


def test_an_sform_that_contradicts_the_qform_is_said(tmp_path, rng):
    path = write(tmp_path / "v.nii", rng.integers(-1000, 900, (8, 9, 10)).astype(np.int16))
    assert not any("disagree" in note for note in read_volume(path).notes)
    raw = bytearray(path.read_bytes())
    raw[254:256] = (2).to_bytes(2, "little")                     # sform_code: ITK then trusts the qform
    raw[292:296] = np.float32(25).tobytes()                      # srow_x[3]
    path.write_bytes(raw)
    assert any("disagree by up to 25 mm" in note for note in read_volume(path).notes)


def test_a_sheared_sform_is_refused(tmp_path, rng):
    path = write(tmp_path / "v.nii", rng.integers(-1000, 900, (8, 9, 10)).astype(np.int16))
    raw = bytearray(path.read_bytes())
    raw[252:254] = (0).to_bytes(2, "little")                     # no qform
    raw[284:288] = np.float32(0.4).tobytes()                     # srow_x[1]
    path.write_bytes(raw)
    with pytest.raises(InputError, match="not perpendicular"):
        read_volume(path)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_truncated_files_are_refused(tmp_path, phantom, name, compress):
    path = write(tmp_path / name, *phantom, compress=compress)
    data = max(tmp_path.iterdir(), key=lambda p: p.stat().st_size)
    data.write_bytes(data.read_bytes()[:int(data.stat().st_size * 0.8)])
    with pytest.raises(InputError, match=r"truncated") as caught:
        read_volume(path)
    assert f"{tmp_path}" in str(caught.value)


def test_a_gzip_file_with_something_after_the_volume_is_read(tmp_path, phantom):
    path = write(tmp_path / "v.nii", *phantom)
    packed = tmp_path / "w.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()[:400]) + gzip.compress(path.read_bytes()[400:] + bytes(10)))
    assert_same_world(read_volume(packed), *phantom)


def test_a_fourth_axis_of_length_one_is_dropped_and_a_longer_one_refused(tmp_path, phantom):
    values, ras_from_ijk = phantom
    image = image_of(values, ras_from_ijk)
    for count in (1, 3):
        sitk.WriteImage(sitk.JoinSeries([image] * count), str(tmp_path / f"{count}.nii"))
    assert_same_world(read_volume(tmp_path / "1.nii"), values, ras_from_ijk)
    with pytest.raises(InputError, match=r"4-D \(11 x 9 x 7 x 3\)"):
        read_volume(tmp_path / "3.nii")


@pytest.mark.parametrize(("values", "message"), [
    (np.zeros((4, 5, 6), np.int16), "constant"),
    (np.where(np.arange(120).reshape(4, 5, 6) == 7, np.nan, 3).astype(np.float32), "1 voxels that are not numbers"),
    (np.where(np.arange(120).reshape(4, 5, 6) == 7, np.inf, 3).astype(np.float32), "1 voxels that are not numbers"),
    (np.arange(30, dtype=np.int16).reshape(1, 5, 6), "2-D image"),
])
def test_unusable_values_are_refused(tmp_path, values, message):
    with pytest.raises(InputError, match=message) as caught:
        read_volume(write(tmp_path / "v.nrrd", values))
    assert "v.nrrd" in str(caught.value)


def test_pictures_vectors_and_colors_are_refused(tmp_path):
    picture = np.arange(30, dtype=np.uint8).reshape(5, 6)
    sitk.WriteImage(sitk.GetImageFromArray(picture), str(tmp_path / "x.png"))
    with pytest.raises(InputError, match="2-D image"):
        read_volume(tmp_path / "x.png")
    vectors = np.arange(360, dtype=np.float32).reshape(4, 5, 6, 3)
    sitk.WriteImage(sitk.GetImageFromArray(vectors, isVector=True), str(tmp_path / "v.nrrd"))
    with pytest.raises(InputError, match="3 values in each voxel"):
        read_volume(tmp_path / "v.nrrd")


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_volume(tmp_path / "none.nii")
    for name, content in (("notes.txt", b"hello"), ("v.nii.gz", b"\x1f\x8bnonsense"), ("v.nrrd", b"NRRD0004\n"),
                          ("empty.nii", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name) as caught:
            read_volume(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_hashes_follow_the_content(tmp_path, phantom):
    first = read_volume(write(tmp_path / "a.nii", *phantom))
    assert first.sha256 == sha256_of([tmp_path / "a.nii"]) == read_volume(tmp_path / "a.nii").sha256
    header = write(tmp_path / "b.mhd", *phantom)
    before = read_volume(header).sha256
    data = bytearray((tmp_path / "b.raw").read_bytes())
    data[0] ^= 1
    (tmp_path / "b.raw").write_bytes(data)
    assert read_volume(header).sha256 != before


def test_reading_leaves_itk_warnings_as_they_were(tmp_path, phantom):
    path = write(tmp_path / "a.nii", *phantom)
    sitk.ProcessObject.SetGlobalWarningDisplay(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_volume(path)
    assert sitk.ProcessObject.GetGlobalWarningDisplay()
