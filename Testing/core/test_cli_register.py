"""Simulating, registering and evaluating from the command line, and how that ends when interrupted."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from cli_files import case, complaint

from xvrcore.attenuation import attenuation_from_ct
from xvrcore.cli import main, register
from xvrcore.cli.progress import follow
from xvrcore.outputs import PICTURES
from xvrcore.patient import Patient
from xvrcore.registration import RegistrationSettings
from xvrcore.result import Progress
from xvrcore.volume_io import read_volume
from xvrcore.xray_io import read_radiograph


def test_what_is_simulated_is_registered_and_evaluated(on_disk, registered, capsys):
    truth = ["--truth", str(on_disk / "xray_truth.json")]
    assert main(["evaluate", "--pose", str(registered / "pose.json"), *truth, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["mrpd_mm"] < 1
    assert figures["success"] is True
    assert main(["evaluate", "--pose", str(registered / "pose.json"), *truth]) == 0
    assert "mRPD" in capsys.readouterr().out


def test_what_was_decided_about_the_volume_is_told(on_disk, registered, tmp_path, capsys):
    told = "ct.nii.gz was taken as CT"
    assert any(told in note for note in json.loads((registered / "pose.json").read_text(encoding="utf-8"))["notes"])
    assert told in (registered / "report.html").read_text(encoding="utf-8")
    assert main(["register", *case(on_disk), "--out", str(tmp_path)]) == 0
    assert told in capsys.readouterr().out


def test_one_xray_fills_the_folder_itself(registered):
    assert {path.name for path in registered.iterdir()} == {
        "pose.json", "report.html", "outlines.json", *(f"{name}.png" for name in PICTURES if name != "landmarks")}


def test_several_xrays_fill_a_folder_each_and_an_index(on_disk, tmp_path, capsys):
    xray = str(on_disk / "xray.dcm")
    code = main(["register", *case(on_disk), xray, "--out", str(tmp_path / "out"), "--json", "--threads", "2",
                 "--truth", str(on_disk / "xray_truth.json")])
    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"xray", "xray_again_1", "index.html"}
    assert [row["verdict"] for row in said["xrays"]] == ["registered", "registered"]
    assert all(Path(row["pose"]).is_file() and row["errors"]["mrpd_mm"] < 1 for row in said["xrays"])


def test_the_same_seed_finds_the_same_pose(on_disk, registered, tmp_path):
    assert main(["register", *case(on_disk), "--out", str(tmp_path), "--seed", str(RegistrationSettings.seed)]) == 0
    first, second = (json.loads((folder / "pose.json").read_text(encoding="utf-8"))["ras_from_camera"]
                     for folder in (registered, tmp_path))
    assert np.allclose(first, second, atol=1e-3)


def test_a_pose_simulates_its_own_view(on_disk, registered, tmp_path):
    again = tmp_path / "again.dcm"
    assert main(["simulate", "--volume", str(on_disk / "ct.nii.gz"), "--out", str(again),
                 "--pose", str(registered / "pose.json")]) == 0
    truth = json.loads((tmp_path / "again_truth.json").read_text(encoding="utf-8"))
    found = json.loads((registered / "pose.json").read_text(encoding="utf-8"))
    assert np.allclose(truth["images"][0]["P_ras"], found["projection_ras"])


def test_landmarks_start_a_registration_and_measure_it(on_disk, tmp_path, capsys):
    truth = json.loads((on_disk / "xray_truth.json").read_text(encoding="utf-8"))["images"][0]["landmarks"]
    points, pixels = tmp_path / "points.csv", tmp_path / "pixels.csv"
    points.write_text("name,r,a,s\n" + "".join(f"{m['name']},{','.join(map(str, m['ras']))}\n" for m in truth))
    pixels.write_text("name,u,v\n" + "".join(f"{m['name']},{','.join(map(str, m['uv']))}\n" for m in truth))
    marks = ["--landmarks-3d", str(points), "--landmarks-2d", str(pixels)]
    assert main(["register", *case(on_disk), "--out", str(tmp_path / "out"), "--ignore-angles", *marks]) == 0
    pose = json.loads((tmp_path / "out" / "pose.json").read_text(encoding="utf-8"))
    assert pose["candidates"][0]["start"] == "landmarks"
    assert "Landmarks fit to" in pose["notes"][0]
    capsys.readouterr()
    assert main(["evaluate", "--pose", str(tmp_path / "out" / "pose.json"), *marks, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["mrpd_mm"] < 1
    assert figures["mtre_mm"] is None


def test_a_segmentation_on_another_grid_of_the_same_frame_is_resampled(on_disk, tmp_path):
    import SimpleITK as sitk
    labels = sitk.ReadImage(str(on_disk / "labels.nii.gz"))
    cropped = labels[10:60, 5:60, 8:50]
    sitk.WriteImage(cropped, str(tmp_path / "cropped.nii.gz"))
    assert main(["register", *case(on_disk), "--out", str(tmp_path / "out"),
                 "--segmentation", str(tmp_path / "cropped.nii.gz")]) == 0
    outlines = json.loads((tmp_path / "out" / "outlines.json").read_text(encoding="utf-8"))
    assert outlines["segments"][0]["polylines"]


def test_names_that_differ_by_case_alone_get_folders_of_their_own(on_disk):
    radiograph = read_radiograph(on_disk / "xray.dcm")
    names = [replace(radiograph, path=Path(name)) for name in ("a/Shot.dcm", "b/shot.dcm", "c/SHOT.dcm", "d/other.dcm")]
    folders = [folder.name.casefold() for folder in register.result_folders(Path("out"), names)]
    assert len(set(folders)) == 4


def test_ctrl_c_leaves_what_was_found(on_disk, tmp_path):
    out = tmp_path / "out"
    many = [str(on_disk / "xray.dcm")] * 10
    running = subprocess.Popen([sys.executable, "-m", "xvrcore", "register", *case(on_disk), *many, "--out", str(out)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "xray" / "pose.json").exists() and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert said.splitlines() == ["xvrcore: interrupted"]
    folders = [path for path in out.iterdir() if path.is_dir()]
    assert 0 < len(folders) < len(many)
    for folder in folders:
        assert json.loads((folder / "pose.json").read_text(encoding="utf-8"))["verdict"] == "registered"
        assert (folder / "report.html").is_file()


def test_ctrl_c_in_doubt_leaves_the_best_so_far(on_disk, tmp_path, monkeypatch, capsys):
    found = follow(register.register(read_radiograph(on_disk / "xray.dcm"), _patient(on_disk)), lambda progress: None)

    def doubtful(*_):
        yield Progress("trying again", 0.5, result=found)
        signal.raise_signal(signal.SIGINT)
        yield Progress("denser search", 0.6)
        raise AssertionError("went on after Ctrl-C")

    monkeypatch.setattr(register, "register", doubtful)
    assert main(["register", *case(on_disk), "--out", str(tmp_path / "out")]) == 130
    assert complaint(capsys) == "xvrcore: interrupted"
    pose = json.loads((tmp_path / "out" / "pose.json").read_text(encoding="utf-8"))
    assert np.allclose(pose["ras_from_camera"], found.camera.ras_from_camera)


def _patient(folder: Path) -> Patient:
    ct = read_volume(folder / "ct.nii.gz")
    return Patient(attenuation_from_ct(ct), ct)
