"""The embedded AWS and who may call it: every user of this machine reaches its port."""

import base64
import hashlib
import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from ssl import create_default_context
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local.embedded_aws import REGION, Account, start_embedded_aws
from local.ports import any_free_port

ROLE = "arn:aws:iam::000000000000:role/function"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:function"
TRUST = (
    '{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}'
)
CODE = """
import os
def handler(event, context):
    if "say" in event:
        print(event["say"])
    if "where" in event:
        return [os.getpid(), os.path.realpath(__file__)]
    return [os.environ.get("DROPCUT_ROOT_SECRET"), os.environ["AWS_ACCESS_KEY_ID"]]
"""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with a secret, a photo, a queue and a function."""
    folder = tmp_path_factory.mktemp("aws")
    program, account = start_embedded_aws(folder, port=any_free_port(), leashed=True)
    try:
        client(account, "secretsmanager").create_secret(Name="api-key", SecretString="sk-real")
        client(account, "s3").create_bucket(Bucket="photos")
        client(account, "s3").put_object(Bucket="photos", Key="a.jpg", Body=b"private")
        client(account, "sqs").create_queue(QueueName="queue")
        client(account, "iam").create_role(RoleName="function", AssumeRolePolicyDocument=TRUST)
        client(account, "iam").attach_role_policy(
            RoleName="function", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )
        client(account, "lambda").create_function(
            FunctionName="function", Role=ROLE, Runtime="python3.13", Handler="code.handler", Code={"ZipFile": zipped()}
        )
        yield account
    finally:
        program.stop()


def zipped(code: str = CODE) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", code)
    return content.getvalue()


def client(account: Account, service: str, **options: Any) -> Any:
    session: Any = account.session()
    return session.client(service, endpoint_url=account.endpoint_url, verify=str(account.authority), **options)


ATTACKS = {
    "reads the API key": ("secretsmanager", "get_secret_value", {"SecretId": "api-key"}),
    "runs code of their own": ("lambda", "update_function_code", {"FunctionName": "function", "ZipFile": b"zip"}),
    "reads a photo": ("s3", "get_object", {"Bucket": "photos", "Key": "a.jpg"}),
    "makes a user": ("iam", "create_user", {"UserName": "them"}),
}
"""What another user of the machine does: service, call, parameters."""
REFUSALS = {
    *("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"),
    *("SignatureDoesNotMatch", "InvalidSignatureException"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException"),
}
"""That the caller is not known, in the words of each service; and not that a role may do less."""


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("key", ["test", "000000000000", "AKIAAAAAAAAAAAAAAAAA", "ours, another secret"])
def test_a_signature_of_somebody_else_is_refused(
    account: Account, attack: tuple[str, str, dict[str, Any]], key: str
) -> None:
    service, call, parameters = attack
    theirs = replace(account, secret_access_key="test")
    if not key.startswith("ours"):
        theirs = replace(theirs, access_key_id=key)
    with pytest.raises(ClientError) as refused:
        getattr(client(theirs, service), call)(**parameters)
    assert refused.value.response["Error"]["Code"] in REFUSALS


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_call_without_a_signature_is_refused(account: Account, attack: tuple[str, str, dict[str, Any]]) -> None:
    service, call, parameters = attack
    with pytest.raises(ClientError) as refused:
        getattr(client(account, service, config=Config(signature_version=UNSIGNED)), call)(**parameters)
    assert refused.value.response["Error"]["Code"] in REFUSALS


@pytest.mark.parametrize("secret", ["ours", "test"])
def test_a_presigned_address_is_only_as_good_as_its_signature(account: Account, secret: str) -> None:
    signer = account if secret == "ours" else replace(account, secret_access_key=secret)
    url = client(signer, "s3").generate_presigned_url("get_object", Params={"Bucket": "photos", "Key": "a.jpg"})
    assert answer(account, url) == ((200, b"private") if secret == "ours" else (403, b""))


FORMS = {
    "signed by us": ({}, 204),
    "with a wrong signature": ({"x-amz-signature": "0" * 64}, 403),
    "with a signature of another policy": ({"policy": base64.b64encode(b"{}").decode()}, 403),
    "by a key that nobody has": ({"x-amz-credential": "AKIAAAAAAAAAAAAAAAAA/20261126/us-east-1/s3/aws4_request"}, 403),
    "for another key than it says": ({"key": "other.jpg"}, 403),
    "without a signature": (
        dict.fromkeys(["x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm"]),
        403,
    ),
}
"""What a form says otherwise than we signed it (None: nothing), and the answer."""


def form_of(signer: Account) -> Any:
    config = Config(signature_version="s3v4")
    return client(signer, "s3", config=config).generate_presigned_post("photos", "form.jpg")


@pytest.mark.parametrize(("changes", "status"), FORMS.values(), ids=FORMS)
def test_a_form_is_only_as_good_as_its_signature(account: Account, changes: dict[str, Any], status: int) -> None:
    form = form_of(account)
    assert posted(account, form["url"], {**form["fields"], **changes}) == status


def test_a_form_may_do_what_its_signer_may_do(account: Account) -> None:
    iam = client(account, "iam")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = replace(account, access_key_id=key["AccessKeyId"], secret_access_key=key["SecretAccessKey"])
    form = form_of(reader)
    assert posted(account, form["url"], form["fields"]) == 403
    put = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::photos/form.jpg"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [put]})
    iam.put_user_policy(UserName="reader", PolicyName="put", PolicyDocument=policy)
    assert posted(account, form["url"], form["fields"]) == 204


@pytest.mark.parametrize("path", ["photos/a.jpg?uploads", "photos?delete", "photos/a.jpg"])
def test_what_only_looks_like_a_form_is_refused(account: Account, path: str) -> None:
    assert posted(account, f"{account.endpoint_url}/{path}", {"key": "a.jpg"}) == 403


@pytest.mark.parametrize(("kind", "status"), [("NONE", 200), ("AWS_IAM", 403)])
def test_a_functions_url_is_open_only_without_authorization(account: Account, kind: str, status: int) -> None:
    functions = client(account, "lambda")
    url = functions.create_function_url_config(FunctionName="function", AuthType=kind)["FunctionUrl"]
    name = url.partition("//")[2].partition(".")[0]
    try:
        assert answer(account, f"{account.endpoint_url}/_aws/lambda-url/{name}/")[0] == status
    finally:
        functions.delete_function_url_config(FunctionName="function")


def posted(account: Account, url: str, fields: dict[str, str | None]) -> int:
    """The status of a form with a file, as a browser sends it."""
    given = {name: value for name, value in fields.items() if value is not None} | {"file": "photo"}
    parts = [f'--part\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in given.items()]
    body = "".join([*parts, "--part--\r\n"]).encode()
    return answer(account, url, "POST", body, {"Content-Type": "multipart/form-data; boundary=part"})[0]


def test_the_credentials_of_a_function_do_not_follow_from_its_name(account: Account) -> None:
    """The emulator derives them from the names of function and role."""
    in_function = client(account, "lambda").invoke(FunctionName="function")["Payload"].read().decode()
    digest = hashlib.sha256(f"{FUNCTION}:{ROLE}".encode()).hexdigest()
    key_id = f"ASIA{digest[:16].upper()}"
    assert key_id in in_function
    attacker = boto3.Session(
        key_id,
        hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
        REGION,
    )
    for_them: Any = attacker.client(
        "secretsmanager", endpoint_url=account.endpoint_url, verify=str(account.authority), config=Config(proxies={})
    )
    with pytest.raises(ClientError, match=r"security token.*invalid"):
        for_them.get_secret_value(SecretId="api-key")


def test_a_function_does_not_get_the_root_users_secret(account: Account) -> None:
    said = client(account, "lambda").invoke(FunctionName="function")["Payload"].read().decode()
    assert said.startswith("[null, ")


def test_what_functions_say_has_a_log_of_its_own(account: Account) -> None:
    """Whoever looks for a photo there does not read through the emulator's own lines and tracebacks."""
    said = [f"line {number} é\nand its second" for number in range(3)]
    for text in said:
        client(account, "lambda").invoke(FunctionName="function", Payload=json.dumps({"say": text}))
    folder = account.authority.parent
    assert (folder / "functions.log").read_text() == "".join(f"{text}\n" for text in said)
    emulators = (folder / "embedded-aws.log").read_text()
    assert "Ready" in emulators
    assert "and its second" not in emulators


