"""``python -m xvrcore``."""

import sys

from xvrcore.cli import main

sys.exit(main())
