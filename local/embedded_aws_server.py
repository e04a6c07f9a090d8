"""The process of the embedded AWS; started by `embedded_aws.py`, which sets its environment."""

import hashlib
import json
import logging
import os
import re
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from threading import Lock, Thread
from types import SimpleNamespace
from typing import Any

import ministack.app  # type: ignore[import-untyped]
from ministack.core import iam_actions, iam_evaluator, lambda_runtime  # type: ignore[import-untyped]
from ministack.services import lambda_svc, s3, sts  # type: ignore[import-untyped]

# It would also listen on port 443 if it may. The one port that was asked for is enough.
ministack.app._port_is_bindable = lambda *_: False

_compiled_by_line = iam_evaluator._fnmatch_compile


def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """IAM's `*` stands for every character; here it stopped at a newline, which may be part of an object's key."""
    by_line = _compiled_by_line(pattern, ignore_case)
    return re.compile(by_line.pattern, by_line.flags | re.DOTALL)


iam_evaluator._fnmatch_compile = _compiled

_lambda_action_by_collection = iam_actions._lambda_action
_OF_ONE_EVENT_SOURCE = {
    "GET": "GetEventSourceMapping",
    "PUT": "UpdateEventSourceMapping",
    "DELETE": "DeleteEventSourceMapping",
}


def _lambda_action(method: str, path: str) -> str | None:
    """What is done to one event source has actions of its own; here it was taken for listing them all."""
    if "functions" not in path and re.search("/event-source-mappings/.", path) and method in _OF_ONE_EVENT_SOURCE:
        return _OF_ONE_EVENT_SOURCE[method]
    action: str | None = _lambda_action_by_collection(method, path)
    return action


iam_actions._lambda_action = _lambda_action

_action_by_operation = iam_actions.extract_iam_action


def _extract_iam_action(*request: Any) -> str | None:
    """IAM has no action for a batch: it is the action of each message; here it was one of its own."""
    action: str | None = _action_by_operation(*request)
    return action.removesuffix("Batch") if action and action.startswith("sqs:") else action


iam_actions.extract_iam_action = _extract_iam_action

_resource_by_operation = iam_actions.extract_resource_arn


def _extract_resource_arn(*request: Any) -> str:
    """A rule on the default bus has no bus in its name; here it had."""
    arn: str = _resource_by_operation(*request)
    return arn.replace(":rule/default/", ":rule/") if arn.startswith("arn:aws:events:") else arn


iam_actions.extract_resource_arn = _extract_resource_arn

_context_of_tags = iam_actions.request_tag_context
_ADDED_KEYS = ("dynamodb:LeadingKeys", "events:source", "events:detail-type")


