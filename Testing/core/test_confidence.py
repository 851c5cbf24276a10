"""The verdict: monotone in its evidence, cautious where little was seen, and explained."""

from dataclasses import replace

import numpy as np
import pytest

from xvrcore import positioner
from xvrcore.confidence import LEAST_EXPLAINED, LEAST_PIXELS, NOTICED_RISE, Evidence, judge, weak_directions
from xvrcore.refine.lm import TWIST_SCALE

CONVINCING = Evidence(similarity=0.85, coarse_similarity=0.9, lead=0.31, agreement=0.6, explained_share=0.95)
HOPELESS = Evidence(similarity=0.1, coarse_similarity=0.2, lead=0.0, agreement=0.05, explained_share=0.9)
PIXELS = 40_000


def test_convincing_evidence_registers_and_hopeless_evidence_fails():
    assert judge(CONVINCING, {}, PIXELS).label == "registered"
    assert judge(HOPELESS, {}, PIXELS).label == "failed"


@pytest.mark.parametrize(("name", "better"), [("similarity", 1), ("coarse_similarity", 1), ("lead", 1)])
def test_better_evidence_never_lowers_the_confidence(rng, name, better):
    for values in rng.uniform(0, 1, (20, 5)):
        evidence = Evidence(*values)
        changed = replace(evidence, **{name: getattr(evidence, name) + 0.1 * better})
        assert judge(changed, {}, PIXELS).confidence >= judge(evidence, {}, PIXELS).confidence


def test_a_pose_that_explains_too_little_is_at_most_doubtful():
    assert judge(replace(CONVINCING, explained_share=LEAST_EXPLAINED - 0.01), {}, PIXELS).label == "doubtful"


def test_a_picture_of_few_pixels_is_at_most_doubtful_and_says_so():
    verdict = judge(CONVINCING, {}, LEAST_PIXELS - 1)
    assert verdict.label == "doubtful"
    assert any("4095 pixels" in reason for reason in verdict.reasons)
    assert judge(CONVINCING, {}, LEAST_PIXELS).label == "registered"


def test_reasons_are_full_sentences_with_the_figures():
    verdict = judge(CONVINCING, {"right": 0.1, "depth": 1.4}, PIXELS)
    assert all(reason[0].isupper() or reason[0].isdigit() for reason in verdict.reasons)
    assert all(reason.endswith(".") for reason in verdict.reasons)
    told = " ".join(verdict.reasons)
    for figure in ("0.85", "0.31", "95%", "depth", "1.4 mm"):
        assert figure in told


@pytest.mark.parametrize(("lead", "words"), [
    (CONVINCING.coarse_similarity, "met no other pose"), (0.0, "No other pose was looked for"), (0.3, "clearly better"),
    (0.1, "a little better"), (0.01, "hardly better"), (-0.1, "hardly better")])
def test_another_pose_is_spoken_of_only_where_there_was_one(lead, words):
    told = " ".join(judge(replace(CONVINCING, lead=lead), {}, PIXELS).reasons)
    assert words in told
    assert ("best other pose" in told) == ("better" in words)


def test_a_pose_without_rivals_is_trusted_less_than_one_that_has_beaten_them():
    """Where nothing else was met something may have been overlooked; the picture itself has to convince."""
    weak = replace(CONVINCING, similarity=0.37, coarse_similarity=0.47)
    assert judge(weak, {}, PIXELS).label == "registered"
    assert judge(replace(weak, lead=weak.coarse_similarity), {}, PIXELS).label == "doubtful"
    assert judge(replace(CONVINCING, lead=CONVINCING.coarse_similarity), {}, PIXELS).label == "registered"


def test_weak_directions_are_the_camera_s_own(rng):
    """A pose free to slide along the beam is least certain in depth, whatever its orientation."""
    pose = positioner.camera_pose(*rng.uniform(-80, 80, 2), 700, [0, 0, 0])
    axes = np.kron(np.eye(2), pose[:3, :3])
    stiffness = np.array([1e4, 1e4, 1e4, 4.0, 4.0, 0.01])      # per rad^2 and mm^2; the last is depth
    curvature = axes @ np.diag(stiffness) @ axes.T * TWIST_SCALE[:, None] * TWIST_SCALE
    found = weak_directions(curvature, pose)
    assert found["depth"] == pytest.approx(np.sqrt(NOTICED_RISE / 0.01))
    assert found["right"] == pytest.approx(np.sqrt(NOTICED_RISE / 4))
    assert found["turn about beam"] == pytest.approx(100 * np.sqrt(NOTICED_RISE / 1e4))


def test_nothing_is_said_of_directions_without_a_curvature():
    assert weak_directions(None, np.eye(4)) == {}
