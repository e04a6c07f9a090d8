"""The system as a whole under random histories: what must always hold, holds.

Histories have uploads, duplicates, late and reordered events, and crashes and failures before and after every side
effect. Several workers take turns at each side effect, and clocks differ and jump. The API and the account have every
kind of trouble. `DROPCUT_MODEL_EXAMPLES` runs more histories than the default.
"""

import hashlib
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import pytest
from dropcut.core.messages import Remake, Upload
from dropcut.core.upload_event import read_uploads
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.functions.pictures import picture
from tests.functions.upload_messages import by_event_bridge
from tests.model.api import FAULTS, Call, call_number
from tests.model.services import Stored
from tests.model.strand import Strand
from tests.model.system import BLAME, CREDITS, INPUT, OUTPUT, RENDITIONS, WORK, Invocation, System

KEYS = ["a.jpg", "a.png", "b/a.jpg", "a.jpg.png"]
PICTURES = [picture("png", width=64, height=64, mode=mode) for mode in ("RGB", "RGBA", "L")]
CONTENTS = [*PICTURES, *PICTURES, b"no picture"]
SECRET_KEYS = ["sk-first-secret-key", "sk-second-secret-key"]
SECONDS = st.sampled_from([0.05, 0.5, 3.0, 20.0, 61.0, 170.0, 400.0, 1000.0, 40_000.0])
S3_CALLS = ["s3.put_object", "s3.head_object", "s3.delete_object"]
PLACES = ["api.call", "api.reply", *S3_CALLS, "sqs.send_message", "events.put_events"]
TROUBLE = ["die", "fail before", "fail after"]
VERDICT = st.sampled_from(["go on", *TROUBLE])
SOME = st.integers(0, 1_000_000)
"""Chooses among however many there are."""


@dataclass
class Uploaded:
    upload: Upload
    content: bytes
    event: str


