"""The folder of a result: everything is in it or nothing has changed, and what is not ours is left alone."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from result_examples import BallProjector, example_result, example_volume, random_camera

from xvrcore import outputs
from xvrcore import pictures as picture_sizes
from xvrcore.errors import InputError
from xvrcore.files import staged
from xvrcore.outputs import write_outputs
from xvrcore.pose_file import read_pose
from xvrcore.segments import Segment, Segmentation
from xvrcore.volume import Volume


@pytest.fixture
def made(rng, monkeypatch):
    """Radiograph, result, projector and volume, as write_outputs takes them; small pictures, to be quick."""
    monkeypatch.setattr(picture_sizes, "SMALLEST_SIDE_PX", 64)
    radiograph, result = example_result(rng, random_camera(rng))
    return radiograph, result, BallProjector(np.zeros(3), 30.0), example_volume()


@pytest.fixture
def segmentation():
    values = np.zeros((8, 8, 8), np.uint16)
    values[2:6, 2:6, 2:6] = 1
    matrix = np.diag([6.0, 6, 6, 1])
    matrix[:3, 3] = -21
    return Segmentation(Volume(values, matrix, "labels", Path("cube.nrrd")), (Segment(1, "cube", (1.0, 0.0, 0.0)),))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_files_are_there_and_can_be_read(made, segmentation, tmp_path):
    folder = tmp_path / "new" / "deep"
    pose = write_outputs(folder, *made, segmentation=segmentation, landmarks={"tip": np.zeros(3)}, seed=5)
    assert {path.name for path in folder.iterdir()} == set(outputs.NAMES)
    back = read_pose(folder / "pose.json")
    assert back.camera.ras_from_camera.tobytes() == pose.camera.ras_from_camera.tobytes()
    assert back.inputs["segmentation"]["path"] == "cube.nrrd"
    assert back.seed == 5
    assert json.loads((folder / "outlines.json").read_text())["segments"][0]["name"] == "cube"
    for picture in folder.glob("*.png"):
        assert Image.open(picture).convert("L").getextrema()[1] > 100


def test_a_new_result_replaces_the_old_one_wholly(made, segmentation, tmp_path):
    write_outputs(tmp_path, *made, segmentation=segmentation, landmarks={"tip": np.zeros(3)}, seed=1)
    write_outputs(tmp_path, *made, seed=2)
    assert {path.name for path in tmp_path.iterdir()} == \
        set(outputs.NAMES) - {"outlines.json", "segments.png", "landmarks.png"}
    assert read_pose(tmp_path / "pose.json").seed == 2


@pytest.mark.parametrize("step", ["make_pictures", "_save", "write_report", "write_pose"])
def test_a_failure_on_the_way_leaves_the_old_result_as_it_was(made, tmp_path, monkeypatch, step):
    write_outputs(tmp_path / "out", *made, seed=1)
    before = content(tmp_path / "out")

    def fail(*_, **__):
        raise RuntimeError("pulled the plug")

    monkeypatch.setattr(outputs, step, fail)
    with pytest.raises(RuntimeError, match="plug"):
        write_outputs(tmp_path / "out", *made, seed=2)
    assert content(tmp_path / "out") == before


def test_a_failure_on_the_way_leaves_no_new_folder(made, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "write_report", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_outputs(tmp_path / "new" / "deep", *made)
    assert list(tmp_path.iterdir()) == []


def test_files_of_others_stay(made, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    write_outputs(tmp_path, *made)
    write_outputs(tmp_path, *made)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["xray.png", "report.html", "pose.json"])
def test_a_file_that_only_has_the_name_of_ours_is_not_overwritten(made, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=name):
        write_outputs(tmp_path, *made)
    assert content(tmp_path) == {name: b"mine"}


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission"),
                                             (errno.EROFS, "read-only")])
def test_a_place_that_cannot_be_written_is_said_in_one_line(made, tmp_path, monkeypatch, code, words):
    def fail(*_, **__):
        raise OSError(code, "os says so")

    monkeypatch.setattr(outputs, "_save", fail)
    with pytest.raises(InputError) as error:
        write_outputs(tmp_path / "out", *made)
    assert words in str(error.value)
    assert str(tmp_path / "out") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_in_place_of_the_folder_is_an_input_error(made, tmp_path):
    (tmp_path / "taken").write_text("mine")
    for folder in (tmp_path / "taken", tmp_path / "taken" / "inside"):
        with pytest.raises(InputError, match="taken"):
            write_outputs(folder, *made)
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_last_file_comes_last(tmp_path, monkeypatch):
    order, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: order.append(self.name) or replace(self, to))
    with staged(tmp_path, last="b") as stage:
        for name in "abc":
            (stage / name).write_text(name)
        assert [path.name for path in tmp_path.iterdir()] == [stage.name]
    assert order == ["a", "c", "b"]
    assert sorted(content(tmp_path)) == ["a", "b", "c"]
