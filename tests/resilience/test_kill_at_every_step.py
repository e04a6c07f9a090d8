"""Each stage is stopped at every boundary between two side effects, and the queues bring the work back.

Or AWS refuses one of its calls for a minute. In each case every photo is delivered, and every picture is paid for once.
Only a call that was cut off itself may be paid once more, and is counted then. The whole product of stages, company,
moments and ways is `python -m bench.kills`; here runs what differs most.
"""

from collections.abc import Callable, Sequence
from functools import cache

import pytest

from tests.resilience.deployment import STAGES, Deployment
from tests.resilience.kills import KEEPS_THE_ANSWER, PAID_CALL, Company, every_kill, record, suffer
from tests.resilience.sandbox import MOMENTS, REFUSING, Effect, Moment, Way

pytestmark = pytest.mark.timeout(240)

Recorded = Callable[[str, Company], list[Effect]]

KNOWN = {
    "prepare": {"S3 GetObject", "SQS SendMessage", "DynamoDB UpdateItem"},
    "cut": {
        PAID_CALL,
        KEEPS_THE_ANSWER,
        "Secrets Manager GetSecretValue",
        "DynamoDB BatchGetItem",
        "DynamoDB UpdateItem",
        "SQS SendMessage",
    },
    "deliver": {"S3 GetObject", "S3 PutObject", "S3 PutObjectTagging", "EventBridge PutEvents", "DynamoDB UpdateItem"},
}
"""Side effects that each stage is known to have: if the harness does not see these, it sees nothing."""
OF_A_LARGER_PICTURE = {"prepare": "S3 PutObject", "cut": "S3 GetObject"}
"""It waits in the work bucket; a small one travels inside its message."""


@pytest.fixture(scope="module")
def recorded(deployment: Deployment) -> Recorded:
    """The side effects of a stage when nothing goes wrong."""
    return cache(lambda stage, company: record(deployment, stage, company))


@pytest.mark.parametrize("stage", STAGES)
def test_the_harness_sees_what_a_stage_does(recorded: Recorded, stage: str) -> None:
    assert {effect.name for effect in recorded(stage, "alone")} >= KNOWN[stage]


@pytest.mark.parametrize("stage", OF_A_LARGER_PICTURE)
def test_a_larger_picture_waits_in_the_work_bucket(recorded: Recorded, stage: str) -> None:
    assert OF_A_LARGER_PICTURE[stage] in {effect.name for effect in recorded(stage, "larger")}
    assert OF_A_LARGER_PICTURE[stage] not in {effect.name for effect in recorded(stage, "alone")}


def test_the_answer_is_kept_by_the_first_thing_after_the_paid_call(recorded: Recorded) -> None:
    names = [effect.name for effect in recorded("cut", "alone")]
    assert names.count(PAID_CALL) == 1
    assert names[names.index(PAID_CALL) + 1] == KEEPS_THE_ANSWER


@pytest.mark.parametrize(("stage", "way"), [("prepare", "denied"), ("cut", "throttled"), ("deliver", "denied")])
def test_aws_refuses_a_call_for_a_minute(deployment: Deployment, recorded: Recorded, stage: str, way: Way) -> None:
    """Each call of the first photo, with all that is tried again in that minute; meanwhile its twin comes."""
    _none_goes_wrong(deployment, recorded(stage, "alone"), stage, "alone", way)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("way", "moments"), [("killed", MOMENTS), ("raises", ("after",))], ids=["killed", "raises"])
def test_one_photo(
    deployment: Deployment, recorded: Recorded, stage: str, way: Way, moments: tuple[Moment, ...]
) -> None:
    """The process is killed at each step of the first photo, or an answer never comes; then comes its twin."""
    _none_goes_wrong(deployment, recorded(stage, "alone"), stage, "alone", way, moments=moments)


@pytest.mark.parametrize("stage", OF_A_LARGER_PICTURE)
def test_one_larger_photo(deployment: Deployment, recorded: Recorded, stage: str) -> None:
    """The process is killed at the step that a small photo does not have, and at the next ones: in cut, to the call."""
    effects = recorded(stage, "larger")
    names = [effect.name for effect in effects]
    its_own = names.index(OF_A_LARGER_PICTURE[stage])
    _none_goes_wrong(deployment, effects, stage, "larger", "killed", only=effects[its_own : its_own + 5])


def test_a_batch_that_times_out(deployment: Deployment, recorded: Recorded) -> None:
    """One of three hangs in cut, the others go on, nothing is reported: all three come back, finished ones too."""
    effects = recorded("cut", "together")
    _none_goes_wrong(deployment, effects, "cut", "together", "hangs", moments=("before",), only=effects[::2])


def _none_goes_wrong(
    deployment: Deployment,
    effects: list[Effect],
    stage: str,
    company: Company,
    way: Way,
    *,
    moments: tuple[Moment, ...] = MOMENTS,
    only: Sequence[Effect] = (),
) -> None:
    """Args: only: the steps to stop at; all when left out."""
    booked, charged = _spent(deployment)
    numbers = {effect.number for effect in only or effects}
    kills = [kill for kill in every_kill(stage, company, effects, way) if kill.stop.moment in moments]
    kills = [kill for kill in kills if kill.stop.number in numbers]
    assert len(kills) >= len(numbers) - (way in REFUSING), "but for the paid call, which is not one of AWS"
    wrong = [what for kill in kills for what in suffer(deployment, kill)]
    assert not wrong, "\n".join(wrong)
    assert not deployment.left_over(), "messages remain, perhaps in a dead-letter queue"
    assert not deployment.strays, "the functions reach the network past the harness"
    booked_now, charged_now = _spent(deployment)
    assert booked_now - booked >= charged_now - charged, "the budget's records miss what was charged"


def _spent(deployment: Deployment) -> tuple[float, float]:
    """Credits by the budget's records, and by the API."""
    return sum(deployment.credits_booked().values()), deployment.api.summary()["credits_charged"]
