"""What the extension's CMake files install is all there is."""

import os
import re
import shutil
import struct
import subprocess
import sys
import unittest
from pathlib import Path

import pytest
from slicerhost import testing as user

ROOT = Path(__file__).parents[2]
MODULES = [path.parent for path in sorted(ROOT.glob("XVR*/CMakeLists.txt"))]
HERE = Path(__file__).parent


@pytest.fixture(params=MODULES, ids=[path.name for path in MODULES])
def module(request):
    return request.param


def listed_files(module):
    """What the module's CMake file installs."""
    text = (module / "CMakeLists.txt").read_text().replace("${MODULE_NAME}", module.name)
    return set(re.findall(r"^  (\S+\.\S+)$", text, re.MULTILINE))


def test_every_file_of_a_module_is_listed(module):
    listed = listed_files(module)
    present = {p.relative_to(module).as_posix() for p in module.rglob("*")
               if p.is_file() and "__pycache__" not in p.parts and p.name != "CMakeLists.txt"}
    assert listed == present


def test_every_module_is_built(module):
    assert f"add_subdirectory({module.name})" in (ROOT / "CMakeLists.txt").read_text()


def test_ctest_runs_the_modules_own_test_alone(module, jobs_root, open_module):
    """As slicer_add_python_unittest has it: unittest looks for tests in the module."""
    open_module(module / f"{module.name}.py")
    found = unittest.TestLoader().loadTestsFromName(module.name)
    assert [test.id() for case in found for test in case] == [f"{module.name}.{module.name}Test.test_module"]


def test_icons_are_128_pixels_wide_and_high(module):
    for icon in (ROOT / "XVR.png", module / "Resources" / "Icons" / f"{module.name}.png"):
        assert struct.unpack(">II", icon.read_bytes()[16:24]) == (128, 128)


def test_sources_avoid_what_pythonqt_does_not_do(module, host):
    assert [mistake for path in module.rglob("*.py") for mistake in user.source_mistakes(path)] == []


def test_sources_of_the_shared_package_avoid_it_too(host):
    assert [mistake for path in (ROOT / "XVRCommonLib").rglob("*.py") for mistake in user.source_mistakes(path)] == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder as Slicer installs the extension: all modules flat in one, the plain packages beside them."""
    folder = tmp_path_factory.mktemp("Slicer") / "qt-scripted-modules"
    packages = re.search(r"GLOB_RECURSE.*RELATIVE \S+ (.*)\)", (ROOT / "CMakeLists.txt").read_text())[1].split()
    files = [(module, name) for module in MODULES for name in listed_files(module)]
    for pattern in packages:
        files += [(ROOT, path.relative_to(ROOT)) for path in ROOT.glob(pattern.replace("/", "/**/"))]
    for root, name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert not (folder / name).exists(), f"two files are installed as {name}"
        shutil.copy(root / name, folder / name)
    return folder


@pytest.mark.parametrize("mode", ["bare", "torchless"])
def test_what_is_installed_works_without_the_source_tree(installed, mode, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([sys.executable, str(HERE / "flat_install.py"), str(installed), mode], cwd=tmp_path,
                          env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
