"""Digitally reconstructed radiographs: line integrals of attenuation from a point source to detector points.

Every backend answers one question, :meth:`Projector.integrals`: the integrals along rays and, on request,
their derivatives by source and target point. Nothing above this package knows which backend answers.
"""

from xvrcore.render.backends import make_differentiable_projector, make_projector
from xvrcore.render.projector import Projector, RayIntegrals, pose_jacobian

__all__ = ["Projector", "RayIntegrals", "make_differentiable_projector", "make_projector", "pose_jacobian"]
