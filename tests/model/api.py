"""The remove-background API in memory: it charges, refuses and breaks off as the test orders."""

import base64
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from dropcut.adapters.api import ApiCall
from dropcut.adapters.api_key import ApiKey
from dropcut.core.decision import NoReply, Reply

from tests.functions.pictures import cutout
from tests.model.strand import Strand, current

Fault = Literal["500", "503", "504", "reset", "unsent", "429", "filtered", "unusable", "400", "504 charged"]
CHARGED = {"", "reset", "filtered", "unusable", "504 charged"}
"""Faults (and none) after which the account is poorer."""
FAULTS: list[Fault] = ["500", "503", "504", "reset", "unsent", "429", "filtered", "unusable", "400", "504 charged"]
_CUTOUT = cutout(width=64, height=64)
_MARK = b"dropcut-call"


@dataclass
class Call:
    number: int
    picture: bytes
    strand: Strand
    charged: bool
    fault: str


@dataclass
class Api:
    clock: Callable[[], float]
    timeout_seconds: float
    valid_keys: set[str]
    credits: float = 1_000_000
    route_exists: bool = True
    faults: list[str] = field(default_factory=list)
    """What befalls the next calls that get as far as the work."""
    calls: list[Call] = field(default_factory=list)
    saw: Callable[[Call], None] = lambda _call: None

    def call(self, call: ApiCall, key: ApiKey) -> Reply | NoReply:
        strand = current()
        assert strand
        if strand.stop_before("api.call") != "go on":
            return NoReply(request_was_sent=False, detail="no connection")
        started = self.clock()
        reply = self._answer(call.picture, key.value, strand)
        verdict = strand.stop_before("api.reply")
        if verdict != "go on" or self.clock() - started > self.timeout_seconds:
            return NoReply(request_was_sent=True, detail="it took too long")
        return reply

    def _answer(self, picture: bytes, key: str, strand: Strand) -> Reply | NoReply:
        refusal = self._refusal(key)
        fault = "" if refusal or not self.faults else self.faults.pop(0)
        charged = not refusal and fault in CHARGED
        call = Call(len(self.calls), picture, strand, charged, fault)
        self.calls.append(call)
        self.saw(call)
        self.credits -= 2 * charged
        return refusal or _reply(fault, call.number)

    def _refusal(self, key: str) -> Reply | None:
        if not self.route_exists:
            return _json(404, {"message": "no Route matched with those values"})
        if key not in self.valid_keys:
            return _json(401, {"id": "1", "name": "unauthorized", "errors": [f"Incorrect API key provided: {key}."]})
        if self.credits < 2:
            return _json(402, {"id": "1", "name": "payment_required", "errors": ["You lack sufficient credits."]})
        return None


def _reply(fault: str, number: int) -> Reply | NoReply:
    picture = base64.b64encode(_marked(number)).decode()
    answers: dict[str, Reply | NoReply] = {
        "": _json(200, {"image": picture, "finish_reason": "SUCCESS"}),
        "reset": NoReply(request_was_sent=True, detail="connection reset by peer"),
        "unsent": NoReply(request_was_sent=False, detail="connection refused"),
        "504 charged": _json(504, {}),
        "filtered": _json(200, {"image": "", "finish_reason": "CONTENT_FILTERED"}),
        "unusable": _json(200, {"image": "AAAA", "finish_reason": "SUCCESS"}),
    }
    return answers.get(fault) or _json(int(fault), {"id": "1", "name": "error", "errors": ["something"]})


def _json(status: int, fields: dict[str, Any]) -> Reply:
    return Reply(status=status, headers={"x-request-id": "r"}, body=json.dumps(fields).encode())


def _marked(number: int) -> bytes:
    """A cut-out that says of which call it is, in a text chunk before its end chunk."""
    content = b"tEXt" + _MARK + b"\0" + str(number).encode()
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    return _CUTOUT[:-12] + chunk + _CUTOUT[-12:]


def call_number(cutout: bytes) -> int:
    """Of which call this cut-out is."""
    return int(cutout.split(_MARK + b"\0")[1][:-16])
