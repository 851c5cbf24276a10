"""``report.html``: a registration for a person's eyes, in one file that needs nothing else."""

import math
from datetime import datetime
from html import escape
from pathlib import Path, PurePath
from urllib.parse import quote

import numpy as np

from xvrcore import rigid
from xvrcore.charts import convergence
from xvrcore.evaluation import Evaluation
from xvrcore.files import write_whole
from xvrcore.pictures import Picture
from xvrcore.pose_file import PoseFile
from xvrcore.positioner import angles_of
from xvrcore.report_page import card, image, meter, page, table
from xvrcore.result import TracePoint
from xvrcore.xray import RISES_WITH_INTENSITY

REPORT = "report.html"
WORDS = {"registered": "Registered", "doubtful": "Doubtful", "failed": "Failed"}
ADVICE = {"registered": "The pose fits. Check it in the pictures all the same.",
          "doubtful": "Do not rely on this pose without checking it in the pictures.",
          "failed": "This pose is not to be used."}
VALUE_NAMES = {
    "sdd_mm": "Source to detector (mm)", "source_isocenter_mm": "Source to isocenter (mm)",
    "pixel_spacing_mm": "Pixel spacing at the detector, row × column (mm)",
    "principal_point_px": "Principal point, u, v (px)", "flip": "Stored as a mirror image",
    "polarity": "Stored values rise with", "primary_deg": "Primary angle, + is LAO (°)",
    "secondary_deg": "Secondary angle, + is CRA (°)", "encoding": "Encoding", "field": "Collimated field",
    "patient_orientation": "Patient orientation"}
SLIDER = "this.closest('.compare').querySelectorAll('.stack img')[1].style.opacity=this.value/100"


def write_report(path: str | Path, pose: PoseFile, trace: tuple[TracePoint, ...], pictures: tuple[Picture, ...],
                 evaluation: Evaluation | None = None) -> None:
    """Write the report of one X-ray, whole or not at all.

    :param evaluation: errors against a known truth, where there is one.
    :raises InputError: the place cannot be written to.
    """
    write_whole(path, report_html(pose, trace, pictures, evaluation))


def report_html(pose: PoseFile, trace: tuple[TracePoint, ...], pictures: tuple[Picture, ...],
                evaluation: Evaluation | None = None) -> str:
    """The report of one X-ray as a document."""
    shown = {picture.name: picture for picture in pictures}
    others = [picture for picture in pictures if picture.name not in ("xray", "drr")]
    parts = [
        _heading(pose), _verdict(pose),
        card("Compare", _comparison(shown["xray"], shown["drr"]) if {"xray", "drr"} <= set(shown) else ""),
        card("Pictures", _figures(others)),
        card("Error against the truth", _evaluation(evaluation) if evaluation else ""),
        '<div class="columns">', card("Pose", _pose(pose)), card("X-ray geometry, and where it comes from",
                                                                  _provenance(pose)), "</div>",
        '<div class="columns">', card("Scores", _scores(pose)), card("Poses tried", _candidates(pose)), "</div>",
        '<div class="columns">', card("Similarity while refining", convergence(trace)), card("Time", _times(pose)),
        "</div>", card("Inputs and software", _origins(pose)),
    ]
    return page(f"{_name(pose, 'xray')}: {WORDS[pose.verdict.label].lower()}", "\n".join(filter(None, parts)))


def write_index(path: str | Path, entries: list[tuple[str, PoseFile | str]]) -> None:
    """Write a summary of several X-rays: rows of (the folder of its report beside this page, its pose or why not).

    :raises InputError: the place cannot be written to.
    """
    rows, counts, missing = [], dict.fromkeys(WORDS, 0), 0
    for folder, pose in entries:
        if isinstance(pose, str):
            missing += 1
            rows.append((escape(folder), '<span class="badge failed">No result</span>', "", "", escape(pose)))
            continue
        counts[pose.verdict.label] += 1
        reason = escape(pose.verdict.reasons[0]) if pose.verdict.reasons else ""
        address = f"{quote(PurePath(folder).as_posix())}/{REPORT}"
        rows.append((f'<a href="{address}">{escape(_name(pose, "xray"))}</a>', _badge(pose),
                     f"{pose.verdict.confidence:.0%}", _number(pose.scores.get("similarity", math.nan), 3), reason))
    counts["without a result"] = missing
    summary = ", ".join(f"{count} {label}" for label, count in counts.items() if count)
    body = (f"<h1>{len(entries)} X-rays: {summary}</h1>"
            + card("Results", table(("X-ray", "Verdict", "Confidence", "Similarity", "Why"), rows, numbers=(2, 3))))
    write_whole(path, page("XVR registration", body))