def _request_context(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
    """The condition keys of a request, with three that were missing here: what named them held nobody back."""
    context: dict[str, Any] = _context_of_tags(service, action, body, params)
    if service in ("dynamodb", "events"):
        request = json.loads(body or b"{}")
        entries = request.get("Entries", [])
        sources, types = ([each[name] for each in entries if name in each] for name in ("Source", "DetailType"))
        for key, values in zip(_ADDED_KEYS, (_item_ids(request), sources, types), strict=True):
            if values:
                context[key] = values if len(values) > 1 else values[0]
    return context


def _item_ids(part: Any) -> list[str]:
    """Of the items that a DynamoDB request names, in a batch or a transaction, too; each table's key is `id`."""
    match part:
        case {"id": {"S": str(item_id)}}:
            return [item_id]
        case dict():
            return [item_id for value in part.values() for item_id in _item_ids(value)]
        case list():
            return [item_id for value in part for item_id in _item_ids(value)]
    return []


iam_actions.request_tag_context = _request_context

_evaluate = iam_evaluator.evaluate
_calls_file = os.environ.pop("DROPCUT_CALLS_FILE", "")  # the functions inherit this process's environment
_calls_seen = set[str]()


def _evaluate_and_record(call: Any, *policies: Any) -> Any:
    """Write each kind of call of a role once into a file, as a line of JSON. Others can judge its policy by that,
    too."""
    found = {key: call.service_context[key.lower()] for key in _ADDED_KEYS if key.lower() in call.service_context}
    context = {key: sorted(value) if isinstance(value, list) else [value] for key, value in found.items()}
    asked = {"principal": call.principal_arn, "action": call.action, "resource": call.resource_arn, "context": context}
    line = json.dumps(asked)
    if line not in _calls_seen:
        _calls_seen.add(line)
        with Path(_calls_file).open("a") as calls:
            calls.write(f"{line}\n")
    return _evaluate(call, *policies)


if _calls_file:
    iam_evaluator.evaluate = _evaluate_and_record

Update = Callable[[str, dict[str, Any]], Any]


def _beside_what_runs(update: Update) -> Update:
    """When a function is updated, its running invocations go on as they were; here they were killed."""

    def updated(name: str, data: dict[str, Any]) -> Any:
        running = []
        with lambda_runtime._lock:
            for key, workers in lambda_runtime._workers.items():
                if name in key.split(":"):
                    running += [worker for worker in workers if worker.in_use]
                    workers[:] = [worker for worker in workers if not worker.in_use]
        Thread(target=_end_when_done, args=(running,), daemon=True).start()
        return update(name, data)

    return updated


def _end_when_done(workers: Sequence[Any]) -> None:
    deadline = time.monotonic() + 900  # the longest that Lambda lets a function run
    while any(worker.in_use for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.2)
    lambda_runtime.kill_workers(workers)


lambda_svc._update_code = _beside_what_runs(lambda_svc._update_code)
lambda_svc._update_config = _beside_what_runs(lambda_svc._update_config)

_unpacking = Lock()


class _UnpackedOnce(zipfile.ZipFile):
    """All processes and functions of one package share its files. Here each process unpacked and compiled its own,
    which took half a second of a processor."""

    def extractall(self, path: Any = None, *_: Any) -> None:
        content_hash = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        package = Path(tempfile.gettempdir()) / f"package-{content_hash}"
        with _unpacking:
            if not package.exists():
                unfinished = package.with_suffix(".unfinished")
                super().extractall(unfinished)
                unfinished.rename(package)
        Path(path).rmdir()
        Path(path).symlink_to(package)


lambda_runtime.zipfile = SimpleNamespace(
    ZipFile=_UnpackedOnce, BadZipFile=zipfile.BadZipFile, LargeZipFile=zipfile.LargeZipFile
)

# Who may call. Other users of this machine reach the port, too.
_ACCOUNT = "000000000000"
_ROOT_KEY_ID = os.environ.pop("DROPCUT_ROOT_KEY_ID")  # the functions inherit this process's environment
_ROOT_SECRET = os.environ.pop("DROPCUT_ROOT_SECRET")


def _is_root_unseen(_access_key_id: str) -> bool:
    """No key makes its caller root without a signature; here `test`, any account number and no key at all did."""
    return False


iam_evaluator.is_root_access_key = sts.is_root_access_key = _is_root_unseen
# Signatures of sessions are verified, so the root user is one.
sts.register_session(
    _ROOT_KEY_ID,
    {
        "Arn": f"arn:aws:iam::{_ACCOUNT}:root",
        "UserId": _ACCOUNT,
        "AccountId": _ACCOUNT,
        "SecretAccessKey": _ROOT_SECRET,
        "PrincipalType": "Root",
    },
)

_enforce = iam_evaluator.enforce
_is_form = ContextVar("_is_form", default=False)
"""Whether a request is a browser's form for a bucket, which is signed in its body."""


def _enforce_but_what_is_open(key_id: str, action: str, service: str, *others: Any, **named: Any) -> Any:
    """Anybody may call a function's URL without authorization, and send a form: S3 looks at the form's signature."""
    open_url = (named.get("service_context") or {}).get("lambda:FunctionUrlAuthType") == "NONE"
    if not key_id and ((action == "lambda:InvokeFunctionUrl" and open_url) or (service == "s3" and _is_form.get())):
        return None
    return _enforce(key_id, action, service, *others, **named)


def _refuse_form(*_: Any) -> Any:
    """A form without a signature; here it was taken."""
    return s3._error("AccessDenied", "Access Denied", 403)


_check_signed_form = s3._enforce_signed_post_policy


def _check_form_and_signer(form: dict[str, str], bucket: str, region: str, *others: Any) -> Any:
    """A form may do what its signer may do; here the signature was enough."""
    key_id = form.get("x-amz-credential", "").partition("/")[0] or form.get("awsaccesskeyid", "")
    refused = _check_signed_form(form, bucket, region, *others)
    if refused or not _enforce(key_id, "s3:PutObject", "s3", region, f"arn:aws:s3:::{bucket}/{form['key']}"):
        return refused
    return _refuse_form()


iam_evaluator.enforce = _enforce_but_what_is_open
s3._enforce_post_policy_size = _refuse_form
s3._enforce_signed_post_policy = _check_form_and_signer

_credentials_by_name = lambda_runtime.execution_credentials


def _execution_credentials(config: dict[str, Any]) -> dict[str, str]:
    """A function's credentials, which nobody can work out; here they followed from the names of function and role."""
    variables: dict[str, str] = _credentials_by_name(config)
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        variables[name] = hashlib.sha256(f"{_ROOT_SECRET} {variables[name]}".encode()).hexdigest()
    session = sts._sessions[variables["AWS_ACCESS_KEY_ID"]]
    session["SecretAccessKey"] = variables["AWS_SECRET_ACCESS_KEY"]
    session["SessionToken"] = variables["AWS_SESSION_TOKEN"]
    return variables


lambda_runtime.execution_credentials = lambda_svc.execution_credentials = _execution_credentials

_FUNCTIONS_LOG = Path(os.environ.pop("DROPCUT_FUNCTIONS_LOG"))
_emit_lambda_logs = lambda_svc._emit_lambda_logs


def _log_apart(func: dict[str, Any], request_id: str, log_text: str, *others: Any, **named: Any) -> None:
    """What the functions say goes to a log of its own, without the emulator's lines and tracebacks in between."""
    if log_text:
        with _FUNCTIONS_LOG.open("ab", buffering=0) as log:
            log.write(log_text.rstrip("\n").encode() + b"\n")  # in one call: two invocations' lines do not mix
    _emit_lambda_logs(func, request_id, log_text, *others, **named)


lambda_svc._emit_lambda_logs = _log_apart


def _is_no_output(record: logging.LogRecord) -> bool:
    """Whether a line of the emulator is its own: what the functions said stands in their log already."""
    return "output:\n" not in str(record.msg)


logging.getLogger("lambda").addFilter(_is_no_output)

_serve = ministack.app.app
_UNSIGNED = ("/_ministack/ready", "/_ministack/cfn-response/")
"""Whether it is ready, and the addresses with a random part that custom resources answer to."""


async def _serve_no_administration(scope: Any, receive: Any, send: Any) -> None:
    """The emulator's own pages (a queue's messages, a reset ...) ask for no signature: they are closed."""
    path = scope.get("path", "")
    content_type = dict(scope.get("headers", [])).get(b"content-type", b"")
    to_a_bucket = scope.get("method") == "POST" and "/" not in path.strip("/") and not scope.get("query_string")
    _is_form.set(to_a_bucket and content_type.startswith(b"multipart/form-data"))
    if path.startswith(("/_ministack/", "/_localstack/")) and not path.startswith(_UNSIGNED):
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    else:
        await _serve(scope, receive, send)


ministack.app.app = _serve_no_administration

if __name__ == "__main__":
    ministack.app.main()
