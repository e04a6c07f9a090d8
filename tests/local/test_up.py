"""`make up`: where it listens, and what it says when it is up already."""

from pathlib import Path

import pytest

from dropcut_cli.clone import settings_line
from dropcut_cli.clone.problem import Problem
from local import down, up
from local.embedded_aws import Account
from local.ports import any_free_port
from local.system import System
from stand_in.stand_in import USUAL_KEY


@pytest.fixture(autouse=True)
def nothing_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_PORT", "API_PORT"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(("variable", "others"), [("AWS_PORT", "API_PORT"), ("API_PORT", "AWS_PORT")])
def test_the_port_that_was_asked_for_is_not_given_to_the_other_program(
    variable: str, others: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when the other would take it by itself."""
    port = any_free_port()
    monkeypatch.setattr(up, others, port)
    monkeypatch.setenv(variable, str(port))
    ports = up.choose_ports()
    assert {"AWS_PORT": ports.aws, "API_PORT": ports.api}[variable] == port
    assert ports.aws != ports.api


def test_one_port_asked_for_twice_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two programs would find it taken."""
    port = str(any_free_port())
    monkeypatch.setenv("AWS_PORT", port)
    monkeypatch.setenv("API_PORT", port)
    with pytest.raises(Problem, match=f"Port {port}.* is asked for twice"):
        up.choose_ports()


@pytest.fixture
def is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = {
        "endpoint_url": "https://127.0.0.1:4566",
        "region": "us-east-1",
        "access_key_id": "test",
        "secret_access_key": "test",
        "ca_bundle": "/a folder/ca.pem",
        "api_base_url": "http://127.0.0.1:8650",
        "outputs": {"InputBucketName": "in", "OutputBucketName": "out"},
    }
    monkeypatch.setattr(up, "LOCAL", tmp_path)
    monkeypatch.setattr(up, "UP", tmp_path / "up")
    monkeypatch.setattr(up, "what_is_up", lambda: stack)
    monkeypatch.delenv("SETTINGS", raising=False)


def test_a_system_that_is_up_says_how_to_drop_a_photo(
    is_up: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one line that can be copied, with the port it was asked for or without."""
    monkeypatch.setenv("AWS_PORT", "4566")
    assert up.main() == 0
    said = capfd.readouterr().out
    assert "    ./dropcut put samples/cat.webp --local --wait\n" in said
    assert "AWS_CA_BUNDLE='/a folder/ca.pem' aws --region us-east-1 --endpoint-url https://127.0.0.1:4566 s3 cp" in said
    assert "samples/cat.webp s3://in/\n" in said


@pytest.mark.parametrize(("key", "warned"), [("sk-real", True), (USUAL_KEY, False)])
def test_a_real_key_that_is_put_in_is_warned_of(
    key: str, warned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(up, "LOCAL", tmp_path)
    monkeypatch.setattr(up, "UP", tmp_path / "up")
    monkeypatch.setattr(up, "STACK_FILE", tmp_path / "stack.json")
    monkeypatch.delenv("SETTINGS", raising=False)
    account = Account("https://127.0.0.1:4566", Path("ca.pem"), "AKIA", "a secret")
    outputs = {"InputBucketName": "in", "OutputBucketName": "out"}
    system = System(tmp_path, account, "http://127.0.0.1:8650", key, outputs, ())
    monkeypatch.setattr(up, "bring_up", lambda *_, **__: system)
    assert up.main() == 0
    said = capfd.readouterr().out
    assert ("A real API key is in this system's secret." in said) is warned
    assert key not in said
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path, tmp_path / "up")] == ["0o700", "0o700"]
    assert oct((tmp_path / "stack.json").stat().st_mode & 0o777) == "0o600"


def test_a_photo_is_dropped_where_photos_are_looked_for(
    is_up: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The prefix may stay in cdk.json."""
    cdk_json = tmp_path / "cdk.json"
    cdk_json.write_text('{"context": {"input_prefix": "my shop/"}}')
    monkeypatch.setattr(settings_line, "CDK_JSON", cdk_json)
    (tmp_path / "up").mkdir()
    (tmp_path / "up" / "settings.json").write_text('{"input_prefix": "my shop/"}')
    assert up.main() == 0
    assert "samples/cat.webp 's3://in/my shop/'\n" in capfd.readouterr().out


@pytest.mark.parametrize("variable", ["AWS_PORT", "API_PORT"])
def test_a_system_that_is_up_at_another_port_is_a_problem(
    variable: str, is_up: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked for a port will look there."""
    monkeypatch.setenv(variable, "4999")
    with pytest.raises(Problem, match=f"not at 4999, which {variable} asks for"):
        up.main()


def test_wrong_settings_are_named_also_while_a_system_is_up(is_up: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the one that is up has others is true, and does not help."""
    monkeypatch.setenv("SETTINGS", "output_format=gif")
    with pytest.raises(Problem, match=r"output_format.*gif.*Allowed: png or webp"):
        up.main()


@pytest.fixture
def left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's folder, of which nothing runs any more."""
    folder = tmp_path / "up"
    (folder / "tmp").mkdir(parents=True)
    for name in ("functions.log", "server-key.pem", "settings.json"):
        (folder / name).write_text("x")
    monkeypatch.setattr(up, "LOCAL", tmp_path)
    monkeypatch.setattr(up, "UP", folder)
    monkeypatch.setattr(up, "STACK_FILE", tmp_path / "stack.json")
    return folder


def test_after_down_the_logs_stay_and_nothing_else(left_behind: Path) -> None:
    """What the functions said is asked for afterwards, too."""
    assert down.main() == 0
    assert [path.name for path in left_behind.iterdir()] == ["functions.log"]


def test_the_next_up_begins_its_logs_anew(left_behind: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []

    def bring_up(folder: Path, *_: object, **__: object) -> None:
        seen.extend(folder.iterdir())
        raise Problem("no")

    monkeypatch.delenv("SETTINGS", raising=False)
    monkeypatch.setattr(up, "bring_up", bring_up)
    with pytest.raises(Problem, match="no"):
        up.main()
    assert seen == []


def test_a_state_folder_that_cannot_be_written_to_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sentence."""
    (tmp_path / "local").symlink_to("gone")
    monkeypatch.setattr(up, "LOCAL", tmp_path / "local")
    with pytest.raises(Problem, match="local cannot be written to: it is a link to gone"):
        down.main()
