"""Volumes from files: every voxel where the file puts it, and a plain word about every fault."""

import gzip
import warnings

import numpy as np
import pytest
import SimpleITK as sitk
from volume_files import assert_same_world, image_of, random_phantom, write

from xvrcore.errors import InputError
from xvrcore.volume_io import read_volume, sha256_of

FORMATS = ["v.nii", "v.nii.gz", "v.nrrd", "v.nhdr", "v.mha", "v.mhd"]


@pytest.fixture
def phantom(rng):
    return random_phantom(rng)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_puts_every_voxel_at_its_place(tmp_path, phantom, name, compress):
    volume = read_volume(write(tmp_path / name, *phantom, compress=compress))
    assert_same_world(volume, *phantom)
    assert volume.quantity == "HU"
    assert any("taken as CT" in note for note in volume.notes)


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
