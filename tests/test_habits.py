"""What runs at GitHub and before a commit: the commands of a person's machine, with no more rights than needed."""

import re
from typing import Any

import pytest
import yaml

from dropcut_cli.clone.places import REPOSITORY

WORKFLOWS = {path.name: path for path in sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))}
TARGETS = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
BENCHMARKS = re.findall(
    r'^    "(\w+)": \w+\.measure,$', (REPOSITORY / "bench" / "__main__.py").read_text(), re.MULTILINE
)
"""By name; to import them would load all image libraries."""
LEFT_OUT = {"demo"}
"""Of the benchmarks, by night: the tests run demos already."""


def workflow(name: str) -> Any:
    return yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_action_is_pinned_to_a_commit_and_names_its_full_version(name: str) -> None:
    used = re.findall(r"uses: (.+)", WORKFLOWS[name].read_text(encoding="utf-8"))
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_workflow_may_only_read_the_code_and_ends_in_time(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {"contents": "read"}
    for job in found["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 120
    for step in steps(name):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_each_push_runs_what_has_to_hold() -> None:
    assert [step["run"] for step in steps("check.yml") if "run" in step] == [".ci/run"]
    assert workflow("check.yml")[True].keys() == {"push", "pull_request"}  # YAML reads `on` as true


def test_each_night_runs_every_benchmark() -> None:
    parts = workflow("nightly.yml")["jobs"]["bench"]["strategy"]["matrix"]["part"]
    assert sorted(" ".join(parts).split()) == sorted(set(BENCHMARKS) - LEFT_OUT)
    commands = [step["run"] for step in steps("nightly.yml") if "run" in step]
    made = {command.removeprefix("make ") for command in commands if command.startswith("make ")}
    assert made == {"audit", "ready"}
    assert made <= set(TARGETS)


def hooks() -> dict[str, Any]:
    """Of pre-commit, by their ids; all of them run at a stage that `pre-commit install` sets up."""
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repo,) = config["repos"]
    assert repo["repo"] == "local"
    assert [stage for hook in repo["hooks"] for stage in hook["stages"]] == config["default_install_hook_types"]
    return {hook["id"]: hook for hook in repo["hooks"]}


def test_what_runs_before_a_commit_is_make_check() -> None:
    check = hooks()["check"]
    assert (check["stages"], check["entry"], check["always_run"]) == (["pre-commit"], "make check", True)


@pytest.mark.parametrize(
    ("message", "is_refused"),
    [
        ("a" * 60, False),
        ("a" * 61, True),
        ("a" * 60 + "\n\n" + "b" * 100 + "\n", False),
        ("a" * 61 + "\n\nb\n", True),
        ("Merge branch 'one' of " + "a" * 60, False),
    ],
)
def test_a_subject_of_more_than_60_characters_is_refused(message: str, is_refused: bool) -> None:
    subject = hooks()["subject"]
    assert (subject["stages"], subject["language"], subject["args"]) == (["commit-msg"], "pygrep", ["--multiline"])
    assert bool(re.search(subject["entry"].encode(), message.encode(), re.MULTILINE)) is is_refused


def test_every_kind_of_dependency_is_looked_after() -> None:
    updates = yaml.safe_load((REPOSITORY / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"pip", "npm", "github-actions"}
    folders = {folder for update in updates for folder in update.get("directories", [])}
    ours = {f"/{path.parent.relative_to(REPOSITORY)}" for path in REPOSITORY.glob("*/requirements.txt")}
    assert folders >= ours