def test_the_processes_of_a_function_share_its_unpacked_files(account: Account) -> None:
    functions = client(account, "lambda")

    def runs() -> Any:
        return json.loads(functions.invoke(FunctionName="function", Payload=b'{"where": 1}')["Payload"].read())

    process, file = runs()
    functions.update_function_configuration(FunctionName="function", Environment={"Variables": {"NEW": "1"}})
    another_process, same_file = runs()
    assert another_process != process
    assert same_file == file
    functions.update_function_code(FunctionName="function", ZipFile=zipped(f"{CODE}# changed"))
    assert runs()[1] != file


@pytest.mark.parametrize("page", ["reset", "config", "sqs/messages", "lambda-code/function", "health"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_emulators_own_pages_are_closed(account: Account, page: str, method: str) -> None:
    assert answer(account, f"{account.endpoint_url}/_ministack/{page}", method)[0] == 403


def test_each_start_has_another_key(tmp_path: Path, account: Account) -> None:
    program, other = start_embedded_aws(tmp_path, port=any_free_port(), leashed=True)
    program.stop()
    assert other.access_key_id != account.access_key_id
    assert other.secret_access_key != account.secret_access_key


def answer(
    account: Account, url: str, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Status, and the body if all is well."""
    trusting = urllib.request.HTTPSHandler(context=create_default_context(cafile=str(account.authority)))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, b""
