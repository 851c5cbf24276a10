"""What the extension's CMake files install is all there is."""

import re
import struct
from pathlib import Path

import pytest
from slicerhost import testing as user

ROOT = Path(__file__).parents[2]
MODULES = [path.parent for path in sorted(ROOT.glob("XVR*/CMakeLists.txt"))]


@pytest.fixture(params=MODULES, ids=[path.name for path in MODULES])
def module(request):
    return request.param


def test_every_file_of_a_module_is_listed(module):
    text = (module / "CMakeLists.txt").read_text().replace("${MODULE_NAME}", module.name)
    listed = set(re.findall(r"^  (\S+\.\S+)$", text, re.MULTILINE))
    present = {p.relative_to(module).as_posix() for p in module.rglob("*")
               if p.is_file() and "__pycache__" not in p.parts and p.name != "CMakeLists.txt"}
    assert listed == present


def test_every_module_is_built(module):
    assert f"add_subdirectory({module.name})" in (ROOT / "CMakeLists.txt").read_text()


def test_icons_are_128_pixels_wide_and_high(module):
    for icon in (ROOT / "XVR.png", module / "Resources" / "Icons" / f"{module.name}.png"):
        assert struct.unpack(">II", icon.read_bytes()[16:24]) == (128, 128)


def test_sources_avoid_what_pythonqt_does_not_do(module, host):
    assert [mistake for path in module.rglob("*.py") for mistake in user.source_mistakes(path)] == []
