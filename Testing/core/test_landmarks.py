"""Landmarks: one place in RAS whatever file tells it, paired by name."""

import json

import numpy as np
import pytest

from xvrcore.errors import InputError
from xvrcore.landmarks import match, read_pixels, read_points

POINTS = {"tip": (10.5, -20.25, 30.0), "left head": (-40.0, 5.5, 12.0)}


def lps(point):
    return [-point[0], -point[1], point[2]]


def markups(system):
    turn = lps if system == "LPS" else list
    return json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": [
        {"label": name, "position": turn(p), "positionStatus": "defined"} for name, p in POINTS.items()]
        + [{"label": "pending", "position": [0, 0, 0], "positionStatus": "undefined"}]}]})


def fcsv(system):
    turn = lps if system in ("LPS", "1") else list
    lines = ["# Markups fiducial file version = 4.11", f"# CoordinateSystem = {system}",
             "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"]
    return "\n".join(lines + [f"{n},{','.join(map(str, turn(p)))},0,0,0,1,1,1,0,{name},,"
                              for n, (name, p) in enumerate(POINTS.items())])


def table(columns, turn, suffix=""):
    return "\n".join([columns] + [f"{name},{','.join(map(str, turn(p)))}{suffix}" for name, p in POINTS.items()])


FILES = {
    "lps.mrk.json": markups("LPS"), "ras.mrk.json": markups("RAS"),
    "lps.fcsv": fcsv("LPS"), "ras.fcsv": fcsv("RAS"), "0.fcsv": fcsv("0"), "1.fcsv": fcsv("1"),
    "ras.csv": table("name,r,a,s", list), "lps.csv": table("label,l,p,s", lps),
    "system.csv": table("name,x,y,z,coordinate_system", lps, ",LPS"),
    "semicolon.csv": table("name,r,a,s", list).replace(",", ";"),
    "records.json": json.dumps({"landmarks": [{"name": n, "ras": p} for n, p in POINTS.items()]}),
    "lps_records.json": json.dumps([{"name": n, "lps": lps(p)} for n, p in POINTS.items()]),
    "plain.json": json.dumps({"coordinate_system": "LPS", **{n: lps(p) for n, p in POINTS.items()}}),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_and_frame_tells_the_same_place(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    found = read_points(tmp_path / name)
    assert list(found) == list(POINTS)
    for label, point in POINTS.items():
        np.testing.assert_allclose(found[label], point)


def test_a_file_that_does_not_say_its_frame_is_refused(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text(table("name,x,y,z", list))
    with pytest.raises(InputError, match="does not say whether it speaks RAS or LPS"):
        read_points(path)


PIXELS = {"tip": (100.5, 20.0), "left head": (3.0, 511.0)}


@pytest.mark.parametrize(("name", "text"), [
    ("px.csv", "name,u,v\ntip,100.5,20\nleft head,3,511\n"),
    ("px.json", json.dumps({"landmarks": [{"name": n, "uv": p} for n, p in PIXELS.items()]})),
    ("plain.json", json.dumps(PIXELS)),
    ("truth.json", json.dumps({"images": [{"image": "a", "landmarks": [
        *({"name": n, "uv": p, "in_image": True} for n, p in PIXELS.items()),
        {"name": "outside", "uv": [-5, 9], "in_image": False}]}]})),
])
def test_pixels_are_read_from_tables_and_json(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = read_pixels(tmp_path / name)
    assert list(found) == list(PIXELS)
    for label, pixel in PIXELS.items():
        np.testing.assert_allclose(found[label], pixel)


def test_pixels_of_several_images_are_chosen_by_image(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"images": [
        {"image": image, "landmarks": [{"name": "tip", "ras": [1, 2, 3], "uv": [u, 0]}]}
        for image, u in (("a", 1), ("b", 2))]}))
    assert read_pixels(path, "b")["tip"][0] == 2
    assert read_points(path)["tip"].tolist() == [1, 2, 3]
    for image in (None, "c"):
        with pytest.raises(InputError, match="a, b"):
            read_pixels(path, image)


def test_pairs_follow_the_names_not_the_order():
    points = {str(n): np.array([n, 0, 0.0]) for n in range(6)}
    pixels = {str(n): np.array([n, n * 2.0]) for n in (4, 1, 0, 5)}
    pairs = match(points, pixels)
    assert pairs.names == ("4", "1", "0", "5")
    assert pairs.points_ras[:, 0].tolist() == pairs.pixels[:, 0].tolist() == [4, 1, 0, 5]


def test_unknown_names_and_too_few_pairs_are_refused():
    points = {name: np.zeros(3) for name in "abcde"}
    with pytest.raises(InputError, match="'x', 'y'"):
        match(points, {name: np.zeros(2) for name in "abcdxy"})
    with pytest.raises(InputError, match="Only 3"):
        match(points, {name: np.zeros(2) for name in "abc"})


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.csv", "", "no landmarks"),
    ("a.csv", "name,u,v\nt,1,2\n", "it needs name,x,y,z"),
    ("a.csv", "r,a,s\n1,2,3\n", "must be called name"),
    ("a.csv", "name,r,a,s\nt,1,2,three\n", "3 numbers are needed"),
    ("a.csv", "name,r,a,s\nt,1,2\n", "3 numbers are needed"),
    ("a.csv", "name,r,a,s\nt,1,2,nan\n", "3 numbers are needed"),
    ("a.csv", "name,r,a,s\nt,1,2,3\nt,1,2,4\n", "two landmarks named 't'"),
    ("a.csv", "name,r,a,s\n,1,2,3\n", "a landmark named ''"),
    ("a.csv", "name,x,y,z,frame\nt,1,2,3,XYZ\n", "states the coordinate system 'XYZ'"),
    ("a.json", "{", "not a JSON file"),
    ("a.json", "3", "holds no landmarks"),
    ("a.json", "{}", "holds no landmarks"),
    ("a.mrk.json", '{"markups": [{"controlPoints": []}]}', "holds no landmarks"),
    ("a.mrk.json", '{"markups": ["t"]}', "list of objects"),
    ("a.mrk.json", '{"markups": [{"controlPoints": {"t": 1}}]}', "list of objects"),
    ("a.json", '{"images": ["t"]}', "list of objects"),
    ("a.json", '{"images": [{"image": "x", "landmarks": ["t"]}]}', "list of objects"),
    ("a.json", '{"landmarks": [{"name": "t", "ras": [1, 2, 3]}, "u"]}', "list of objects"),
    ("a.fcsv", "1,1,2,3,0,0,0,1,1,1,0,t,,\n", "does not say"),
])
def test_faulty_files_are_refused_by_name(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_points(tmp_path / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none.csv cannot be read"):
        read_points(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="not a text file"):
        read_pixels(tmp_path / "b.csv")
