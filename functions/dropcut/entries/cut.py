"""Entry of the cut function: what it is made of, and one batch after the other."""

import time
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from dropcut.adapters.api import HttpRemoveBackgroundApi, longest_call_seconds
from dropcut.adapters.api_key import ApiKeys
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.adapters.queue import Queue
from dropcut.adapters.spending_records import BudgetRecord, PaceRecord
from dropcut.adapters.state_table import StateTable
from dropcut.core.pace import HORIZON_SECONDS, Pace
from dropcut.environment import CutEnvironment
from dropcut.message_batch import MessageBatch
from dropcut.observability import logger, metrics
from dropcut.use_cases.cut import Cut
from dropcut.use_cases.spending import SpendingRules

CALLS_AT_ONCE = 10  # one thread for each message of a batch: they wait on the network, and share one bill
SECONDS_TO_STORE = 15  # what an answer still needs after the longest call: to be stored, recorded and handed on

environment = CutEnvironment.read()
# Short time-outs, so that one hung connection does not use up the time that the paid call was given; and enough tries,
# because a paid answer must not be lost to a hiccup of S3.
config = Config(
    max_pool_connections=CALLS_AT_ONCE,
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "max_attempts": 4},
)
sqs = boto3.client("sqs", config=config)
dynamodb = boto3.client("dynamodb", config=config)
once = boto3.client("dynamodb", config=config.merge(Config(retries={"total_max_attempts": 1})))
table = StateTable(dynamodb, environment.state_table, once=once)
longest_call = longest_call_seconds(environment.api_timeout_seconds)
cut = Cut(
    rules=SpendingRules(
        provider=environment.provider,
        output_format=environment.output_format,
        credits_per_image=environment.credits_per_image,
        max_attempts=environment.max_attempts,
        max_possibly_paid=environment.max_possibly_paid,
        retry_base_seconds=environment.retry_base_seconds,
        lockout_seconds=environment.lockout_seconds,
        pause_seconds=environment.pause_seconds,
        pause_after_failures=environment.pause_after_failures,
        longest_call_seconds=longest_call,
        lease_seconds=longest_call + 45,  # longer than this function can live
    ),
    api=HttpRemoveBackgroundApi(
        base_url=environment.api_base_url,
        provider=environment.provider,
        timeout_seconds=environment.api_timeout_seconds,
        threads=CALLS_AT_ONCE,
    ),
    keys=ApiKeys(boto3.client("secretsmanager", config=config), environment.api_key_secret),
    objects=ObjectStore(boto3.client("s3", config=config)),
    work_bucket=environment.work_bucket,
    jobs=JobRecords(table=table),
    payments=PaymentRecords(table=table, keep_days=environment.keep_results_days),
    pace=PaceRecord(
        table=StateTable(dynamodb, environment.pace_table),
        pace=Pace.under(limit_requests=environment.rate_limit_requests, limit_seconds=environment.rate_limit_seconds),
        horizon_seconds=HORIZON_SECONDS,
    ),
    budget=BudgetRecord(table=table, daily_credit_limit=environment.daily_credit_limit),
    gate=GateRecord(table=table, pause_seconds=environment.pause_seconds),
    deliver_queue=Queue(sqs, environment.deliver_queue_url),
    clock=time.time,
    sleep=time.sleep,
)
batch = MessageBatch(
    stage="cut",
    queue=Queue(sqs, environment.queue_url),
    dead_letters=Queue(sqs, environment.dead_letter_queue_url),
    threads=CALLS_AT_ONCE,
    needed_seconds=longest_call + SECONDS_TO_STORE,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_STORE
    return batch.process(event, context, cut.begin_round(len(event["Records"]), ends_at=ends_at))
