"""XVR core: align X-rays with the CT or MR of the same patient. Research and teaching only."""

__version__ = "0.1.0"
