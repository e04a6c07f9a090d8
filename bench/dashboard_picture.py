"""The dashboard as a page: its widgets, titles and metrics from its own definition, with example data."""

import html
import json
import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import App, Token
from aws_cdk import aws_cloudwatch as cloudwatch

from bench.example_hours import LOGGED, MINUTES, Series, example_data
from dropcut_cli.clone.places import REPOSITORY
from infra.settings import Settings
from infra.stacks import add_stacks

_COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#17becf")
_UNIT = (56.5, 46)
"""Width and height of one unit of the dashboard's grid, in pixels."""


def page() -> str:
    """The whole dashboard as HTML."""
    data = example_data()
    widgets = "".join(_widget(each, data) for each in definition()["widgets"])
    return _PAGE.replace("WIDGETS", widgets)


def definition() -> Any:
    """The body of the dashboard that our own deployment makes."""
    with tempfile.TemporaryDirectory() as folder:
        flags = json.loads((REPOSITORY / "cdk.json").read_text(encoding="utf-8"))["context"]
        app = App(outdir=folder, context={"aws:cdk:bundling-stacks": [], **flags})
        add_stacks(app, Settings())
        templates = [stack.template for stack in app.synth().stacks_recursively]
    bodies = [
        resource["Properties"]["DashboardBody"]
        for template in templates
        for resource in template["Resources"].values()
        if resource["Type"] == cloudwatch.CfnDashboard.CFN_RESOURCE_TYPE_NAME
    ]
    assert len(bodies) == 1
    return json.loads(_without_references(bodies[0]))


def _without_references(text: Any) -> str:
    """Names that CloudFormation fills in are in no title: they are left out."""
    assert not Token.is_unresolved(text)
    if isinstance(text, str):
        return text
    _separator, parts = text["Fn::Join"]
    return "".join(part if isinstance(part, str) else "-" for part in parts)


def _widget(widget: Mapping[str, Any], data: Mapping[str, Series]) -> str:
    left, top = widget["x"] * _UNIT[0], widget["y"] * _UNIT[1]
    width, height = widget["width"] * _UNIT[0] - 10, widget["height"] * _UNIT[1] - 10
    properties = widget["properties"]
    title = properties.get("title", "")
    match widget["type"], properties.get("view"):
        case "text", _:
            content = _markdown(properties["markdown"])
        case "log", _:
            rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in LOGGED)
            content = f"<table><tr><th>@timestamp<th>level<th>service<th>message<th>key</tr>{rows}</table>"
        case _, "singleValue":
            content = _numbers(_shown(properties, data), whole_time=properties.get("setPeriodToTimeRange", False))
        case _:
            content = _graph(_shown(properties, data), width - 20, height - 66)
    place = f"left:{left:.0f}px;top:{top:.0f}px;width:{width:.0f}px;height:{height:.0f}px"
    return f'<section style="{place}"><h2>{html.escape(title)}</h2>{content}</section>'


Line = tuple[str, bool, Series]
"""Label, whether it is read on the right, and its values."""


def _shown(properties: Mapping[str, Any], data: Mapping[str, Series]) -> Sequence[Line]:
    """The metrics that are drawn. Those without example data lie on zero."""
    lines = []
    for metric in properties["metrics"]:
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        if options.get("visible", True):
            label = options["label"]
            values = data.get(f"{properties['title']}/{label}") or data.get(label) or [0.0] * MINUTES
            lines.append((label, options.get("yAxis") == "right", values))
    return lines


def _markdown(text: str) -> str:
    escaped = html.escape(" ".join(text.split()))
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escaped)
    return "<p>" + re.sub(r"[*](.+?)[*]", r"<i>\1</i>", bold) + "</p>"


def _numbers(lines: Sequence[Line], *, whole_time: bool) -> str:
    cells = [
        f'<div><span>{html.escape(label)}</span><strong style="color:{colour}">'
        f"{sum(values) if whole_time else values[-1]:,.0f}</strong></div>"
        for colour, (label, _right, values) in zip(_COLOURS, lines, strict=False)
    ]
    return f'<div class="numbers">{"".join(cells)}</div>'


