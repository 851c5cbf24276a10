"""The frame of our HTML pages: one style, no links to anywhere, every foreign string escaped."""

import base64
import io
from html import escape

import numpy as np
from PIL import Image

DISCLAIMER = "For research and teaching only. Not a medical device."

STYLE = """
:root { color-scheme: light dark; --ground: #f4f5f7; --card: #fff; --ink: #1d2329; --soft: #5d6873; --line: #dde1e6;
  --good: #1a7f4b; --fair: #a86400; --bad: #bb2a30; --accent: #2467b3; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --card: #1d2125; --ink: #e6e9ec; --soft: #98a3ae;
  --line: #32383f; --good: #4cc38a; --fair: #e5a33d; --bad: #f0696f; --accent: #6aa9ee; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 20px 40px; }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.02rem; margin: 0 0 10px; }
h3 { font-size: .92rem; margin: 18px 0 6px; }
p { margin: 4px 0; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px;
  margin-top: 16px; min-width: 0; }
.columns { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); }
.columns > .card { margin-top: 0; }
.columns { margin-top: 16px; align-items: start; }
.verdict { border-left: 8px solid var(--tone); display: flex; gap: 28px; flex-wrap: wrap; align-items: center; }
.verdict .word { font-size: 1.7rem; font-weight: 650; color: var(--tone); line-height: 1.2; }
.verdict ul { margin: 0; padding-left: 18px; flex: 1 1 420px; }
.registered { --tone: var(--good); } .doubtful { --tone: var(--fair); } .failed { --tone: var(--bad); }
.badge { color: var(--tone); font-weight: 650; white-space: nowrap; }
.meter { background: var(--line); border-radius: 4px; height: 8px; overflow: hidden; min-width: 60px; }
.meter i { display: block; height: 100%; background: var(--tone, var(--accent)); }
.pictures { display: grid; gap: 16px; grid-auto-flow: dense;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
.pictures figure { cursor: zoom-in; } .pictures .wide { grid-column: 1 / -1; cursor: zoom-out; }
figure { margin: 0; } figure img { width: 100%; height: auto; display: block; border-radius: 6px; background: #000; }
figcaption { font-size: .87rem; margin-top: 6px; } figcaption b { display: block; }
.compare { display: grid; gap: 24px; grid-template-columns: minmax(0, 620px) 1fr; align-items: center; }
@media (max-width: 860px) { .compare { grid-template-columns: 1fr; } }
.stack { position: relative; } .stack img { width: 100%; height: auto; display: block; border-radius: 6px; }
.stack img + img { position: absolute; inset: 0; opacity: .5; }
input[type=range] { width: 100%; accent-color: var(--accent); }
.ends { display: flex; justify-content: space-between; font-size: .87rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > td { border-bottom: 0; }
th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td { overflow-wrap: anywhere; } td > .meter { margin-top: 8px; }
.tag { border: 1px solid var(--line); border-radius: 999px; padding: 0 8px; font-size: .8rem; white-space: nowrap; }
.tag.assumed { color: var(--fair); border-color: var(--fair); }
a { color: var(--accent); }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 12px; }
footer { margin-top: 22px; color: var(--soft); font-size: .87rem; text-align: center; }
@media print { :root { --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc; --good: #136b3d;
  --fair: #8a5200; --bad: #9c1c22; } .screen { display: none; } .card, figure, tr { break-inside: avoid; }
  main { padding: 0; } }
"""


def page(title: str, body: str) -> str:
    """A whole document, its title escaped, its body taken as it is."""
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n"
            f"<footer>{DISCLAIMER}</footer>\n</main>\n</body>\n</html>\n")


def card(heading: str, content: str) -> str:
    """A framed part of a page; nothing where there is no content."""
    return f'<section class="card"><h2>{escape(heading)}</h2>\n{content}\n</section>' if content else ""


def table(headings: tuple[str, ...], rows: list[tuple], numbers: tuple[int, ...] = ()) -> str:
    """Rows of HTML cells under escaped headings; ``numbers`` are the columns to set flush right."""
    kinds = [' class="number"' if column in numbers else "" for column in range(len(headings))]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, headings, strict=True))
    body = "\n".join("<tr>" + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
                     for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def image(pixels: np.ndarray, description: str) -> str:
    """An inline picture of (rows, cols, 3) uint8."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=88, subsampling=0)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return (f'<img alt="{escape(description)}" width="{pixels.shape[1]}" height="{pixels.shape[0]}" '
            f'src="data:image/jpeg;base64,{encoded}">')


def meter(share: float) -> str:
    """A bar filled to a share of 0..1."""
    return f'<div class="meter"><i style="width:{100 * min(max(share, 0.0), 1.0):.1f}%"></i></div>'