class Dropcut(RuleBasedStateMachine):
    """What may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.uploads: list[Uploaded] = []
        self.deleted: set[str] = set()
        self.kills = 0
        self.lost_responses = 0
        self.tags_lost = 0
        """A tag that cannot be written holds up nothing, and is not tried again."""
        self.forbidden: list[str] = []
        """What was seen that must never be seen."""
        self.spent: Counter[str] = Counter()
        """Credits charged, by the day's budget that they were taken from."""

    @initialize(daily_credit_limit=st.sampled_from([0.0, 0.0, 4.0]), travels=st.booleans())
    def deploy(self, daily_credit_limit: float, travels: bool) -> None:
        self.system = System(self.patch, daily_credit_limit=daily_credit_limit, travels=travels)
        self.system.api.saw = self.watch

    @precondition(lambda self: len(self.uploads) < 6)
    @rule(key=st.sampled_from(KEYS), content=st.integers(0, len(CONTENTS) - 1), arrives=st.booleans())
    def upload(self, key: str, content: int, arrives: bool) -> None:
        """A photo is put into the bucket; its event may come later."""
        sequencer = f"{len(self.uploads) + 1:016X}"
        event = json.dumps(by_event_bridge(key, bucket=INPUT, sequencer=sequencer))
        [upload] = read_uploads(event, sent_at_seconds=self.system.now)
        self.uploads.append(Uploaded(upload, CONTENTS[content], event))
        self.system.s3.objects[INPUT, key] = Stored(CONTENTS[content], {})
        if arrives:
            self.system.sqs.send_message(QueueUrl="intake", MessageBody=event)

    @precondition(lambda self: self.uploads)
    @rule(which=SOME)
    def event_arrives(self, which: int) -> None:
        """Late, or once more."""
        self.system.sqs.send_message(QueueUrl="intake", MessageBody=self.pick(self.uploads, which).event)

    @precondition(lambda self: self.may_start("intake"))
    @rule(which=SOME, most=st.integers(1, 4))
    def prepare_starts(self, which: int, most: int) -> None:
        self.start("intake", which, most)

    @precondition(lambda self: self.may_start("cut"))
    @rule(which=SOME, most=st.integers(1, 4), clock_off=st.sampled_from([0.0, -0.1, 0.1]))
    def cut_starts(self, which: int, most: int, clock_off: float) -> None:
        self.start("cut", which, most, clock_off)

    @precondition(lambda self: self.may_start("deliver"))
    @rule(which=SOME, most=st.integers(1, 4))
    def deliver_starts(self, which: int, most: int) -> None:
        self.start("deliver", which, most)

    @precondition(lambda self: any(self.may_start(stage) for stage in self.system.queues))
    @rule(photos_in_peace=st.integers(1, 6))
    def all_goes_well_for_a_while(self, photos_in_peace: int) -> None:
        for _ in range(photos_in_peace):
            for stage in self.system.queues:
                if self.may_start(stage):
                    self.system.finish(self.start(stage, 0, 4))

    @precondition(lambda self: any(self.may_start(stage) for stage in self.system.queues))
    @rule(which=SOME, most=st.integers(1, 2), turns=st.integers(0, 14), verdict=st.sampled_from(TROUBLE))
    def a_worker_starts_and_is_struck(self, which: int, most: int, turns: int, verdict: str) -> None:
        """The rest of its work, when it is not dead, is done later."""
        stage = self.pick([stage for stage in self.system.queues if self.may_start(stage)], which)
        invocation = self.start(stage, which, most)
        self.strike_at(invocation, turns, verdict, which)

    def strike_at(self, invocation: Invocation, turns: int, verdict: str, which: int = 0) -> bool:
        """After so many steps of it; whether it got as far."""
        for turn in range(turns):
            if invocation.running:
                self.go_on(invocation, self.pick(invocation.running, which + turn))
        if invocation.running:
            strand = self.pick(invocation.running, which)
            self.system.advance(max(0.0, strand.wakes_at - self.system.now))
            if (invocation, strand) in self.awake():
                self.strike(self.awake().index((invocation, strand)), verdict)
            return True
        return False

    def may_start(self, stage: str) -> bool:
        waiting = self.system.sqs.visible(stage) and len(self.system.invocations) < 4
        return bool(waiting) and self.receives(stage)

    def start(self, stage: str, which: int, most: int, clock_off: float = 0.0) -> Invocation:
        """Some messages of a queue, in any order, are handed to its function."""
        visible = self.system.sqs.visible(stage)
        first = which % len(visible)
        return self.system.start(stage, visible[first : first + most], clock_off)

    def receives(self, stage: str) -> bool:
        """A few more messages reach `cut` after its source was stopped."""
        source = self.system.cut_source
        return stage != "cut" or source.takes_messages or source.stopped_at > self.system.now - 60

    @precondition(lambda self: "gate" in self.system.table.items and len(self.system.invocations) < 4)
    @rule()
    def gatekeeper_wakes(self) -> None:
        self.system.tick()

    @precondition(lambda self: self.system.invocations)
    @rule(turns=st.lists(SOME, min_size=1, max_size=25), verdict=VERDICT)
    def work_in_turns(self, turns: list[int], verdict: str) -> None:
        """Each at its side effects; then, maybe, something goes wrong just where one is."""
        for which in turns:
            running = [(run, one) for run in self.system.invocations for one in run.running]
            if running:
                self.go_on(*self.pick(self.awake() or running, which))
        if verdict != "go on" and self.awake():
            self.strike(turns[-1], verdict)

    @precondition(lambda self: self.system.invocations)
    @rule(which=SOME)
    def work_to_the_end(self, which: int) -> None:
        self.system.finish(self.pick(self.system.invocations, which))

    @precondition(lambda self: self.awake())
    @rule(which=SOME, paying=st.booleans(), place=st.sampled_from(PLACES), further=st.integers(0, 2), verdict=VERDICT)
    def one_is_struck(self, which: int, paying: bool, place: str, further: int, verdict: str) -> None:
        """A worker goes its way alone, up to some place; then something goes wrong."""
        payers = [(run, one) for run, one in self.awake() if run.stage == "cut"]
        invocation, strand = self.pick((payers if paying else []) or self.awake(), which)
        for _ in range(40):
            if strand.at == place or not self.go_on(invocation, strand):
                break
        for _ in range(further):
            self.go_on(invocation, strand)
        if (invocation, strand) in self.awake():
            self.strike(self.awake().index((invocation, strand)), verdict)

    def go_on(self, invocation: Invocation, strand: Strand) -> bool:
        """One step, after waiting for the end of its sleep; whether it is still there then."""
        if not strand.ended:
            self.system.advance(max(0.0, strand.wakes_at - self.system.now))
        if not strand.ended:
            self.system.step(invocation, strand)
        return not strand.ended

    def strike(self, which: int, verdict: str) -> None:
        self.kills += verdict == "die"
        self.lost_responses += verdict == "fail after"
        if self.awake() and self.kills <= 6:  # a message that kills its worker eight times is given up by the queue
            invocation, strand = self.pick(self.awake(), which)
            self.tags_lost += "tagging" in strand.at
            self.system.step(invocation, strand, verdict)

    def awake(self) -> list[tuple[Invocation, Any]]:
        now = self.system.now
        return [(run, one) for run in self.system.invocations for one in run.running if one.wakes_at <= now]

    @precondition(lambda self: self.uploads)
    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.system.advance(seconds)

    @rule(fault=st.sampled_from(FAULTS), times=st.sampled_from([1, 1, 2, 5, 8]))
    def api_misbehaves(self, fault: str, times: int) -> None:
        self.system.api.faults += [fault] * times

    @precondition(lambda self: self.uploads)
    @rule(
        what=st.sampled_from(["key revoked", "key changed", "no credits", "credits bought", "route gone", "route back"])
    )
    def account_changes(self, what: str) -> None:
        api, secrets = self.system.api, self.system.secrets
        match what:
            case "key revoked":
                api.valid_keys.clear()
            case "key changed":
                secrets.key = SECRET_KEYS[secrets.key == SECRET_KEYS[0]]
                api.valid_keys = {secrets.key}
            case "no credits" | "credits bought":
                api.credits = 1_000_000 if what == "credits bought" else 0
            case _:
                api.route_exists = what == "route back"

    @precondition(lambda self: self.uploads)
    @rule(which=SOME)
    def renditions_are_asked_for_anew(self, which: int) -> None:
        key = self.pick(self.uploads, which).upload.key
        self.system.sqs.send_message(QueueUrl="deliver", MessageBody=Remake(bucket=INPUT, key=key).to_json())

    @precondition(lambda self: any(self.system.sqs.queues.get(f"{stage}-dead") for stage in self.system.queues))
    @rule()
    def dead_letters_are_sent_again(self) -> None:
        for stage in self.system.queues:
            for message in self.system.sqs.queues.pop(f"{stage}-dead", []):
                kept = {name: {"StringValue": text} for name, text in message.attributes.items()}
                self.system.sqs.send_message(QueueUrl=stage, MessageBody=message.body, MessageAttributes=kept)

    @staticmethod
    def pick(among: Any, which: int) -> Any:
        return among[which % len(among)]

    def watch(self, call: Call) -> None:
        """A call reached the API."""
        notes, table = call.strand.notes, self.system.table
        if table.items.get("gate", {}).get("standing") == "closed" and notes["gate_read_at"] > table.gate_closed_at:
            notes["probes"] = notes.get("probes", 0) - 1
            if notes["probes"] < 0:
                self.forbidden.append(f"call {call.number} was made by {call.strand.name} while the gate was closed")
        if call.charged:
            self.spent[notes["budget_day"]] += CREDITS  # type: ignore[assignment]

    @invariant()
    def nothing_forbidden_happened(self) -> None:
        if not hasattr(self, "system"):
            return
        assert not self.forbidden
        limit = self.system.daily_credit_limit
        assert not limit or all(credits <= limit for credits in self.spent.values())

    def teardown(self) -> None:
        try:
            if hasattr(self, "system"):
                self.end()
        finally:
            self.patch.undo()

    def end(self) -> None:
        """All troubles are fixed, and the system is left alone until nothing waits any more."""
        system = self.system
        system.api.faults.clear()
        system.api.credits, system.api.route_exists = 1_000_000, True
        system.api.valid_keys = {system.secrets.key}
        for uploaded in self.uploads:  # S3 announces every upload at least once
            system.sqs.send_message(QueueUrl="intake", MessageBody=uploaded.event)
        system.run_dry()
        self.nothing_forbidden_happened()
        self.check_every_upload_ended()
        self.check_each_picture_was_paid_once()
        self.check_the_newest_lie_in_the_output()
        self.check_attempts_were_real()
        self.check_no_key_leaked()

    def newest(self) -> dict[str, Uploaded]:
        return {uploaded.upload.key: uploaded for uploaded in self.uploads}

    def published(self) -> dict[str, list[tuple[str, str]]]:
        """What was announced about each job: kinds and codes."""
        published = defaultdict(list)
        for entry in self.system.events.entries:
            detail = json.loads(entry["Detail"])
            if "job_id" in detail:
                published[detail["job_id"]].append((entry["DetailType"].split()[1].lower(), detail.get("code", "")))
        return published

    def check_every_upload_ended(self) -> None:
        """Rule 1: in one status. `failed` may be sent again, and a duplicate may come when a newer one is there."""
        published = self.published()
        for uploaded in self.uploads:
            ends = set(published[uploaded.upload.job_id])
            assert ends, f"nothing was published of {uploaded.upload}"
            for_good = {kind for kind, code in ends if kind != "failed" and code != "superseded"}
            assert len(for_good) <= 1, f"{ends} of {uploaded.upload}"
        for key, uploaded in self.newest().items():
            item = self.system.table.items[f"object#{INPUT}/{key}"]
            assert item["job_id"] == uploaded.upload.job_id
            assert item["status"] in {kind for kind, _ in published[uploaded.upload.job_id]}
            if not uploaded.content.startswith(b"\x89PNG"):
                assert item["status"] == "rejected"
            tag = self.system.s3.objects[INPUT, key].tags.get("dropcut")
            assert tag == (None if item["status"] == "skipped" else item["status"]) or self.tags_lost

    def check_each_picture_was_paid_once(self) -> None:
        """Rule 2: no answer is paid for twice; those that were lost on their way are counted."""
        calls = self.system.api.calls
        paid = [
            found.body
            for (bucket, key), found in self.system.s3.objects.items()
            if bucket == WORK and key.startswith("paid/") and found.body
        ]
        stored = {calls[call_number(body)].picture for body in paid}
        assert not self.system.s3.stored_again
        lost = 0
        for content in PICTURES:
            charged = sum(call.charged for call in calls if call.picture == content)
            lost += charged - (content in stored)
        unclaimed = sum("lease_until" in item for item in self.system.table.items.values())
        assert lost <= self.system.metrics["PossiblyPaidCalls"] + unclaimed, "a charge was lost and not counted"

    def check_the_newest_lie_in_the_output(self) -> None:
        """Rules 6 and 7: each delivered photo has outputs of its own, all of them, and they are the newest upload's."""
        for key, uploaded in self.newest().items():
            item = self.system.table.items[f"object#{INPUT}/{key}"]
            own = [
                (name, found)
                for (bucket, name), found in self.system.s3.objects.items()
                if bucket == OUTPUT
                and found.metadata["dropcut-source-sha256"] == hashlib.sha256(key.encode()).hexdigest()
            ]
            names = [found.metadata["dropcut-rendition"] for _, found in own]
            assert len(set(names)) == len(names), f"{key} has the outputs {[name for name, _ in own]}"
            if item["status"] != "delivered":
                continue
            assert set(names) == {rendition.name for rendition in RENDITIONS}
            assert item["output_key"] in dict(own)
            for _name, found in own:
                assert found.metadata["dropcut-job-id"] == uploaded.upload.job_id
                assert self.system.api.calls[call_number(found.body)].picture == uploaded.content

    def check_attempts_were_real(self) -> None:
        """Rule 4: whatever was given up for its attempts had them; waiting was none."""
        for message in self.system.sqs.queues.get("cut-dead", []):
            sha256 = json.loads(message.body)["picture"]["sha256"]
            calls = [c for c in self.system.api.calls if hashlib.sha256(c.picture).hexdigest() == sha256]
            # A claim with a lost response counts as well: the next worker cannot know that no call was made.
            tried = sum(call.fault != "429" for call in calls) + self.kills + self.lost_responses
            assert tried >= min(BLAME.max_attempts, BLAME.max_possibly_paid), message
            assert int(message.attributes["attempts"]) <= tried, message

    def check_no_key_leaked(self) -> None:
        """Rule 8."""
        said = [*self.system.sqs.sent, repr(self.system.events.entries), repr(self.system.table.items)]
        said += [self.system.log.getvalue(), repr(self.system.s3.objects)]
        assert not [text for text in said for key in SECRET_KEYS if key in text]