def _graph(lines: Sequence[Line], width: float, height: float) -> str:
    """One SVG: an axis on each side that is used, the time below, and a legend."""
    axes = {side: _round_up(max([1.0, *(max(v) for _l, right, v in lines if right == side)])) for side in (False, True)}
    used = {right for _label, right, _values in lines}
    x0, x1, y0, y1 = 46.0, width - (46 if True in used else 8), 8.0, height - 22
    drawn = []
    for part in range(5):
        y = y1 - (y1 - y0) * part / 4
        drawn.append(f'<line x1="{x0}" x2="{x1}" y1="{y}" y2="{y}" class="grid"/>')
        drawn += [
            f'<text x="{x1 + 6 if right else x0 - 6}" y="{y + 4}" text-anchor="{"start" if right else "end"}">'
            f"{axes[right] * part / 4:,g}</text>"
            for right in used
        ]
    for half_hour in range(7):
        x = x0 + (x1 - x0) * half_hour / 6
        anchor = "end" if half_hour == 6 else "middle"
        drawn.append(
            f'<text x="{x}" y="{y1 + 16}" text-anchor="{anchor}">{9 + half_hour // 2:02}:{half_hour % 2 * 30:02}</text>'
        )
    for number, (_label, right, values) in enumerate(lines):
        step = (x1 - x0) / max(1, len(values) - 1)
        points = " ".join(
            f"{x0 + at * step:.1f},{y1 - (y1 - y0) * value / axes[right]:.1f}" for at, value in enumerate(values)
        )
        drawn.append(f'<polyline points="{points}" stroke="{_COLOURS[number]}"/>')
    legend = "".join(
        f'<span><i style="background:{_COLOURS[number]}"></i>{html.escape(label)}</span>'
        for number, (label, _right, _values) in enumerate(lines)
    )
    return f'<svg width="{width:.0f}" height="{height:.0f}">{"".join(drawn)}</svg><div class="legend">{legend}</div>'


def _round_up(value: float) -> float:
    """The next of 1, 2, 4 and 8 times a power of ten: a quarter of each is short to write."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 8, 10) if value <= power * step)


_PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #fff; font: 13px "Liberation Sans", Arial, sans-serif; color: #16191f; }
main { position: relative; width: 1366px; height: 1720px; background: #f2f3f3; margin: 10px; padding: 0; }
header { position: absolute; left: 10px; top: 12px; font-size: 19px; }
header small { font-size: 13px; color: #687078; margin-left: 12px; }
.grid-of-widgets { position: absolute; left: 10px; top: 48px; }
section { position: absolute; background: #fff; border: 1px solid #d5dbdb; border-radius: 3px; box-sizing: border-box;
  padding: 8px 10px; overflow: hidden; }
h2 { font-size: 14px; margin: 0 0 6px; } h2:empty { display: none; }
p { margin: 6px 0; line-height: 1.5; }
.numbers { display: flex; flex-wrap: wrap; gap: 12px 26px; align-items: center; height: 75%; }
.numbers div { display: flex; flex-direction: column; } .numbers span { color: #545b64; }
.numbers strong { font-size: 25px; font-weight: 400; }
svg { display: block; } svg text { font-size: 11px; fill: #687078; }
.grid { stroke: #eaeded; } polyline { fill: none; stroke-width: 1.6; }
.legend { display: flex; flex-wrap: wrap; gap: 1px 12px; font-size: 11.5px; height: 32px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 4px; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; }
td, th { padding: 5px 10px; border-bottom: 1px solid #eaeded; }
</style><main><header><b>dropcut-prod</b><small>drawn from the dashboard's definition, with example data: a burst of
20,000 photos, and six minutes in which the API fails</small></header>
<div class="grid-of-widgets">WIDGETS</div></main>"""
