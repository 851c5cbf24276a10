"""The command line: what it does, what it says of wrong input, and how it ends when interrupted."""

import ast
import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from cli_files import save, write_patient, write_xray
from PIL import Image

import xvrcore
from xvrcore.attenuation import CtSettings, MrSettings, attenuation_from_ct
from xvrcore.cli import COMMANDS, _parser, inputs, main, register, simulate
from xvrcore.cli.options import given_fields
from xvrcore.cli.progress import follow
from xvrcore.outputs import PICTURES
from xvrcore.patient import Patient
from xvrcore.registration import RegistrationSettings
from xvrcore.result import Progress
from xvrcore.simulate.settings import SimulationSettings
from xvrcore.volume_io import read_volume
from xvrcore.xray_io import XrayOptions, read_radiograph

PACKAGE = Path(xvrcore.__file__).parent
FORBIDDEN = {"slicer", "qt", "vtk", "ctk", "PySide6", "PyQt5"}


@pytest.fixture(scope="module")
def patient(tmp_path_factory) -> Path:
    """A folder with a CT, its labels, and an X-ray with its truth."""
    folder = tmp_path_factory.mktemp("patient")
    write_xray(write_patient(folder), folder / "xray.dcm")
    return folder


@pytest.fixture(scope="module")
def registered(patient, tmp_path_factory) -> Path:
    """What one registration wrote."""
    out = tmp_path_factory.mktemp("registered") / "out"
    assert main(["register", *case(patient), "--out", str(out), "--segmentation", str(patient / "labels.nii.gz")]) == 0
    return out


def case(patient: Path, xray="xray.dcm", volume="ct.nii.gz") -> list[str]:
    return ["--volume", str(patient / volume), "--xray", str(patient / xray)]