def _heading(pose: PoseFile) -> str:
    made = datetime.fromisoformat(pose.created).strftime("%Y-%m-%d %H:%M UTC") if pose.created else ""
    frame = "" if pose.frame in ("", "0") else f", frame {escape(pose.frame)}"
    return (f"<h1>{escape(_name(pose, 'xray'))}{frame}</h1>\n"
            f'<p class="soft">aligned with {escape(_name(pose, "volume"))} &middot; {made}</p>')


def _verdict(pose: PoseFile) -> str:
    verdict = pose.verdict
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in (*verdict.reasons, *pose.notes))
    return (f'<section class="card verdict {verdict.label}"><div><div class="word">{WORDS[verdict.label]}</div>'
            f"<p>Confidence {verdict.confidence:.0%}</p>{meter(verdict.confidence)}</div>"
            f'<ul><li><b>{ADVICE[verdict.label]}</b></li>{reasons}</ul></section>')


def _comparison(xray: Picture, drr: Picture) -> str:
    return (f'<div class="compare"><div class="stack">{image(xray.pixels, xray.title)}{image(drr.pixels, drr.title)}'
            f'</div><div><p><b>X-ray.</b> {escape(xray.caption)}</p><p><b>DRR.</b> {escape(drr.caption)}</p>'
            f'<p class="screen"><input type="range" min="0" max="100" value="50" aria-label="From X-ray to DRR" '
            f'oninput="{SLIDER}"></p><div class="ends screen"><span>X-ray</span><span>DRR</span></div>'
            '<p class="soft screen">Slide to and fro: nothing should move.</p></div></div>')


def _figures(pictures: list[Picture]) -> str:
    figures, usual = [], min((picture.pixels.shape[1] for picture in pictures), default=0)
    for picture in pictures:
        wide = ' class="wide"' if picture.pixels.shape[1] > usual else ""
        figures.append(f"<figure{wide} onclick=\"this.classList.toggle('wide')\">{image(picture.pixels, picture.title)}"
                       f"<figcaption><b>{escape(picture.title)}</b>{escape(picture.caption)}</figcaption></figure>")
    hint = '<p class="soft screen">Click on a picture to see it larger.</p>'
    return f'{hint}<div class="pictures">{"".join(figures)}</div>' if figures else ""


def _evaluation(evaluation: Evaluation) -> str:
    rows = [("mRPD, on the detector brought back to the landmarks", f"{evaluation.mrpd_mm:.2f} mm"),
            ("mPD, on the detector", f"{evaluation.mpd_mm:.2f} mm"),
            ("mTRE, in space", f"{evaluation.mtre_mm:.2f} mm"),
            ("&emsp;across the beam", f"{evaluation.mtre_in_plane_mm:.2f} mm"),
            ("&emsp;along the beam", f"{evaluation.mtre_depth_mm:.2f} mm"),
            ("Rotation", f"{evaluation.rotation_deg:.3f}°")]
    return table((f"Over {len(evaluation.names)} landmarks", "Error"), rows, numbers=(1,))


