"""What happens to one call: the checks in the profile's order, the cut, the charge, the answer.

Knows no sockets.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stand_in import errors
from stand_in.accounts import Accounts, fingerprint
from stand_in.calls import Call, CallLog
from stand_in.cutouts import marked, sha256
from stand_in.cutter import Cutter
from stand_in.errors import Error
from stand_in.form import FormError, NotAFormError, read_form
from stand_in.profiles import Check, Profile, Success
from stand_in.replies import Reply
from stand_in.switches import Switch, Switches
from stand_in.twists import twisted
from stand_in.validation import LARGEST_REQUEST_BYTES, InvalidFormError, Order, check_client_headers, check_fields
from stand_in.window import Window, WindowLimits

REMOVE_BACKGROUND = "/v2beta/stable-image/edit/remove-background"
BALANCE = "/v1/user/balance"
UNLIMITED_CREDITS_SHOWN = 1_000_000.0


@dataclass
class Behaviour:
    """What can be changed while it runs. `latency_seconds` is the least a success takes."""

    latency_seconds: float = 0.0
    credits_per_image: float = 2.0
    limits: WindowLimits = field(default_factory=WindowLimits)


@dataclass(frozen=True)
class Request:
    """A request as it was read.

    `body` is None where it was over the limit and not kept; header names are lower case.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    body_bytes: int


class Refused(Exception):
    """A check says no, with this error."""

    def __init__(self, error: Error, switch: Switch | None = None) -> None:
        super().__init__(error.name)
        self.error = error
        self.switch = switch


