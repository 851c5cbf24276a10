"""X-rays simulated from a CT, with the physics that makes registration hard, and with exact truth."""

from xvrcore.simulate.dicom_writer import write_dicom
from xvrcore.simulate.materials import TissueModel
from xvrcore.simulate.metal import Plate, Rod, random_implants
from xvrcore.simulate.settings import (
    IDEAL,
    Beam,
    Collimator,
    Detector,
    Encoding,
    Header,
    Scatter,
    SimulationSettings,
    settings_from_dict,
)
from xvrcore.simulate.simulator import Phantom, SimulatedXray, prepare_phantom, simulate_xray
from xvrcore.simulate.truth_writer import write_truth

__all__ = ["IDEAL", "Beam", "Collimator", "Detector", "Encoding", "Header", "Phantom", "Plate", "Rod", "Scatter",
           "SimulatedXray", "SimulationSettings", "TissueModel", "prepare_phantom", "random_implants",
           "settings_from_dict", "simulate_xray", "write_dicom", "write_truth"]
