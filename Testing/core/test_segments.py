"""Segmentations: names and colors from wherever they are written, on the grid of the CT, or a plain refusal."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from xvrcore import rigid
from xvrcore.errors import InputError
from xvrcore.segments import color_of, match_grid, read_names, read_segmentation, restrict_to
from xvrcore.volume import Volume


def blocks(shape=(8, 10, 12)) -> np.ndarray:
    values = np.zeros(shape, np.uint8)
    values[1:4, 2:5, 2:6] = 2
    values[4:7, 5:9, 5:10] = 7
    return values


def write(path, values, tags=(), vector=False):
    image = sitk.GetImageFromArray(values, isVector=vector)
    image.SetSpacing((1.5, 1.0, 2.0))
    for key, value in dict(tags).items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path))
    return path


def slicer_tags(*segments):
    return {f"Segment{n}_{key}": value for n, segment in enumerate(segments) for key, value in segment.items()}


FEMUR = {"Name": "Left femur", "Color": "0.5 0.25 1", "LabelValue": "2", "Layer": "0", "ID": "a"}
TIBIA = {"Name": "Tibia", "Color": "1 0 0", "LabelValue": "7", "Layer": "0", "ID": "b"}


def test_names_and_colors_come_from_the_header_of_slicer(tmp_path):
    found = read_segmentation(write(tmp_path / "s.seg.nrrd", blocks(), slicer_tags(FEMUR, TIBIA)))
    assert [(s.value, s.name, s.color) for s in found.segments] == [
        (2, "Left femur", (0.5, 0.25, 1.0)), (7, "Tibia", (1.0, 0.0, 0.0))]
    np.testing.assert_array_equal(found.labels.values, blocks())


def test_layers_become_one_label_map(tmp_path):
    layers = np.zeros((8, 10, 12, 2), np.uint8)
    layers[1:4, 2:5, 2:6, 0] = 1
    layers[3:6, 2:5, 2:6, 1] = 1
    tags = slicer_tags({**FEMUR, "LabelValue": "1"}, {**TIBIA, "LabelValue": "1", "Layer": "1"})
    found = read_segmentation(write(tmp_path / "s.seg.nrrd", layers, tags, vector=True))
    by_name = {s.name: found.labels.values == s.value for s in found.segments}
    np.testing.assert_array_equal(by_name["Tibia"], layers[..., 1] == 1)
    np.testing.assert_array_equal(by_name["Left femur"], (layers[..., 0] == 1) & (layers[..., 1] == 0))


def test_layers_without_names_and_layers_that_are_not_there_are_refused(tmp_path):
    layers = np.ones((4, 5, 6, 2), np.uint8)
    with pytest.raises(InputError, match="names no segments"):
        read_segmentation(write(tmp_path / "s.nrrd", layers, vector=True))
    with pytest.raises(InputError, match="in layer 5"):
        read_segmentation(write(tmp_path / "t.nrrd", layers, slicer_tags({**FEMUR, "Layer": "5"}), vector=True))


TABLES = {
    "t.csv": "id,structure,r,g,b\n2,Left femur,255,0,51\n7,Tibia,0,255,0\n",
    "diffdrr.csv": "group,original_idx,structure,id\nbones,5,Left femur,2\nbones,6,Tibia,7\n",
    "t.tsv": "label\tname\tred\tgreen\tblue\n2\tLeft femur\t1.0\t0\t0.2\n7\tTibia\t0\t1\t0\n",
    "snap.label": "# ITK-SnAP Label Description File\n    0     0    0    0        0  0  0    \"Clear Label\"\n"
                  "    2   255    0   51        1  1  1    \"Left femur\"\n    7 0 255 0 1 1 1 \"Tibia\"\n",
    "slicer.ctbl": "# Color table file\n# 3 values\n"
                   "0 Background 0 0 0 0\n2 Left_femur 255 0 51 255\n7 Tibia 0 255 0 255\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_tells_the_same_names_and_colors(tmp_path, name):
    (tmp_path / name).write_text(TABLES[name])
    found = read_names(tmp_path / name)
    assert {value: segment.name for value, segment in found.items()} == {2: "Left femur", 7: "Tibia"}
    if name != "diffdrr.csv":
        np.testing.assert_allclose(found[2].color, (1, 0, 0.2))


@pytest.mark.parametrize("name", ["m.nii.gz", "m.seg.nrrd", "m.mha"])
def test_a_table_beside_the_label_map_is_found_and_another_one_goes_before_it(tmp_path, name):
    path = write(tmp_path / name, blocks())
    assert [s.name for s in read_segmentation(path).segments] == ["Segment 2", "Segment 7"]
    (tmp_path / "m.csv").write_text(TABLES["t.csv"])
    (tmp_path / "other.csv").write_text("id,name\n7,Ulna\n")
    assert [s.name for s in read_segmentation(path).segments] == ["Left femur", "Tibia"]
    assert [s.name for s in read_segmentation(path, tmp_path / "other.csv").segments] == ["Segment 2", "Ulna"]


def test_colors_are_valid_the_same_every_time_and_far_apart():
    colors = np.array([color_of(n) for n in range(1, 61)])
    assert colors.min() >= 0
    assert colors.max() <= 1
    assert color_of(5) == color_of(5)
    for window in range(50):
        near = colors[window:window + 10]
        apart = np.linalg.norm(near[:, None] - near[None], axis=-1) + 9 * np.eye(10)
        assert apart.min() > 0.12


@pytest.mark.parametrize(("name", "text", "message"), [
    ("t.csv", "a,b\n1,2\n", "it needs a number"),
    ("t.csv", "id,name\nx,Femur\n", "not a number"),
    ("t.csv", "", "it needs a number"),
    ("t.ctbl", "hello\n", "neither of ITK-SNAP nor of a Slicer"),
    ("t.label", "# nothing\n", "names no segments"),
])
def test_faulty_tables_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_names(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        read_names(tmp_path / "missing.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(InputError, match="not a text file"):
        read_names(tmp_path / "b.csv")


@pytest.fixture
def segmentation(tmp_path):
    (tmp_path / "m.csv").write_text(TABLES["t.csv"])
    return read_segmentation(write(tmp_path / "m.nrrd", blocks()))


def test_the_same_grid_is_left_as_it_is(segmentation):
    reference = Volume(np.zeros(blocks().shape, np.float32), segmentation.labels.ras_from_ijk, "HU")
    assert match_grid(segmentation, reference) is segmentation


def test_another_grid_of_the_same_world_gets_the_label_of_the_nearest_voxel(segmentation, rng):
    labels = segmentation.labels
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec(rng.normal(0, 0.5, 3)).as_matrix() @ np.diag([0.8, -0.9, 1.1])
    turn[:3, 3] = labels.center_ras - turn[:3, :3] @ [9, 8, 7]
    found = match_grid(segmentation, Volume(np.zeros((15, 17, 19), np.float32), turn, "HU")).labels
    np.testing.assert_array_equal(found.ras_from_ijk, turn)
    k, j, i = np.indices(found.values.shape).reshape(3, -1)
    there = rigid.apply(np.linalg.inv(labels.ras_from_ijk) @ turn, np.stack([i, j, k], -1))
    clear = np.abs(there - np.floor(there) - 0.5).min(axis=1) > 1e-6
    index = np.round(there).astype(int)[:, ::-1]
    inside = ((index >= 0) & (index < labels.values.shape)).all(axis=1)
    within = ((there >= 0) & (there <= np.array(labels.values.shape[::-1]) - 1)).all(axis=1)
    expected = np.where(inside, labels.values[tuple(np.where(inside[:, None], index, 0).T)], 0)
    sure = clear & (within | ~inside)
    np.testing.assert_array_equal(found.values.ravel()[sure], expected[sure])
    assert set(np.unique(found.values)) == {0, 2, 7}


def test_a_segmentation_of_another_place_is_refused_with_both_places(segmentation):
    far = segmentation.labels.ras_from_ijk.copy()
    far[:3, 3] += 500
    with pytest.raises(InputError, match=r"does not lie in the volume: it spans .*\.\..* the volume .*RAS mm"):
        match_grid(segmentation, Volume(np.zeros((5, 5, 5), np.float32), far, "HU"))


def test_only_the_chosen_segments_and_their_margin_remain(segmentation):
    labels = segmentation.labels
    full = Volume(np.full(labels.values.shape, 0.02, np.float32), labels.ras_from_ijk, "attenuation")
    exact = restrict_to(full, segmentation, ["tibia"], margin_mm=0).values
    np.testing.assert_array_equal(exact > 0, labels.values == 7)
    wider = restrict_to(full, segmentation, ["tibia"], margin_mm=1.5).values
    grown = np.zeros(labels.values.shape, bool)
    for k, j, i in np.argwhere(labels.values == 7):
        for dk, dj, di in [(0, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]:
            if 0 <= j + dj < grown.shape[1] and 0 <= i + di < grown.shape[2]:
                grown[k + dk, j + dj, i + di] = True
    np.testing.assert_array_equal(wider > 0, grown)


def test_unknown_segments_are_named_with_those_there_are(segmentation):
    with pytest.raises(InputError, match="no segment 'skull', 'atlas'; it has Left femur, Tibia"):
        segmentation.values_of(["tibia", "skull", "atlas"])
    assert segmentation.values_of([" TIBIA ", "left femur"]) == [7, 2]


def test_segments_outside_of_the_volume_cannot_be_chosen(segmentation):
    labels = segmentation.labels
    corner = Volume(np.full((4, 5, 6), 0.02, np.float32), labels.ras_from_ijk, "attenuation")
    with pytest.raises(InputError, match="None of Tibia lies in the volume"):
        restrict_to(corner, segmentation, ["Tibia"])


def test_label_maps_keep_their_integers(tmp_path, rng):
    for top, kind in ((200, np.uint8), (60000, np.uint16)):
        values = rng.integers(0, top, (5, 6, 7)).astype(np.float32)
        values[0, 0, 0] = top
        labels = read_segmentation(write(tmp_path / "l.nii.gz", values)).labels
        assert labels.values.dtype == kind
        assert labels.quantity == "labels"
        np.testing.assert_array_equal(labels.values, values)


@pytest.mark.parametrize(("value", "message"), [(0.5, "fractions"), (-1, "from -1"), (70000, "70000"), (0, "empty")])
def test_what_is_no_label_map_is_refused(tmp_path, value, message):
    values = np.zeros((4, 5, 6), np.float32)
    values[2, 2, 2] = value
    with pytest.raises(InputError, match=message):
        read_segmentation(write(tmp_path / "l.nii.gz", values))
