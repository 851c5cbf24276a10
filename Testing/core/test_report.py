"""The report: complete, self-contained, safe against what files are called, and readable as HTML."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from result_examples import example_result, example_volume

from xvrcore.charts import convergence
from xvrcore.evaluation import Evaluation
from xvrcore.pictures import Picture
from xvrcore.pose_file import pose_file_of
from xvrcore.report import VALUE_NAMES, report_html, write_index
from xvrcore.report_page import DISCLAIMER
from xvrcore.result import TracePoint

EVIL = '<script>alert("x")</script>&<b>'
VOID = {"meta", "img", "input"}


class Reader(HTMLParser):
    """Text, attributes and tags of a page; complains about tags that are not closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


@pytest.fixture
def pictures(rng):
    return tuple(Picture(name, name.title(), f"caption of {name}", rng.integers(0, 255, (30, 40, 3)).astype(np.uint8))
                 for name in ("xray", "drr", "edges", "segments"))


def make(rng, pictures, *, label="registered", path="shot.dcm", evaluation=None, edit=lambda pose: pose):
    radiograph, result = example_result(rng, label=label)
    pose = pose_file_of(replace(radiograph, path=Path(path)), result, example_volume(), seed=3)
    return report_html(edit(pose), result.trace, pictures, evaluation), pose


@pytest.mark.parametrize("label", ["registered", "doubtful", "failed"])
def test_the_verdict_comes_first_with_its_reasons(rng, pictures, label):
    html, pose = make(rng, pictures, label=label)
    text = Reader(html).text
    assert label.capitalize() in text[:text.index("Compare")]
    for sentence in (*pose.verdict.reasons, *pose.notes, "97%"):
        assert sentence in text[:text.index("Compare")]
    assert f'class="card verdict {label}"' in html


def test_every_value_is_shown_with_its_origin(rng, pictures):
    html, pose = make(rng, pictures)
    text = Reader(html).text
    for name, origin in pose.provenance.items():
        assert VALUE_NAMES[name] in text
        assert origin.source in text
        assert origin.detail in text
    for candidate in pose.candidates:
        assert candidate.start in text
    for name in (*pose.timings_s, *pose.weak_mm, *pose.versions, "similarity", pose.backend, "leg.nii.gz"):
        assert name in text


def test_nothing_is_fetched_from_anywhere(rng, pictures):
    reader = Reader(make(rng, pictures)[0])
    assert not {"script", "link", "iframe", "object", "base"} & set(reader.tags)
    for name, value in reader.attributes:
        if name in ("src", "href", "srcset", "action", "data"):
            assert value.startswith("data:image/jpeg;base64,")
    without_images = re.sub(r"base64,[A-Za-z0-9+/=]+", "", make(rng, pictures)[0])
    assert not re.search(r"https?:|//[a-z]|@import|url\(", without_images)


def test_foreign_words_are_words_and_never_markup(rng, pictures):
    def edit(pose):
        spoiled = {name: replace(o, value=EVIL, detail=EVIL, source=EVIL) for name, o in pose.provenance.items()}
        return replace(pose, provenance=spoiled | {EVIL: spoiled["sdd_mm"]}, notes=(EVIL,), backend=EVIL, device=EVIL,
                       verdict=replace(pose.verdict, reasons=(EVIL,)), scores=pose.scores | {EVIL: 1.0},
                       candidates=tuple(replace(c, start=EVIL) for c in pose.candidates), frame=EVIL,
                       timings_s={EVIL: 1.0}, weak_mm={EVIL: 1.0}, versions={EVIL: EVIL},
                       inputs={"xray": {"path": EVIL, "sha256": EVIL}, EVIL: {"path": EVIL, "sha256": EVIL}})

    spoiled = tuple(replace(picture, title=EVIL, caption=EVIL) for picture in pictures)
    html, _ = make(rng, spoiled, edit=edit)
    reader = Reader(html)
    assert "script" not in reader.tags
    assert reader.tags.count("b") == Reader(make(rng, pictures)[0]).tags.count("b")
    assert EVIL in reader.text


def test_it_tells_file_names_but_not_the_folders_they_lie_in(rng, pictures):
    html, _ = make(rng, pictures, path="/home/jane-doe-1950/shot.dcm")
    assert "shot.dcm" in html
    assert "jane-doe" not in html


def test_it_says_once_that_it_is_no_medical_device(rng, pictures):
    assert make(rng, pictures)[0].count(DISCLAIMER) == 1


def test_errors_against_the_truth_are_shown_only_where_there_is_one(rng, pictures):
    evaluation = Evaluation(0.123, 0.2, 4.56, 0.3, 4.5, 0.789, ("a",), (0.1,), (0.2,))
    assert "mTRE" not in make(rng, pictures)[0]
    text = Reader(make(rng, pictures, evaluation=evaluation)[0]).text
    for figure in ("0.12 mm", "4.56 mm", "0.789°"):
        assert figure in text


def test_a_result_without_pictures_trace_or_finite_figures_is_still_a_page(rng):
    def edit(pose):
        return replace(pose, scores={"similarity": float("nan")}, weak_mm={"depth": float("inf")}, timings_s={},
                       candidates=(), provenance={}, seed=None)

    radiograph, result = example_result(rng, label="failed", reasons=())
    html = report_html(edit(pose_file_of(radiograph, result, example_volume())), (), ())
    assert "Failed" in Reader(html).text
    assert not re.search(r"\bnan\b", Reader(html).text)
    assert "inf" not in Reader(html).text.replace("info", "")


def test_the_curve_rises_with_the_score_and_runs_with_the_steps():
    trace = tuple(TracePoint("refine", cols, i, score) for i, (cols, score) in
                  enumerate([(64, 0.1), (64, 0.4), (64, 0.5), (128, 0.45), (128, 0.8)]))
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', convergence(trace))]
    x, y = np.array(dots).T
    assert (np.diff(x) > 0).all()
    assert np.argsort(-y).tolist() == [0, 1, 3, 2, 4]
    assert convergence(trace).count("<polyline") == 2
    Reader(convergence((*trace, TracePoint(EVIL, 128, 9, 0.9))))
    assert EVIL not in convergence((*trace, TracePoint(EVIL, 128, 9, 0.9)))
    assert convergence(()) == ""


def test_the_index_links_every_report_and_says_why_one_is_missing(rng, tmp_path):
    poses = [pose_file_of(*example_result(rng, label=label), example_volume()) for label in ("registered", "failed")]
    write_index(tmp_path / "index.html",
                [("first #1 50%", poses[0]), (EVIL, poses[1]), ("third", f"No geometry in {EVIL}.")])
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    reader = Reader(html)
    assert "3 X-rays: 1 registered, 1 failed, 1 without a result" in reader.text
    assert ("href", "first%20%231%2050%25/report.html") in reader.attributes
    assert "script" not in reader.tags
    assert f"No geometry in {EVIL}." in reader.text
    assert html.count(DISCLAIMER) == 1
