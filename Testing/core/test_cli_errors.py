"""What the command line says of wrong input and of what the system refuses: one line, and nothing is written."""

import errno
import json
import os

import numpy as np
import pydicom
import pytest
from cli_files import case, complaint, save
from PIL import Image

from xvrcore.cli import inputs, main


def _not_dicom(folder, on_disk):
    (folder / "letter.dcm").write_text("Dear colleague,")
    return "letter.dcm", ["--xray", str(folder / "letter.dcm")]


def _empty(folder, on_disk):
    (folder / "empty.dcm").touch()
    return "empty.dcm", ["--xray", str(folder / "empty.dcm")]


def _missing_xray(folder, on_disk):
    return "nowhere.dcm", ["--xray", str(folder / "nowhere.dcm")]


def _missing_volume(folder, on_disk):
    return "nowhere.nii.gz", ["--volume", str(folder / "nowhere.nii.gz")]


def _truncated(folder, on_disk):
    content = (on_disk / "xray.dcm").read_bytes()
    (folder / "half.dcm").write_bytes(content[:len(content) // 2])
    return "half.dcm", ["--xray", str(folder / "half.dcm")]


def _no_geometry(folder, on_disk):
    Image.fromarray(np.arange(10000, dtype=np.uint16).reshape(100, 100)).save(folder / "bare.png")
    return "--sdd-mm", ["--xray", str(folder / "bare.png")]


def _zero_spacing(folder, on_disk):
    return "pixel spacing", ["--pixel-spacing-mm", "0"]


def _negative_spacing(folder, on_disk):
    dataset = pydicom.dcmread(on_disk / "xray.dcm")
    dataset.ImagerPixelSpacing = [-0.5, -0.5]
    dataset.save_as(folder / "negative.dcm")
    return "negative.dcm", ["--xray", str(folder / "negative.dcm")]


def _volume_as_xray(folder, on_disk):
    return "ct.nii.gz", ["--xray", str(on_disk / "ct.nii.gz"), "--sdd-mm", "1000", "--pixel-spacing-mm", "1"]


def _picture_as_volume(folder, on_disk):
    save(np.zeros((64, 64), np.int16), folder / "flat.nii.gz")
    return "flat.nii.gz", ["--volume", str(folder / "flat.nii.gz")]


def _nan_xray(folder, on_disk):
    image = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    image[5, 5] = np.nan
    save(image, folder / "nan.nrrd")
    return "nan.nrrd", ["--xray", str(folder / "nan.nrrd"), "--sdd-mm", "1000", "--pixel-spacing-mm", "1"]


def _constant_xray(folder, on_disk):
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(folder / "gray.png")
    return "gray.png", ["--xray", str(folder / "gray.png"), "--sdd-mm", "1000", "--pixel-spacing-mm", "1"]


def _nan_volume(folder, on_disk):
    values = np.zeros((8, 8, 8), np.float32)
    values[2, 2, 2], values[3, 3, 3] = np.nan, 100
    save(values, folder / "nan.nii.gz")
    return "nan.nii.gz", ["--volume", str(folder / "nan.nii.gz")]


def _constant_volume(folder, on_disk):
    save(np.full((8, 8, 8), 40, np.int16), folder / "constant.nii.gz")
    return "constant.nii.gz", ["--volume", str(folder / "constant.nii.gz")]


def _missed_volume(folder, on_disk):
    """A pose that looks away from the CT."""
    lost = json.loads((on_disk / "pose.json").read_text(encoding="utf-8"))
    for record in (lost, lost["initial"], lost["final"]):
        record["ras_from_camera"][0][3] += 5000
        matrix = np.linalg.inv(record["ras_from_camera"])[:3]
        k = record["intrinsics"]
        sign = -1 if record["image_flipped"] else 1
        calibration = [[sign * k["sdd_mm"] / k["spacing_mm"][1], 0, k["principal_point_px"][0]],
                       [0, k["sdd_mm"] / k["spacing_mm"][0], k["principal_point_px"][1]], [0, 0, 1]]
        record["projection_ras"] = (np.array(calibration) @ matrix).tolist()
    lost["candidates"] = []
    (folder / "lost.json").write_text(json.dumps(lost))
    return "ct.nii.gz", ["--initial-pose", str(folder / "lost.json")]


def _file_as_folder(folder, on_disk):
    (folder / "taken").write_text("a file")
    return "taken", ["--out", str(folder / "taken" / "out")]


def _foreign_segmentation(folder, on_disk):
    save(np.ones((20, 20, 20), np.uint8), folder / "elsewhere.nii.gz", origin=(9000.0, 0.0, 0.0))
    return "elsewhere.nii.gz", ["--segmentation", str(folder / "elsewhere.nii.gz")]


def _unknown_segment(folder, on_disk):
    return "femur", ["--segmentation", str(on_disk / "labels.nii.gz"), "--only-segments", "femur"]


def _unknown_landmark(folder, on_disk):
    (folder / "points.csv").write_text("name,r,a,s\na,0,0,0\nb,9,0,0\nc,0,9,0\nd,0,0,9\n")
    (folder / "pixels.csv").write_text("name,u,v\na,50,50\nb,60,50\nc,50,60\nknee,70,70\n")
    return "knee", ["--landmarks-3d", str(folder / "points.csv"), "--landmarks-2d", str(folder / "pixels.csv")]


def _half_the_landmarks(folder, on_disk):
    return "--landmarks-2d", ["--landmarks-3d", str(folder / "points.csv")]


def _not_a_pose(folder, on_disk):
    (folder / "pose.json").write_text("{}")
    return "pose.json", ["--initial-pose", str(folder / "pose.json")]


def _no_angles(folder, on_disk):
    return "xray.dcm", ["--start", "header", "--ignore-angles"]


def _no_such_start(folder, on_disk):
    return "magic", ["--start", "magic"]


def _other_truth(folder, on_disk):
    truth = json.loads((on_disk / "xray_truth.json").read_text(encoding="utf-8"))
    truth["images"][0]["image"] = "another"
    (folder / "other_truth.json").write_text(json.dumps(truth))
    return "other_truth.json", ["--truth", str(folder / "other_truth.json")]


def _no_threads(folder, on_disk):
    return "0 threads", ["--threads", "0"]


WRONG = [_not_dicom, _empty, _missing_xray, _missing_volume, _truncated, _no_geometry, _zero_spacing, _negative_spacing,
         _volume_as_xray, _picture_as_volume, _nan_xray, _constant_xray, _nan_volume, _constant_volume, _missed_volume,
         _file_as_folder, _foreign_segmentation, _unknown_segment, _unknown_landmark, _half_the_landmarks, _not_a_pose,
         _no_angles, _no_such_start, _other_truth, _no_threads]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__.strip("_"))
def test_wrong_input_is_one_line_that_names_it_and_nothing_is_written(wrong, on_disk, registered, tmp_path, capsys):
    (on_disk / "pose.json").write_bytes((registered / "pose.json").read_bytes())
    named, arguments = wrong(tmp_path, on_disk)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert main(["register", *case(on_disk), "--out", str(tmp_path / "out"), *arguments]) == 2
    line = complaint(capsys)
    assert line.startswith("xvrcore: error: ")
    assert named in line
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_pixels_that_cannot_be_decoded_are_named(shared_data, on_disk, tmp_path, capsys):
    broken = shared_data / "dicom" / "dx_broken_j2k_stream.dcm"
    assert main(["register", *case(on_disk), "--xray", str(broken), "--out", str(tmp_path / "out")]) == 2
    assert broken.name in complaint(capsys)
    assert not (tmp_path / "out").exists()


def test_one_wrong_xray_among_many_stops_before_the_work(on_disk, tmp_path, capsys):
    assert main(["register", *case(on_disk), str(tmp_path / "gone.dcm"), "--out", str(tmp_path / "out")]) == 2
    assert "gone.dcm" in complaint(capsys)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_half_written(on_disk, tmp_path, capsys, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["register", *case(on_disk), "--out", str(tmp_path / "out")]) == 2
    assert "full" in complaint(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("arguments", "named"), [
    (["--out", "x.png"], "x.png"), (["--out", "x.dcm", "--rows", "0"], "0 rows"),
    (["--out", "x.dcm", "--sdd-mm", "-5"], "detector"), (["--out", "x.dcm", "--encoding-kind", "SQRT"], "SQRT"),
    (["--out", "x.dcm", "--isocenter-ras", "9000", "0", "0"], "ct.nii.gz"),
    (["--out", "x.dcm", "--metal-share", "2"], "--metal-share"),
    (["--out", "x.dcm", "--settings", "nothing.json"], "nothing.json")])
def test_wrong_simulations_are_refused(arguments, named, on_disk, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "--volume", str(on_disk / "ct.nii.gz"), *arguments]) == 2
    assert named in complaint(capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("fault", "code", "words"), [
    (MemoryError(), 1, "memory is used up"),
    (PermissionError(errno.EACCES, "Permission denied", "ct.nii.gz"), 2, "ct.nii.gz: ")])
def test_what_the_system_refuses_is_one_line(on_disk, tmp_path, capsys, monkeypatch, fault, code, words):
    def refuse(*_):
        raise fault

    monkeypatch.setattr(inputs, "read_volume", refuse)
    assert main(["register", *case(on_disk), "--out", str(tmp_path)]) == code
    assert words in complaint(capsys)


def test_evaluation_needs_something_to_measure_against(registered, capsys):
    assert main(["evaluate", "--pose", str(registered / "pose.json")]) == 2
    assert "--truth" in complaint(capsys)
