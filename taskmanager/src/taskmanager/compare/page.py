"""The comparison as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from taskmanager.compare.forms import NAMES
from taskmanager.compare.pictures import Theme, draw
from taskmanager.compare.running import Shown
from taskmanager.compare.shown import COLUMNS, LEGEND, cells, circumstances

_STYLE: Final = """
:root { color-scheme: light dark; --page: #ffffff; --text: #1b1f24; --faint: #5b6470; --line: #d5dae0; }
.dark { display: none; }
@media (prefers-color-scheme: dark) {
  :root { --page: #15181c; --text: #e6e8eb; --faint: #9aa3ad; --line: #343a42; }
  .dark { display: block; }
  .light { display: none; }
}
body { background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 68rem; padding: 1rem; }
h2 { margin-top: 2.5rem; }
.faint { color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
figure { margin: 1rem 0; max-width: 40rem; }
figure svg { height: auto; width: 100%; }
dt { font-weight: 600; }
dd { margin: 0 0 .4rem; }
"""


def page(scenes: Sequence[Sequence[Shown]], about: str) -> str:
    """Return the page.

    Args:
        scenes: each scene with each form.
        about: one sentence that says when, where and with which versions it was measured.
    """
    parts = [_scene(shown) for shown in scenes]
    legend = "".join(f"<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>" for name, meaning in LEGEND)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>REST and RabbitMQ compared</title><style>{_STYLE}</style></head><body>\n"
        "<h1>REST and RabbitMQ compared</h1>\n"
        "<p>The same application and the same load in both of its forms: over HTTP alone "
        "(<code>gateway --direct</code>), and over RabbitMQ. In each picture the bars show the slowest caller, the "
        "line the median, and the crosses when some caller got no result.</p>\n"
        f'<p class="faint">{escape(about)}</p>\n{"".join(parts)}\n<h2>What the columns mean</h2>\n<dl>{legend}</dl>\n'
        "</body></html>\n"
    )


def _scene(shown: Sequence[Shown]) -> str:
    scene = shown[0].scene
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("", *COLUMNS))
    rows = "".join(
        f'<tr><th scope="row">{escape(NAMES[each.form])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells(each.judgement))
        + "</tr>"
        for each in shown
    )
    return (
        f'<section id="{escape(scene.name)}"><h2>{escape(scene.title)}</h2><p>{escape(circumstances(scene))}</p>'
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"{_picture(shown, 'light')}{_picture(shown, 'dark')}<p>{escape(scene.says)}</p></section>\n"
    )


def _picture(shown: Sequence[Shown], theme: Theme) -> str:
    """Return a picture as a part of the page; ids in it are made different from those of all others."""
    svg = draw(shown, theme, "svg").decode()
    svg = svg[svg.index("<svg") :]
    mark = f"{shown[0].scene.name}-{theme}-"
    svg = svg.replace('id="', f'id="{mark}').replace('href="#', f'href="#{mark}').replace("url(#", f"url(#{mark}")
    label = escape(f"How long callers waited: {shown[0].scene.title}")
    return f'<figure class="{theme}" role="img" aria-label="{label}">{svg}</figure>'
