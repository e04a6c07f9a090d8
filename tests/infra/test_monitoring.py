"""Monitoring: what raises an alarm, what does not, that it is delivered, and that the dashboard shows all of it."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dropcut_cdk.monitoring import LOGGED_ERRORS, RUNBOOK

from .synthesized import Synthesized, written_out

OURS = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
FUNCTIONS = Path("functions/dropcut")


def emitted() -> set[str]:
    """The names of all metrics that the functions count: `count("A", B=1)`, or `count(_METRIC[kind])` by a table."""
    names = set[str]()
    for path in FUNCTIONS.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        tables = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "count":
                names |= {str(keyword.arg) for keyword in node.keywords}
                for argument in node.args:
                    if isinstance(argument, ast.Subscript) and isinstance(argument.value, ast.Name):
                        names |= set(ast.literal_eval(tables[argument.value.id]).values())
                    else:
                        names.add(ast.literal_eval(argument))
    return names


def alarms(app: Synthesized) -> dict[str, Any]:
    """The alarms' properties by construct id."""
    every = app.resources("Monitoring", "AWS::CloudWatch::Alarm")
    return {re.sub(r"[0-9A-F]{8}$", "", name): alarm["Properties"] for name, alarm in every.items()}


def test_there_is_an_alarm_for_each_way_to_go_wrong(app: Synthesized) -> None:
    dead_letters = {f"DeadLetters{stage}" for stage in ("Prepare", "Cut", "Deliver")}
    assert set(alarms(app)) == dead_letters | {
        "Errors",
        "CredentialsExposed",
        "CreditsPerHour",
        "SpendingPaused",
        "WorkStuck",
        "Rejections",
    }


def test_every_alarm_says_what_to_do_and_notifies_the_topic(app: Synthesized) -> None:
    for name, alarm in alarms(app).items():
        assert "\n\nWhat to do: " in alarm["AlarmDescription"], name
        assert len(alarm["AlarmDescription"]) <= 1024, name
        assert [written_out(arn) for arn in alarm["AlarmActions"]] == ["<AlarmTopic>"], name
        assert alarm["OKActions"] == alarm["AlarmActions"], name


def test_every_alarm_has_its_section_in_the_runbook_and_the_reverse(full_app: Synthesized) -> None:
    sections = re.findall(r"^## (\w+)$", Path(RUNBOOK).read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(alarms(full_app))
    for name, alarm in alarms(full_app).items():
        assert alarm["AlarmDescription"].endswith(f"\n\nMore: {RUNBOOK}#{name.lower()}"), name


def test_every_alarm_names_commands_of_its_section(full_app: Synthesized) -> None:
    """On its own stage; the section's are those of `prod`."""
    for name, alarm in alarms(full_app).items():
        section = Path(RUNBOOK).read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        commands = re.findall(r"`dropcut ([^`]+) --stage full`", alarm["AlarmDescription"])
        assert commands, name
        assert [each for each in commands if f"\ndropcut {each.partition(' --reason')[0]}" not in section] == [], name


def test_no_data_is_no_alarm(app: Synthesized) -> None:
    assert {alarm["TreatMissingData"] for alarm in alarms(app).values()} == {"notBreaching"}


def test_dead_letters_are_counted_where_they_lie(app: Synthesized) -> None:
    """Not as sent there: SQS does not count what it moves by itself."""
    for stage in ("Prepare", "Cut", "Deliver"):
        alarm = alarms(app)[f"DeadLetters{stage}"]
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 0)
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        assert alarm["EvaluationPeriods"] == 1
        assert f"{stage}QueuesDeadLetterQueue" in json.dumps(alarm["Dimensions"])
        queue = {"Prepare": "intake"}.get(stage, stage.lower())
        assert f"`dropcut redrive --queue {queue} --send --stage prod`" in alarm["AlarmDescription"]


