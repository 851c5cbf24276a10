"""pose.json: what is written is read back to the last bit, is valid JSON, and is refused when it is damaged."""

import json
from dataclasses import replace

import numpy as np
import pytest
from result_examples import example_result, example_volume, random_camera

from xvrcore import files
from xvrcore.errors import InputError
from xvrcore.pose_file import pose_file_of, read_pose, write_pose


@pytest.fixture
def pose(rng):
    radiograph, result = example_result(rng)
    return pose_file_of(radiograph, result, example_volume(), seed=7)


@pytest.fixture
def written(pose, tmp_path):
    path = tmp_path / "pose.json"
    write_pose(path, pose)
    return path


def change(path, edit):
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    return path


def test_reading_gives_back_every_bit_of_every_camera(rng, tmp_path):
    for _ in range(50):
        radiograph, result = example_result(rng, random_camera(rng))
        pose = pose_file_of(radiograph, result, example_volume())
        write_pose(tmp_path / "pose.json", pose)
        back = read_pose(tmp_path / "pose.json")
        pairs = [(pose.camera, back.camera), (pose.initial, back.initial), (pose.final, back.final)]
        pairs += [(a.camera, b.camera) for a, b in zip(pose.candidates, back.candidates, strict=True)]
        for ours, theirs in pairs:
            assert ours.intrinsics == theirs.intrinsics
            assert ours.ras_from_camera.tobytes() == theirs.ras_from_camera.tobytes()


def test_reading_gives_back_everything_else(pose, written):
    back = read_pose(written)
    for name in ("verdict", "scores", "polarity", "weak_mm", "timings_s", "backend", "device", "versions", "inputs",
                 "frame", "seed", "notes", "created"):
        assert getattr(back, name) == getattr(pose, name), name
    assert [(c.start, c.polarity, c.score) for c in back.candidates] == \
        [(c.start, c.polarity, c.score) for c in pose.candidates]
    assert {k: (o.source, o.detail) for k, o in back.provenance.items()} == \
        {k: (o.source, o.detail) for k, o in pose.provenance.items()}


def test_writing_what_was_read_gives_the_same_file(written, tmp_path):
    write_pose(tmp_path / "again.json", read_pose(written))
    assert (tmp_path / "again.json").read_bytes() == written.read_bytes()


def test_the_written_projection_maps_points_to_stored_pixels(pose, written, rng):
    document = json.loads(written.read_text())
    points = rng.uniform(-80, 80, (20, 3))
    u, v, depth = np.array(document["projection_ras"]) @ np.c_[points, np.ones(20)].T
    assert np.allclose(np.c_[u, v] / depth[:, None], pose.camera.project(points)[0], atol=1e-9)
    assert np.linalg.det(np.array(document["ras_from_camera"])[:3, :3]) > 0


def test_figures_that_are_not_finite_stay_valid_json(pose, tmp_path):
    path = tmp_path / "pose.json"
    write_pose(path, replace(pose, scores={"similarity": float("nan"), "other": np.float32(0.5)},
                             weak_mm={"along the beam": float("inf")}))
    document = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert document["similarity"] is None
    assert document["weak_mm"] == {"along the beam": None}
    assert np.isnan(read_pose(path).scores["similarity"])


@pytest.mark.parametrize(("name", "edit"), [
    ("schema_version", lambda d: d.update(schema_version=99)),
    ("schema_version", lambda d: d.pop("schema_version")),
    ("ras_from_camera", lambda d: d.pop("ras_from_camera")),
    ("ras_from_camera", lambda d: d["ras_from_camera"][0].__setitem__(3, float("nan"))),
    ("ras_from_camera", lambda d: d["ras_from_camera"][0].__setitem__(3, None)),
    ("ras_from_camera", lambda d: d["ras_from_camera"].pop()),
    ("not rigid", lambda d: d.update(ras_from_camera=(1.5 * np.array(d["ras_from_camera"])).tolist())),
    ("ras_from_camera mirrors", lambda d: d.update(ras_from_camera=np.diag([-1.0, 1, 1, 1]).tolist())),
    ("intrinsics.sdd_mm", lambda d: d["intrinsics"].pop("sdd_mm")),
    ("intrinsics.spacing_mm", lambda d: d["intrinsics"].update(spacing_mm=[0.1, float("inf")])),
    ("pixel spacing", lambda d: d["intrinsics"].update(spacing_mm=[0.1, -0.1])),
    ("intrinsics.rows", lambda d: d["intrinsics"].update(rows="many")),
    ("image_flipped", lambda d: d.pop("image_flipped")),
    ("projection_ras", lambda d: d["projection_ras"][0].__setitem__(0, d["projection_ras"][0][0] + 5)),
    ("verdict", lambda d: d.update(verdict="splendid")),
    ("confidence", lambda d: d.update(confidence=1.5)),
    ("polarity", lambda d: d.update(polarity=0)),
    ("initial", lambda d: d.pop("initial")),
    ("final.ras_from_camera", lambda d: d["final"].pop("ras_from_camera")),
    ("candidates[1].intrinsics", lambda d: d["candidates"][1].pop("intrinsics")),
    ("candidates[0]", lambda d: d["candidates"].__setitem__(0, 5)),
    ("provenance.sdd_mm.source", lambda d: d["provenance"]["sdd_mm"].pop("source")),
    ("scores.similarity", lambda d: d["scores"].update(similarity="good")),
])
def test_a_damaged_file_is_refused_in_one_line_naming_file_and_field(written, name, edit):
    change(written, edit)
    with pytest.raises(InputError) as error:
        read_pose(written)
    message = str(error.value)
    assert str(written) in message
    assert name in message
    assert "\n" not in message


@pytest.mark.parametrize("content", ["", "{", "[]", "5", "{}", '{"schema_version": 1}'])
def test_what_is_not_a_pose_file_is_refused(tmp_path, content):
    path = tmp_path / "pose.json"
    path.write_text(content)
    with pytest.raises(InputError, match="pose.json"):
        read_pose(path)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="nowhere.json"):
        read_pose(tmp_path / "nowhere.json")


def test_a_failure_while_writing_leaves_the_old_file_and_no_other(pose, written, monkeypatch):
    before = written.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match="disk is full"):
        write_pose(written, replace(pose, seed=8))
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_a_file_in_place_of_the_folder_is_said_plainly(pose, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="taken"):
        write_pose(tmp_path / "taken" / "pose.json", pose)
