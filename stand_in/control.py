"""The control plane under /_stand_in/, and the front page. `docs/stand-in.md` lists the routes."""

import json
from dataclasses import asdict
from html import escape
from typing import Any

from stand_in.calls import summarize
from stand_in.faults import faults_of
from stand_in.replies import Reply
from stand_in.service import REMOVE_BACKGROUND, Request, Service
from stand_in.switches import BadSwitchError

CONTROL_PLANE = "/_stand_in/"
LIMITS = {
    "window_requests": "requests",
    "window_seconds": "window_seconds",
    "lockout_seconds": "lockout_seconds",
}
BEHAVIOUR = ("latency_seconds", "credits_per_image")
KEY_STATES = ("valid", "revoked", "banned")


class BadOrderError(ValueError):
    """The control plane cannot do this; the argument says why."""


def front_page(service: Service, stands_in: str) -> Reply:
    """`GET /`: a web page, as a client finds it that followed a redirect."""
    text = (
        f"<!doctype html><title>Stand-in</title><h1>Stand-in</h1><p>Mind: {escape(stands_in)}.</p>"
        f"<p>Profile {service.profile.name}; the API's route is POST {REMOVE_BACKGROUND}; "
        f"the control plane is under {CONTROL_PLANE}.</p>"
    )
    return Reply(200, {"content-type": "text/html; charset=utf-8"}, text.encode())


def control(service: Service, request: Request) -> Reply:
    """The reply to a request under /_stand_in/."""
    try:
        return _json(
            200,
            _carry_out(service, f"{request.method} {request.path.removeprefix(CONTROL_PLANE)}", request.body),
        )
    except (BadOrderError, BadSwitchError) as bad:
        return _json(400, {"error": str(bad)})


def _carry_out(service: Service, order: str, body: bytes | None) -> object:  # noqa: PLR0911 - a table of routes
    match order:
        case "GET faults":
            return {
                "known": [asdict(row) for row in faults_of(service.profile.name)],
                "switched_on": switched_on(service),
            }
        case "POST faults":
            set_fault(service, _json_object(body))
            return {"switched_on": switched_on(service)}
        case "DELETE faults":
            service.switches.clear()
            return {"switched_on": []}
        case "GET calls":
            return {"calls": service.log.as_json()}
        case "DELETE calls":
            service.log.clear()
            return {"calls": []}
        case "GET summary":
            return summary(service)
        case "POST keys":
            set_key(service, _json_object(body))
            return {"credits_left": service.accounts.all_credits_left()}
        case "PATCH config":
            configure(service, _json_object(body))
            return configuration(service)
        case "GET config":
            return configuration(service)
        case _:
            raise BadOrderError(
                f"The control plane has no {order!r}; it has GET, POST, DELETE faults; GET, DELETE calls; "
                "GET summary; POST keys; GET, PATCH config."
            )


def set_fault(service: Service, order: dict[str, Any]) -> None:
    """Switch a fault on. Raises BadOrderError or BadSwitchError."""
    options = _only(order, "times", "probability", "picture_sha256", "seconds", needed="fault")
    for name in ("times", "probability", "seconds"):
        if name in options and not (options[name] is None and name != "probability"):
            options[name] = _number(name, options[name], least=0)
    service.switches.set(order["fault"], **options)


def switched_on(service: Service) -> list[dict[str, object]]:
    """The switches that are on, as plain data."""
    return [
        {
            "fault": switch.fault.name,
            "times": switch.times,
            "probability": switch.probability,
            "picture_sha256": switch.picture_sha256,
            "seconds": switch.duration_seconds(),
        }
        for switch in service.switches.all_on()
    ]


def set_key(service: Service, order: dict[str, Any]) -> None:
    """Add a key, or change its credits or state. Raises BadOrderError."""
    options = _only(order, "credits", "state", needed="key")
    state = options.get("state")
    if state not in (None, *KEY_STATES):
        raise BadOrderError(f"`state` is {state!r}; it must be one of {', '.join(KEY_STATES)}.")
    if not isinstance(order["key"], str) or not order["key"]:
        raise BadOrderError("`key` must be a text that is not empty.")
    service.accounts.change(order["key"], state=state)
    if "credits" in options:
        credits = options["credits"]
        service.accounts.set_credits(order["key"], None if credits is None else _number("credits", credits, least=0))


def configure(service: Service, order: dict[str, Any]) -> None:
    """Change the behaviour of calls from now on; nothing is changed when one value is wrong.

    Raises BadOrderError.
    """
    options = _only(order, *BEHAVIOUR, *LIMITS, "segmentation")
    for name, value in options.items():
        if name == "segmentation" and not isinstance(value, bool):
            raise BadOrderError(f"`segmentation` is {value!r}; it must be true or false.")
        if name != "segmentation":
            _number(name, value, least=1 if name == "window_requests" else 0)
    for name, value in options.items():
        if name == "segmentation":
            service.cutter.segmentation = value
        elif name in LIMITS:
            setattr(service.behaviour.limits, LIMITS[name], value)
        else:
            setattr(service.behaviour, name, value)


def configuration(service: Service) -> dict[str, object]:
    """The behaviour as it is now."""
    limits = {name: getattr(service.behaviour.limits, attribute) for name, attribute in LIMITS.items()}
    behaviour = {name: getattr(service.behaviour, name) for name in BEHAVIOUR}
    return {
        "profile": service.profile.name,
        **behaviour,
        **limits,
        "segmentation": service.cutter.segmentation,
    }


def summary(service: Service) -> dict[str, object]:
    """The figures of all calls so far."""
    figures = summarize(service.log.all(), service.behaviour.limits.window_seconds)
    return figures | {"credits_left": service.accounts.all_credits_left()}


def _only(order: dict[str, Any], *allowed: str, needed: str | None = None) -> dict[str, Any]:
    """The options without the needed one."""
    if needed is not None and needed not in order:
        raise BadOrderError(f"`{needed}` is missing.")
    options = {name: value for name, value in order.items() if name != needed}
    for name in options:
        if name not in allowed:
            raise BadOrderError(f"There is no option {name!r} here; there are {', '.join(allowed)}.")
    return options


def _number(name: str, value: object, *, least: float) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
        raise BadOrderError(f"`{name}` is {value!r}; it must be a number of {least} or more.")
    return value


def _json_object(body: bytes | None) -> dict[str, Any]:
    try:
        content = json.loads(body or b"")
    except ValueError as cause:
        raise BadOrderError(f"The body is not JSON: {cause}.") from cause
    if not isinstance(content, dict):
        raise BadOrderError("The body must be a JSON object.")
    return content


def _json(status: int, content: object) -> Reply:
    return Reply(status, {"content-type": "application/json"}, json.dumps(content).encode())