def test_one_logged_error_of_any_function_is_enough(app: Synthesized) -> None:
    alarm = alarms(app)["Errors"]
    assert (alarm["Statistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == ("Sum", 0, 1)
    filters = [each["Properties"] for each in app.resources("Monitoring", "AWS::Logs::MetricFilter").values()]
    assert {written_out(each["LogGroupName"]) for each in filters} == {
        f"<{name}Logs>" for name in ("Prepare", "Cut", "Deliver", "Gatekeeper", "Feeder")
    }
    for each in filters:
        assert each["FilterPattern"] == " ".join(f'?"{words}"' for words in LOGGED_ERRORS)
        (metric,) = each["MetricTransformations"]
        assert (metric["MetricNamespace"], metric["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
        assert "DefaultValue" not in metric, "zeros would be paid for"


def test_the_words_of_unknown_errors_are_those_that_the_functions_log() -> None:
    """Nothing else would show them: such an error is caught."""
    logged = "".join(path.read_text() for path in FUNCTIONS.rglob("*.py"))
    unknown = [words for words in LOGGED_ERRORS if "could not" in words]
    assert len(unknown) == 2
    assert all(words in logged for words in unknown)


def arithmetic(alarm: Any) -> tuple[str, dict[str, Any]]:
    """The alarm's expression, and its metrics by id."""
    expressions = [m["Expression"] for m in alarm["Metrics"] if "Expression" in m]
    assert len(expressions) == 1
    return expressions[0], {m["Id"]: m["MetricStat"] for m in alarm["Metrics"] if "MetricStat" in m}


def test_old_work_is_an_alarm_only_while_nothing_is_done(app: Synthesized) -> None:
    """On age alone it would go off whenever the queue does what it is for."""
    expression, metrics = arithmetic(alarms(app)["WorkStuck"])
    assert expression == "IF(age > 1800 AND FILL(done, 0) < 1, age, 0)"
    assert metrics["age"]["Metric"]["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert "CutQueuesQueue" in json.dumps(metrics["age"]["Metric"]["Dimensions"])
    assert metrics["done"]["Metric"]["MetricName"] == "NumberOfMessagesDeleted"
    assert metrics["done"]["Metric"]["Dimensions"] == metrics["age"]["Metric"]["Dimensions"]


def test_rejections_are_a_share_of_at_least_ten_photos_that_ended(app: Synthesized) -> None:
    """Photos that came in an earlier hour, and waited, end in this one."""
    alarm = alarms(app)["Rejections"]
    expression, metrics = arithmetic(alarm)
    ended = "FILL(delivered, 0) + rejected"
    assert expression == f"IF({ended} >= 10, 100 * rejected / ({ended}), 0)"
    assert {name: stat["Metric"]["MetricName"] for name, stat in metrics.items()} == {
        "delivered": "PhotosDelivered",
        "rejected": "PhotosRejected",
    }
    assert alarm["Threshold"] == 20


def test_more_credits_in_an_hour_than_the_setting_are_an_alarm(
    app: Synthesized, synthesize: Callable[..., Synthesized]
) -> None:
    for synthesized, credits in ((app, 1000), (synthesize(alarm_credits_per_hour=12.5), 12.5)):
        alarm = alarms(synthesized)["CreditsPerHour"]
        assert (alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == ("CreditsSpent", "Sum", 3600)
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (credits, 1)
        assert f"More than {credits:g} credits" in alarm["AlarmDescription"]


def test_a_pause_is_an_alarm(app: Synthesized) -> None:
    pause = alarms(app)["SpendingPaused"]
    assert (pause["MetricName"], pause["Statistic"], pause["Threshold"]) == ("SpendingIsPaused", "Maximum", 0)


# ---- the topic


def topic_statements(app: Synthesized) -> list[Any]:
    policy = next(iter(app.resources("Monitoring", "AWS::SNS::TopicPolicy").values()))
    statements: list[Any] = policy["Properties"]["PolicyDocument"]["Statement"]
    return statements


def test_cloudwatch_may_publish_to_the_topic_which_has_no_key(app: Synthesized) -> None:
    """With AWS's own key for SNS no alarm is ever delivered, and nothing says so."""
    assert "KmsMasterKeyId" not in app.properties("Monitoring", "AWS::SNS::Topic", "AlarmTopic")
    assert not app.resources("Monitoring", "AWS::KMS::Key")
    publish = [s for s in topic_statements(app) if s["Effect"] == "Allow"]
    assert [(s["Principal"], s["Action"], s["Condition"]) for s in publish] == [
        ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish", OURS)
    ]


# ---- what they cost, as the documents say


def test_the_costs_page_counts_the_alarms_and_the_metrics_that_they_look_at(app: Synthesized) -> None:
    looked_at = [sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1 for alarm in alarms(app).values()]
    assert sum(looked_at) == 11
    row = f"| {len(looked_at)} alarms | on {sum(looked_at)} metrics x 0.10 | {sum(looked_at) * 0.10:.2f} |"
    assert row in Path("docs/costs.md").read_text()


def test_the_costs_page_counts_the_metrics_that_the_functions_emit() -> None:
    and_that_of_the_logs = len(emitted()) + 1
    assert f"(up to {and_that_of_the_logs} x 0.30 in a month of photos)" in Path("docs/costs.md").read_text()


def test_the_price_of_idle_webhooks_is_the_sum_of_what_they_add(app: Synthesized, full_app: Synthesized) -> None:
    page = Path("docs/webhooks.md").read_text()
    (said,) = re.findall(r"Idle, they cost about ([\d.]+) \$", page)
    (secret, alarm, polling) = re.findall(r"costs ([\d.]+)", page.partition("Idle, they cost")[2])[:3]
    assert alarms(full_app).keys() - alarms(app).keys() == {"DeadLettersNotify"}
    assert (secret, alarm, polling) == ("0.40", "0.10", f"{5 * 130_000 * 0.40 / 1_000_000:.2f}")
    assert said == f"{float(secret) + float(alarm) + float(polling):.2f}"


def test_the_topic_is_reached_by_tls_only(app: Synthesized) -> None:
    assert [s["Condition"] for s in topic_statements(app) if s["Effect"] == "Deny"] == [
        {"Bool": {"aws:SecureTransport": "false"}}
    ]


def test_alarms_go_by_mail_only_where_an_address_is_set(app: Synthesized, full_app: Synthesized) -> None:
    assert not app.resources("Monitoring", "AWS::SNS::Subscription")
    (subscription,) = full_app.resources("Monitoring", "AWS::SNS::Subscription").values()
    assert (subscription["Properties"]["Protocol"], subscription["Properties"]["Endpoint"]) == (
        "email",
        "someone@example.com",
    )


# ---- the dashboard


def widgets_of(app: Synthesized) -> list[Any]:
    (dashboard,) = app.resources("Monitoring", "AWS::CloudWatch::Dashboard").values()
    text = written_out(dashboard["Properties"]["DashboardBody"])
    found: list[Any] = json.loads(text)["widgets"]
    return found


@pytest.fixture(scope="module")
def widgets(app: Synthesized) -> list[Any]:
    return widgets_of(app)


def test_there_is_one_dashboard_with_a_text_on_how_to_read_it(widgets: list[Any]) -> None:
    texts = [w["properties"]["markdown"] for w in widgets if w["type"] == "text"]
    assert len(texts) == 1
    assert "150 requests in 10 s" in texts[0]


def test_each_metric_that_the_functions_emit_is_shown_or_raises_an_alarm(full_app: Synthesized) -> None:
    shown = set(re.findall(r"\w+", json.dumps(widgets_of(full_app))))
    rings = {alarm.get("MetricName") for alarm in alarms(full_app).values()}
    assert len(emitted()) > 20
    assert emitted() - shown - rings == set()


def test_the_first_row_answers_what_came_waited_was_paid_for_and_became_of_it(widgets: list[Any]) -> None:
    first_row = [w for w in widgets if w["type"] == "metric" and w["y"] == 2]
    labels = set(re.findall(r'"label": "([^"]+)"', json.dumps(first_row)))
    assert labels >= {"came", "delivered", "rejected", "skipped", "failed", "paid", "credits"}
    assert labels >= {"waiting for the API", "dead letters"}


def test_our_metrics_have_the_one_dimension_that_the_functions_use(app: Synthesized, widgets: list[Any]) -> None:
    ours = [a for name, a in alarms(app).items() if a.get("Namespace") == "Dropcut" and name != "Errors"]
    assert ours
    assert all(alarm["Dimensions"] == [{"Name": "service", "Value": "dropcut-prod"}] for alarm in ours)
    on_dashboard = [m for w in widgets for m in w["properties"].get("metrics", []) if m[0] == "Dropcut"]
    assert on_dashboard
    assert all(metric[2:4] == ["service", "dropcut-prod"] for metric in on_dashboard)


def test_no_widget_covers_another(full_app: Synthesized) -> None:
    widgets = widgets_of(full_app)
    cells = [
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))
    assert all(w["x"] + w["width"] <= 24 for w in widgets)
