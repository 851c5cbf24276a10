"""Parts of the module XVRFinetune: what is chosen in the panel becomes a job, and jobs are watched by their folders.

``XVRCommonLib`` and ``xvrcore`` lie beside the modules in the installed extension, one folder up in the source.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("XVRCommonLib") is None:
    sys.path.append(str(Path(__file__).resolve().parents[2]))