class SystemTest(Dropcut.TestCase):  # type: ignore[misc]
    settings = settings(
        max_examples=int(os.environ.get("DROPCUT_MODEL_EXAMPLES", "150")),
        stateful_step_count=40,
        deadline=None,
        derandomize="DROPCUT_MODEL_EXAMPLES" not in os.environ,  # new histories only when asked for
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("verdict", TROUBLE)
@pytest.mark.parametrize("stage", ["intake", "cut", "deliver"])
def test_trouble_at_any_one_step_of_a_stage_breaks_nothing(stage: str, verdict: str) -> None:
    """A random failure seldom comes just between two writes. So here each step of a photo's way fails in its turn."""
    steps = 0
    while struck_at_step(stage, steps, verdict):
        steps += 1
    assert steps > 4


def struck_at_step(stage: str, step: int, verdict: str) -> bool:
    """Two photos of one picture, too large to travel along, on their way; whether the stage had so many steps."""
    dropcut = Dropcut()
    dropcut.deploy(daily_credit_limit=0.0, travels=False)
    try:
        for key in ("a.jpg", "a.png"):
            dropcut.upload(key, 0, arrives=True)
        for earlier in ("intake", "cut", "deliver"):
            if earlier == stage:
                break
            dropcut.system.finish(dropcut.start(earlier, 0, 2))
        struck = dropcut.strike_at(dropcut.start(stage, 0, 1), step, verdict)
    finally:
        dropcut.teardown()
    return struck