def complaint(capsys) -> str:
    """The one line on stderr."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


# ---------------------------------------------------------------- the shell


def test_help_answers_within_a_second_and_imports_nothing_heavy():
    code = ("import sys, time; start = time.perf_counter()\n"
            "from xvrcore.cli import main\n"
            "try: main(['--help'])\n"
            "except SystemExit as end: assert end.code == 0\n"
            "assert not {'torch', 'numba', 'numpy', 'scipy'} & set(sys.modules), sorted(sys.modules)\n"
            "print('seconds', time.perf_counter() - start)")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(name in said for name in COMMANDS)
    assert float(said.split()[-1]) < 1


def test_the_core_imports_neither_slicer_nor_qt_nor_vtk():
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    assert "numpy" in imported
    assert not imported & FORBIDDEN


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"xvrcore {command}" in capsys.readouterr().out


def test_defaults_are_those_of_the_dataclasses():
    options = _parse("register", "--volume", "v", "--xray", "x", "--out", "o")
    for settings, prefix in ((RegistrationSettings, ""), (CtSettings, ""), (MrSettings, "mr_")):
        assert settings(**given_fields(settings, options, prefix)) == settings()
    assert inputs.xray_options(options) == XrayOptions()
    options = _parse("simulate", "--volume", "v", "--out", "o.dcm")
    assert simulate._settings(options) == SimulationSettings()
    assert simulate.View(**given_fields(simulate.View, options)) == simulate.View()


def test_every_setting_has_its_option():
    def names(settings):
        return {field.name for field in fields(settings)}

    assert set(register.SETTINGS_HELP) == names(RegistrationSettings)
    assert set(inputs.XRAY_HELP) | {"flip", "polarity"} == names(XrayOptions)
    assert set(inputs.CT_HELP) == names(CtSettings)
    assert set(inputs.MR_HELP) | {"energy_kev"} == names(MrSettings)
    assert set(simulate.VIEW_HELP) == names(simulate.View)
    for settings, help_texts in simulate.PHYSICS.values():
        assert set(help_texts) <= names(settings)


def test_options_reach_the_settings():
    options = _parse("register", "--volume", "v", "--xray", "x", "y", "--out", "o", "--seed", "5", "--no-remove-table",
                     "--principal-point-px", "3", "4", "--pixel-spacing-mm", "0.5", "--mr-emphasis", "skull",
                     "--flip", "yes")
    assert RegistrationSettings(**given_fields(RegistrationSettings, options)).seed == 5
    assert CtSettings(**given_fields(CtSettings, options)).remove_table is False
    assert MrSettings(**given_fields(MrSettings, options, "mr_")).emphasis == "skull"
    said = inputs.xray_options(options)
    assert (said.flip, said.polarity) == (True, None)
    assert (said.principal_point_px, said.pixel_spacing_mm) == ((3, 4), (0.5, 0.5))


@pytest.mark.parametrize("arguments", [[], ["fly"], ["register"], ["info", "--wrong"],
                                       ["register", "--volume", "v", "--xray", "x", "--out", "o", "--seed", "half"],
                                       ["register", "--volume", "v", "--xray", "x", "--out", "o", "--flip", "perhaps"]])
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert complaint(capsys).startswith("xvrcore: error: ")


def _parse(*arguments):
    return _parser(list(arguments)).parse_args(arguments)


# ---------------------------------------------------------------- info


def test_info_finds_the_cpu_kernel_right_and_registers_an_imaginary_patient(capsys):
    assert main(["info", "--self-test", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["backends"]["joseph"]["ok"] is True
    assert report["versions"]["xvrcore"] == xvrcore.__version__
    assert report["devices"]["cpu_threads"] == os.cpu_count()
    assert report["self_test"]["verdict"] == "registered"
    assert report["self_test"]["mrpd_mm"] < 1


def test_info_works_without_torch():
    code = ("import sys; sys.modules['torch'] = None\n"
            "from xvrcore.cli import main\n"
            "sys.exit(main(['info', '--json']))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    backends = json.loads(done.stdout)["backends"]
    assert backends["joseph"]["ok"] is True
    assert "torch" in backends["torch"]["problem"]


# ---------------------------------------------------------------- simulate, register, evaluate


def test_what_is_simulated_is_registered_and_evaluated(patient, registered, capsys):
    truth = ["--truth", str(patient / "xray_truth.json")]
    assert main(["evaluate", "--pose", str(registered / "pose.json"), *truth, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["mrpd_mm"] < 1
    assert figures["success"] is True
    assert main(["evaluate", "--pose", str(registered / "pose.json"), *truth]) == 0
    assert "mRPD" in capsys.readouterr().out


def test_what_was_decided_about_the_volume_is_told(patient, registered, tmp_path, capsys):
    told = "ct.nii.gz was taken as CT"
    assert any(told in note for note in json.loads((registered / "pose.json").read_text(encoding="utf-8"))["notes"])
    assert told in (registered / "report.html").read_text(encoding="utf-8")
    assert main(["register", *case(patient), "--out", str(tmp_path)]) == 0
    assert told in capsys.readouterr().out


def test_one_xray_fills_the_folder_itself(registered):
    assert {path.name for path in registered.iterdir()} == {
        "pose.json", "report.html", "outlines.json", *(f"{name}.png" for name in PICTURES if name != "landmarks")}


def test_several_xrays_fill_a_folder_each_and_an_index(patient, tmp_path, capsys):
    xray = str(patient / "xray.dcm")
    code = main(["register", *case(patient), xray, "--out", str(tmp_path / "out"), "--json", "--threads", "2",
                 "--truth", str(patient / "xray_truth.json")])
    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"xray", "xray_again_1", "index.html"}
    assert [row["verdict"] for row in said["xrays"]] == ["registered", "registered"]
    assert all(Path(row["pose"]).is_file() and row["errors"]["mrpd_mm"] < 1 for row in said["xrays"])


def test_the_same_seed_finds_the_same_pose(patient, registered, tmp_path):
    assert main(["register", *case(patient), "--out", str(tmp_path), "--seed", str(RegistrationSettings.seed)]) == 0
    first, second = (json.loads((folder / "pose.json").read_text(encoding="utf-8"))["ras_from_camera"]
                     for folder in (registered, tmp_path))
    assert np.allclose(first, second, atol=1e-3)


def test_a_pose_simulates_its_own_view(patient, registered, tmp_path):
    again = tmp_path / "again.dcm"
    assert main(["simulate", "--volume", str(patient / "ct.nii.gz"), "--out", str(again),
                 "--pose", str(registered / "pose.json")]) == 0
    truth = json.loads((tmp_path / "again_truth.json").read_text(encoding="utf-8"))
    found = json.loads((registered / "pose.json").read_text(encoding="utf-8"))
    assert np.allclose(truth["images"][0]["P_ras"], found["projection_ras"])


def test_landmarks_start_a_registration_and_measure_it(patient, tmp_path, capsys):
    truth = json.loads((patient / "xray_truth.json").read_text(encoding="utf-8"))["images"][0]["landmarks"]
    points, pixels = tmp_path / "points.csv", tmp_path / "pixels.csv"
    points.write_text("name,r,a,s\n" + "".join(f"{m['name']},{','.join(map(str, m['ras']))}\n" for m in truth))
    pixels.write_text("name,u,v\n" + "".join(f"{m['name']},{','.join(map(str, m['uv']))}\n" for m in truth))
    marks = ["--landmarks-3d", str(points), "--landmarks-2d", str(pixels)]
    assert main(["register", *case(patient), "--out", str(tmp_path / "out"), "--ignore-angles", *marks]) == 0
    pose = json.loads((tmp_path / "out" / "pose.json").read_text(encoding="utf-8"))
    assert pose["candidates"][0]["start"] == "landmarks"
    assert "Landmarks fit to" in pose["notes"][0]
    capsys.readouterr()
    assert main(["evaluate", "--pose", str(tmp_path / "out" / "pose.json"), *marks, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["mrpd_mm"] < 1
    assert figures["mtre_mm"] is None


def test_a_segmentation_on_another_grid_of_the_same_frame_is_resampled(patient, tmp_path):
    import SimpleITK as sitk
    labels = sitk.ReadImage(str(patient / "labels.nii.gz"))
    cropped = labels[10:60, 5:60, 8:50]
    sitk.WriteImage(cropped, str(tmp_path / "cropped.nii.gz"))
    assert main(["register", *case(patient), "--out", str(tmp_path / "out"),
                 "--segmentation", str(tmp_path / "cropped.nii.gz")]) == 0
    outlines = json.loads((tmp_path / "out" / "outlines.json").read_text(encoding="utf-8"))
    assert outlines["segments"][0]["polylines"]


# ---------------------------------------------------------------- wrong input


def _not_dicom(folder, patient):
    (folder / "letter.dcm").write_text("Dear colleague,")
    return "letter.dcm", ["--xray", str(folder / "letter.dcm")]


def _empty(folder, patient):
    (folder / "empty.dcm").touch()
    return "empty.dcm", ["--xray", str(folder / "empty.dcm")]


def _missing_xray(folder, patient):
    return "nowhere.dcm", ["--xray", str(folder / "nowhere.dcm")]


def _missing_volume(folder, patient):
    return "nowhere.nii.gz", ["--volume", str(folder / "nowhere.nii.gz")]


def _truncated(folder, patient):
    content = (patient / "xray.dcm").read_bytes()
    (folder / "half.dcm").write_bytes(content[:len(content) // 2])
    return "half.dcm", ["--xray", str(folder / "half.dcm")]


def _no_geometry(folder, patient):
    Image.fromarray(np.arange(10000, dtype=np.uint16).reshape(100, 100)).save(folder / "bare.png")
    return "--sdd-mm", ["--xray", str(folder / "bare.png")]


def _zero_spacing(folder, patient):
    return "--pixel-spacing-mm", ["--pixel-spacing-mm", "0"]


def _negative_spacing(folder, patient):
    dataset = pydicom.dcmread(patient / "xray.dcm")
    dataset.ImagerPixelSpacing = [-0.5, -0.5]
    dataset.save_as(folder / "negative.dcm")
    return "negative.dcm", ["--xray", str(folder / "negative.dcm")]


def _volume_as_xray(folder, patient):
    return "ct.nii.gz", ["--xray", str(patient / "ct.nii.gz"), "--sdd-mm", "1000", "--pixel-spacing-mm", "1"]


def _picture_as_volume(folder, patient):
    save(np.zeros((64, 64), np.int16), folder / "flat.nii.gz")
    return "flat.nii.gz", ["--volume", str(folder / "flat.nii.gz")]


def _nan_xray(folder, patient):
    image = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    image[5, 5] = np.nan
    save(image, folder / "nan.nrrd")
    return "nan.nrrd", ["--xray", str(folder / "nan.nrrd"), "--sdd-mm", "1000", "--pixel-spacing-mm", "1"]


def _constant_xray(folder, patient):
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(folder / "gray.png")
    return "gray.png", ["--xray", str(folder / "gray.png"), "--sdd-mm", "1000", "--pixel-spacing-mm", "1"]


def _nan_volume(folder, patient):
    values = np.zeros((8, 8, 8), np.float32)
    values[2, 2, 2], values[3, 3, 3] = np.nan, 100
    save(values, folder / "nan.nii.gz")
    return "nan.nii.gz", ["--volume", str(folder / "nan.nii.gz")]


def _constant_volume(folder, patient):
    save(np.full((8, 8, 8), 40, np.int16), folder / "constant.nii.gz")
    return "constant.nii.gz", ["--volume", str(folder / "constant.nii.gz")]


def _missed_volume(folder, patient):
    """A pose that looks away from the CT."""
    lost = json.loads((patient / "pose.json").read_text(encoding="utf-8"))
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


def _file_as_folder(folder, patient):
    (folder / "taken").write_text("a file")
    return "taken", ["--out", str(folder / "taken" / "out")]


def _foreign_segmentation(folder, patient):
    save(np.ones((20, 20, 20), np.uint8), folder / "elsewhere.nii.gz", origin=(9000.0, 0.0, 0.0))
    return "elsewhere.nii.gz", ["--segmentation", str(folder / "elsewhere.nii.gz")]


def _unknown_segment(folder, patient):
    return "femur", ["--segmentation", str(patient / "labels.nii.gz"), "--only-segments", "femur"]


def _unknown_landmark(folder, patient):
    (folder / "points.csv").write_text("name,r,a,s\na,0,0,0\nb,9,0,0\nc,0,9,0\nd,0,0,9\n")
    (folder / "pixels.csv").write_text("name,u,v\na,50,50\nb,60,50\nc,50,60\nknee,70,70\n")
    return "knee", ["--landmarks-3d", str(folder / "points.csv"), "--landmarks-2d", str(folder / "pixels.csv")]


def _half_the_landmarks(folder, patient):
    return "--landmarks-2d", ["--landmarks-3d", str(folder / "points.csv")]


def _not_a_pose(folder, patient):
    (folder / "pose.json").write_text("{}")
    return "pose.json", ["--initial-pose", str(folder / "pose.json")]


def _no_angles(folder, patient):
    return "xray.dcm", ["--start", "header", "--ignore-angles"]


def _no_such_start(folder, patient):
    return "magic", ["--start", "magic"]


def _other_truth(folder, patient):
    truth = json.loads((patient / "xray_truth.json").read_text(encoding="utf-8"))
    truth["images"][0]["image"] = "another"
    (folder / "other_truth.json").write_text(json.dumps(truth))
    return "other_truth.json", ["--truth", str(folder / "other_truth.json")]


def _no_threads(folder, patient):
    return "--threads", ["--threads", "0"]


WRONG = [_not_dicom, _empty, _missing_xray, _missing_volume, _truncated, _no_geometry, _zero_spacing, _negative_spacing,
         _volume_as_xray, _picture_as_volume, _nan_xray, _constant_xray, _nan_volume, _constant_volume, _missed_volume,
         _file_as_folder, _foreign_segmentation, _unknown_segment, _unknown_landmark, _half_the_landmarks, _not_a_pose,
         _no_angles, _no_such_start, _other_truth, _no_threads]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__.strip("_"))
def test_wrong_input_is_one_line_that_names_it_and_nothing_is_written(wrong, patient, registered, tmp_path, capsys):
    (patient / "pose.json").write_bytes((registered / "pose.json").read_bytes())
    named, arguments = wrong(tmp_path, patient)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert main(["register", *case(patient), "--out", str(tmp_path / "out"), *arguments]) == 2
    line = complaint(capsys)
    assert line.startswith("xvrcore: error: ")
    assert named in line
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_pixels_that_cannot_be_decoded_are_named(shared_data, patient, tmp_path, capsys):
    broken = shared_data / "dicom" / "dx_broken_j2k_stream.dcm"
    assert main(["register", *case(patient), "--xray", str(broken), "--out", str(tmp_path / "out")]) == 2
    assert broken.name in complaint(capsys)
    assert not (tmp_path / "out").exists()


def test_one_wrong_xray_among_many_stops_before_the_work(patient, tmp_path, capsys):
    assert main(["register", *case(patient), str(tmp_path / "gone.dcm"), "--out", str(tmp_path / "out")]) == 2
    assert "gone.dcm" in complaint(capsys)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_half_written(patient, tmp_path, capsys, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["register", *case(patient), "--out", str(tmp_path / "out")]) == 2
    assert "full" in complaint(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("arguments", "named"), [
    (["--out", "x.png"], "x.png"), (["--out", "x.dcm", "--rows", "0"], "0 rows"),
    (["--out", "x.dcm", "--sdd-mm", "-5"], "--sdd-mm"), (["--out", "x.dcm", "--encoding-kind", "SQRT"], "SQRT"),
    (["--out", "x.dcm", "--isocenter-ras", "9000", "0", "0"], "ct.nii.gz"),
    (["--out", "x.dcm", "--metal-share", "2"], "--metal-share"),
    (["--out", "x.dcm", "--settings", "nothing.json"], "nothing.json")])
def test_wrong_simulations_are_refused(arguments, named, patient, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "--volume", str(patient / "ct.nii.gz"), *arguments]) == 2
    assert named in complaint(capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("fault", "code", "words"), [
    (MemoryError(), 1, "memory is used up"),
    (PermissionError(errno.EACCES, "Permission denied", "ct.nii.gz"), 2, "ct.nii.gz: ")])
def test_what_the_system_refuses_is_one_line(patient, tmp_path, capsys, monkeypatch, fault, code, words):
    def refuse(*_):
        raise fault

    monkeypatch.setattr(inputs, "read_volume", refuse)
    assert main(["register", *case(patient), "--out", str(tmp_path)]) == code
    assert words in complaint(capsys)


def test_names_that_differ_by_case_alone_get_folders_of_their_own(patient):
    radiograph = read_radiograph(patient / "xray.dcm")
    names = [replace(radiograph, path=Path(name)) for name in ("a/Shot.dcm", "b/shot.dcm", "c/SHOT.dcm", "d/other.dcm")]
    folders = [folder.name.casefold() for folder in register.result_folders(Path("out"), names)]
    assert len(set(folders)) == 4


def test_evaluation_needs_something_to_measure_against(registered, capsys):
    assert main(["evaluate", "--pose", str(registered / "pose.json")]) == 2
    assert "--truth" in complaint(capsys)


# ---------------------------------------------------------------- interruption


def test_ctrl_c_leaves_what_was_found(patient, tmp_path):
    out = tmp_path / "out"
    many = [str(patient / "xray.dcm")] * 10
    running = subprocess.Popen([sys.executable, "-m", "xvrcore", "register", *case(patient), *many, "--out", str(out)],
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


def test_ctrl_c_in_doubt_leaves_the_best_so_far(patient, tmp_path, monkeypatch, capsys):
    found = follow(register.register(read_radiograph(patient / "xray.dcm"), _patient(patient)), lambda progress: None)

    def doubtful(*_):
        yield Progress("trying again", 0.5, result=found)
        signal.raise_signal(signal.SIGINT)
        yield Progress("denser search", 0.6)
        raise AssertionError("went on after Ctrl-C")

    monkeypatch.setattr(register, "register", doubtful)
    assert main(["register", *case(patient), "--out", str(tmp_path / "out")]) == 130
    assert complaint(capsys) == "xvrcore: interrupted"
    pose = json.loads((tmp_path / "out" / "pose.json").read_text(encoding="utf-8"))
    assert np.allclose(pose["ras_from_camera"], found.camera.ras_from_camera)


def _patient(folder: Path) -> Patient:
    ct = read_volume(folder / "ct.nii.gz")
    return Patient(attenuation_from_ct(ct), ct)
