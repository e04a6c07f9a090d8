"""Which account the environment names, and what a person reads when it names none."""

import boto3
import pytest
from moto import mock_aws

from dropcut_cli.account.real_account import RealAccount, real_account
from dropcut_cli.clone.problem import Problem


def test_no_region_is_a_problem_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's own words name no variable."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(Problem, match="AWS_REGION="):
        real_account()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials to use"),
        ({"AWS_PROFILE": "nobody"}, "profile .nobody. could not be found"),
    ],
)
def test_who_cannot_sign_in_reads_how(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str) -> None:
    """With AWS's own reason."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
    with pytest.raises(Problem, match=f"(?s){words}.*aws sso login"):
        real_account()


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [("mars-1", "http://127.0.0.1:9"), ("mars 1", "http://127.0.0.1:9"), ("mars-1", "http://nowhere.invalid")],
)
def test_where_nothing_answers_nobody_is_sent_to_sign_in(
    monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str
) -> None:
    """The network is down, or the region is invented: the addresses of its hosts are then not found."""
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    words = r"Check the network, and the region \(" if region == "mars-1" else "or it is none"
    with pytest.raises(Problem, match=words) as problem:
        real_account()
    assert "sso login" not in str(problem.value)


def test_a_stack_that_cannot_be_asked_for_is_a_problem(account: RealAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network may go in between."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9")
    with mock_aws(config={"core": {"mock_credentials": True, "passthrough": {"urls": [r".*127\.0\.0\.1.*"]}}}):
        asking = RealAccount(boto3.Session(region_name="us-east-1"), "1", "us-east-1", "arn")
        with pytest.raises(Problem, match="Check the network, and the region"):
            asking.describe("Dropcut-prod-Storage")


def test_the_cdk_gets_a_persons_access_to_aws_and_not_their_api_key(
    account: RealAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROPCUT_API_KEY", "sk-real")
    variables = account.variables()
    assert variables["AWS_REGION"] == "us-east-1"
    assert "sk-real" not in variables.values()


def test_sessions_are_real_ones(account: RealAccount) -> None:
    """So that profiles and single sign-on work as with every other tool."""
    assert isinstance(account.session, boto3.Session)
    assert account.region == "us-east-1"
    assert not account.is_bootstrapped()
