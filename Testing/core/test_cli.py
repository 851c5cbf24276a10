"""The command line itself: its commands, options and defaults, what it imports, and what it finds here."""

import ast
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from cli_files import complaint

import xvrcore
from xvrcore.attenuation import CtSettings, MrSettings
from xvrcore.cli import COMMANDS, _parser, inputs, main, register, simulate
from xvrcore.cli.options import given_fields
from xvrcore.registration import RegistrationSettings
from xvrcore.simulate.settings import SimulationSettings
from xvrcore.xray_io import XrayOptions

PACKAGE = Path(xvrcore.__file__).parent
FORBIDDEN = {"slicer", "qt", "vtk", "ctk", "PySide6", "PyQt5"}


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


def test_a_name_that_the_output_cannot_encode_is_no_fault(tmp_path):
    folder = tmp_path / "Rücken"
    folder.mkdir()
    done = subprocess.run([sys.executable, "-m", "xvrcore", "jobs", "list", str(folder)], capture_output=True,
                          text=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cken holds no jobs" in done.stdout


def _parse(*arguments):
    return _parser(list(arguments)).parse_args(arguments)


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
