"""The dashboard's picture: everything that its definition has, and example data for nothing else."""

import html
import itertools
from typing import Any

import pytest

from bench import dashboard_picture
from bench.example_hours import MINUTES, example_data


@pytest.fixture(scope="module")
def widgets() -> Any:
    return dashboard_picture.definition()["widgets"]


def labels(widget: Any) -> list[str]:
    """Of the metrics that the widget shows."""
    options = [metric[-1] for metric in widget["properties"].get("metrics", [])]
    return [each["label"] for each in options if each.get("visible", True)]


def test_every_widget_and_every_metric_is_drawn(widgets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_picture, "definition", lambda: {"widgets": widgets})
    page = dashboard_picture.page()
    titles = [widget["properties"]["title"] for widget in widgets if "title" in widget["properties"]]
    shown = [*titles, *itertools.chain.from_iterable(map(labels, widgets))]
    assert len(shown) > 40
    assert [text for text in shown if html.escape(text) not in page] == []


def test_the_example_data_are_of_metrics_that_the_dashboard_shows(widgets: Any) -> None:
    of_widgets = {f"{widget['properties'].get('title')}/{label}" for widget in widgets for label in labels(widget)}
    known = of_widgets | {name.partition("/")[2] for name in of_widgets}
    assert example_data().keys() - known == set()


def test_what_came_is_what_ended_or_is_on_the_way() -> None:
    data = example_data()
    ended = sum(sum(data[name]) for name in ("delivered", "rejected", "skipped", "failed"))
    on_the_way = data["waiting for the API"][-1] + 2 * max(data["paid"][-2:])
    assert 0 <= sum(data["came"]) - ended <= on_the_way
    assert {len(values) for values in data.values()} == {MINUTES, MINUTES // 60}
