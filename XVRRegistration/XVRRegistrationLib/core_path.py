"""Makes ``xvrcore`` importable: it lies beside the modules in the installed extension, one folder up in the source."""

import sys
from importlib.util import find_spec
from pathlib import Path


def addCoreToPath():
    if find_spec("xvrcore") is None:
        sys.path.append(str(Path(__file__).resolve().parents[2]))