def _pose(pose: PoseFile) -> str:
    found, begun = pose.camera.ras_from_camera, pose.initial.ras_from_camera
    primary, secondary, roll = angles_of(found)
    moved = np.linalg.norm(found[:3, 3] - begun[:3, 3])
    rows = [("C-arm angles", f"{_sided(primary, 'LAO', 'RAO')}, {_sided(secondary, 'CRA', 'CAU')}"),
            ("Turn of the image", f"{roll:+.1f}°"),
            ("X-ray source (RAS)", ", ".join(f"{value:.1f}" for value in found[:3, 3]) + " mm"),
            ("From the first pose", f"{rigid.rotation_angle_deg(begun, found):.1f}° and {moved:.0f} mm at the source"),
            ("Mirror image", "yes" if pose.camera.intrinsics.flipped else "no"),
            ("Stored values rise with", _polarity(pose.polarity))]
    content = table(("", "Found"), rows)
    if pose.weak_mm:
        largest = max((v for v in pose.weak_mm.values() if math.isfinite(v)), default=1.0) or 1.0
        weak = [(escape(name), f"{_number(value, 2)} mm", meter(value / largest if math.isfinite(value) else 1.0))
                for name, value in pose.weak_mm.items()]
        content += ("<h3>How far it could move unnoticed</h3>"
                    + table(("Direction", "", ""), weak, numbers=(1,)))
    return content


def _provenance(pose: PoseFile) -> str:
    rows = [(escape(VALUE_NAMES.get(name, name)), escape(_value(name, origin.value)),
             f'<span class="tag {escape(origin.source)}">{escape(origin.source)}</span> {escape(origin.detail)}')
            for name, origin in pose.provenance.items()]
    intrinsics = pose.camera.intrinsics
    rows.append(("Size, rows × columns", f"{intrinsics.rows} × {intrinsics.cols}", '<span class="tag">image</span>'))
    return table(("Value", "", "From"), rows)


def _scores(pose: PoseFile) -> str:
    return table(("Score", ""), [(escape(name.replace("_", " ")), _number(value, 4))
                                 for name, value in pose.scores.items()], numbers=(1,))


def _candidates(pose: PoseFile) -> str:
    rows = []
    for rank, candidate in enumerate(pose.candidates, 1):
        away = rigid.rotation_angle_deg(pose.camera.ras_from_camera, candidate.camera.ras_from_camera)
        mirrored = "mirrored, " if candidate.camera.intrinsics.flipped else ""
        rows.append((str(rank), escape(candidate.start), f"{mirrored}{_polarity(candidate.polarity)}", f"{away:.1f}°",
                     _number(candidate.score, 3)))
    return table(("", "Start", "Read as", "Turned", "Score"), rows, numbers=(3, 4)) if rows else ""


def _times(pose: PoseFile) -> str:
    total = pose.timings_s.get("total", sum(value for value in pose.timings_s.values() if math.isfinite(value)))
    rows = [(escape(name), f"{_number(seconds, 2)} s", meter(seconds / total if total else 0))
            for name, seconds in pose.timings_s.items()]
    return table(("Step", "", ""), rows, numbers=(1,)) if rows else ""


def _origins(pose: PoseFile) -> str:
    inputs = [(escape(kind), escape(_name(pose, kind)), f"<code>{escape(str(entry.get('sha256', ''))[:16])}</code>")
              for kind, entry in pose.inputs.items()]
    versions = " &middot; ".join(f"{escape(name)} {escape(version)}" for name, version in pose.versions.items())
    seed = "" if pose.seed is None else f" &middot; seed {pose.seed}"
    return (table(("Input", "File", "SHA-256 begins"), inputs) + f"<p>Rendered by {escape(pose.backend)} on "
            f'{escape(pose.device)}{seed}</p><p class="soft">{versions}</p>')


def _badge(pose: PoseFile) -> str:
    return f'<span class="badge {pose.verdict.label}">{WORDS[pose.verdict.label]}</span>'


def _name(pose: PoseFile, kind: str) -> str:
    """The file's name alone: folders may tell more than a report should."""
    return PurePath(pose.inputs.get(kind, {}).get("path", "")).name or kind


def _value(name: str, value) -> str:
    if name == "polarity":
        return _polarity(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (tuple, list)):
        return (" × " if name == "pixel_spacing_mm" else ", ").join(_value("", item) for item in value)
    return str(value)


def _polarity(polarity: int) -> str:
    return "intensity (air bright)" if polarity == RISES_WITH_INTENSITY else "attenuation (bone bright)"


def _sided(angle: float, positive: str, negative: str) -> str:
    return f"{abs(angle):.1f}° {positive if angle >= 0 else negative}"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "&ndash;"