class Service:
    """The API behind the connection. One instance is shared by all threads."""

    def __init__(
        self,
        *,
        profile: Profile,
        accounts: Accounts,
        behaviour: Behaviour,
        cutter: Cutter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.profile = profile
        self.accounts = accounts
        self.behaviour = behaviour
        self.cutter = cutter
        self.clock = clock
        self.window = Window(behaviour.limits, clock)
        self.switches = Switches(profile.name)
        self.log = CallLog()
        self.stopping = threading.Event()

    def arrived(self, method: str, path: str) -> Call:
        """Enter a call in the log, as soon as its head is known."""
        return self.log.open(time=time.time(), arrival_seconds=self.clock(), method=method, path=path)

    def answer(self, request: Request, call: Call) -> Reply:
        """The reply to one call; the log entry says what became of it before the reply leaves."""
        key = self.profile.key_in(request.headers.get("authorization", "")) or ""
        call.key_fingerprint = fingerprint(key) if key else None
        call.accept = request.headers.get("accept")
        call.request_bytes = request.body_bytes
        if request.path == REMOVE_BACKGROUND and request.method == "POST":
            reply = _Cut(self, request, call, key).reply()
        elif request.path == BALANCE and request.method == "GET" and self.profile.has_balance_route:
            reply = self._balance(key)
        else:
            reply = self._no_such_route()
        call.status = None if reply.wire in ("reset", "closed", "silence") else reply.status
        call.latency_seconds = self.clock() - call.arrival_seconds
        return reply

    def _balance(self, key: str) -> Reply:
        """Counts against the rate limit like any other call, and costs nothing."""
        if not self.window.admits(key):
            return self.profile.error(errors.RATE_LIMIT_EXCEEDED, key)
        if self.accounts.state(key) != "valid":
            return self.profile.error(errors.UNAUTHORIZED_OLD_SHAPE, key)
        credits = self.accounts.credits_left(key)
        shown = UNLIMITED_CREDITS_SHOWN if credits is None else credits
        return Reply(200, {"content-type": "application/json"}, f'{{"credits":{float(shown)}}}'.encode())

    def _no_such_route(self) -> Reply:
        gone = errors.NOT_FOUND if self.profile.name == "stability" else errors.GATEWAY_NO_SUCH_ROUTE
        return self.profile.error(gone)


class _Cut:
    """One call to remove a background, from check to check."""

    def __init__(self, service: Service, request: Request, call: Call, key: str) -> None:
        self._service = service
        self._profile = service.profile
        self._request = request
        self._call = call
        self._key = key
        self._fields: dict[str, bytes] = {}
        self._form_error: str | None = None
        self._order: Order | None = None
        self._switch: Switch | None = None
        self._taken_credits = 0.0
        self._read_form()

    def reply(self) -> Reply:
        checks: dict[Check, Callable[[], None]] = {
            "door": self._check_door,
            "form": self._check_form,
            "size": self._check_size,
            "fields": self._check_fields,
            "key": self._check_key,
            "credits": self._check_credits,
        }
        try:
            for check in self._profile.checks:
                checks[check]()
        except Refused as refused:
            if self._taken_credits:
                self._service.accounts.give_back(self._key, self._taken_credits)
            return self._refusal(refused)
        return self._paid_answer()

    def _read_form(self) -> None:
        """Early, because a fault may be meant for one picture; a broken form is refused when its turn
        comes."""
        if self._request.body is None:
            return
        try:
            self._fields = read_form(self._request.headers.get("content-type", ""), self._request.body)
        except NotAFormError:
            self._form_error = errors.NOT_A_FORM
        except FormError:
            self._form_error = errors.FORM_BROKEN
        if "image" in self._fields:
            self._call.picture_sha256 = sha256(self._fields["image"])

    def _check_door(self) -> None:
        if not self._service.window.admits(self._key):
            raise Refused(errors.RATE_LIMIT_EXCEEDED)
        self._switch = self._service.switches.meet(self._call.picture_sha256)
        if self._switch is None:
            return
        fault = self._switch.fault
        self._call.fault = fault.name
        if fault.locks_out:
            self._service.window.lock_out(self._key)
        if not fault.charges:
            raise Refused(fault.error or errors.INTERNAL_ERROR, self._switch)

    def _check_form(self) -> None:
        if self._form_error:
            raise Refused(errors.BAD_REQUEST.saying(self._form_error))

    def _check_size(self) -> None:
        if self._request.body_bytes > LARGEST_REQUEST_BYTES:
            raise Refused(errors.PAYLOAD_TOO_LARGE)

    def _check_fields(self) -> None:
        try:
            if self._profile.refuses_accept(self._request.headers.get("accept")):
                raise InvalidFormError(errors.ACCEPT_UNKNOWN)
            check_client_headers(self._request.headers)
            self._order = check_fields(self._fields)
        except InvalidFormError as invalid:
            raise Refused(errors.BAD_REQUEST.saying(str(invalid))) from invalid
        self._call.output_format = self._order.output_format

    def _check_key(self) -> None:
        state = self._service.accounts.state(self._key)
        if state != "valid":
            raise Refused(self._profile.key_error(state))

    def _check_credits(self) -> None:
        credits = self._service.behaviour.credits_per_image
        if not self._service.accounts.take(self._key, credits):
            raise Refused(self._profile.out_of_credits)
        self._taken_credits = credits

    def _refusal(self, refused: Refused) -> Reply:
        reply = self._profile.error(refused.error, self._key)
        if refused.switch is not None:
            reply.wire = refused.switch.fault.wire
            reply.seconds = refused.switch.duration_seconds()
        return reply

    def _paid_answer(self) -> Reply:
        """The credits are taken; what follows may still go wrong on its way to the client."""
        assert self._order is not None and self._call.picture_sha256 is not None
        order = self._order
        picture = self._service.cutter.cut(order.picture, self._call.picture_sha256, order.output_format)
        success = Success(
            picture=marked(picture, f"a stand-in for the real API; answer {self._call.number}"),
            output_format=order.output_format,
            accept=self._request.headers.get("accept") or "",
            seed=1 + secrets.randbelow(2**32 - 2),
        )
        self._sleep_until(self._service.behaviour.latency_seconds)
        self._call.charged, self._call.credits = True, self._taken_credits
        if self._switch is None:
            return self._profile.success(success)
        return self._faulty_answer(self._switch, success, order)

    def _faulty_answer(self, switch: Switch, success: Success, order: Order) -> Reply:
        fault = switch.fault
        if fault.error is not None:
            return self._profile.error(fault.error, self._key)
        reply = twisted(fault.twist, self._profile, success, order)
        reply.wire, reply.seconds = fault.wire, switch.duration_seconds()
        if fault.wire == "whole":
            self._service.stopping.wait(reply.seconds)
        return reply

    def _sleep_until(self, latency_seconds: float) -> None:
        left = self._call.arrival_seconds + latency_seconds - self._service.clock()
        if left > 0:
            self._service.stopping.wait(left)
