"""Entry of the cut function: what it is made of, and one batch after the other."""

import random
import time
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from dropcut.adapters.api import Client, HttpApi
from dropcut.adapters.api_key import ApiKeys
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.key_records import BudgetRecord, HealthRecord, PaceRecord
from dropcut.adapters.object_store import ObjectStore, owned_by
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.adapters.queue import Queue
from dropcut.adapters.snapshot import Snapshots
from dropcut.adapters.state_table import StateTable
from dropcut.core.messages import PAID
from dropcut.core.pace import HORIZON_SECONDS, Pace
from dropcut.core.units import DAY_SECONDS
from dropcut.environment import AWS_CONNECT_SECONDS, AWS_READ_SECONDS, AWS_TRIES, SECONDS_TO_STORE, CutEnvironment
from dropcut.message_batch import MessageBatch
from dropcut.observability import logger, metrics
from dropcut.side_by_side import side_by_side
from dropcut.use_cases.account import AccountRules, Accounts
from dropcut.use_cases.claim import Claims
from dropcut.use_cases.cut import Cut
from dropcut.use_cases.endings import Endings
from dropcut.use_cases.purchase import Purchases

CALLS_AT_ONCE = 10  # one thread for each message of a batch: they wait on the network, and share one bill

environment = CutEnvironment.read()
config = Config(
    max_pool_connections=2 * CALLS_AT_ONCE,  # some calls are made side by side
    connect_timeout=AWS_CONNECT_SECONDS,
    read_timeout=AWS_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": AWS_TRIES},
)
sqs = boto3.client("sqs", config=config)
dynamodb = boto3.client("dynamodb", config=config)
once = boto3.client("dynamodb", config=config.merge(Config(retries={"total_max_attempts": 1})))
table = StateTable(dynamodb, environment.state_table, once=once)
objects = ObjectStore(owned_by(environment.account_id, boto3.client("s3", config=config)))
keep_seconds = environment.keep_results_days * DAY_SECONDS
accounts = Accounts(
    rules=AccountRules(
        credits_per_image=environment.credits_per_image,
        lockout_seconds=environment.lockout_seconds,
        pause_seconds=environment.pause_seconds,
        call_needs_seconds=environment.call_needs_seconds,
        probe_seconds=environment.lease_seconds,
        blame=environment.blame,
    ),
    keys=ApiKeys(boto3.client("secretsmanager", config=config), environment.api_key_secret),
    gate=GateRecord(table=table),
    health=HealthRecord(table=table),
    pace=PaceRecord(
        table=StateTable(dynamodb, environment.pace_table),
        pace=Pace.under(limit_requests=environment.rate_limit_requests, limit_seconds=environment.rate_limit_seconds),
        horizon_seconds=HORIZON_SECONDS,
    ),
    budget=BudgetRecord(table=table, daily_credit_limit=environment.daily_credit_limit),
    prove_storage=partial(objects.write, environment.work_bucket, f"{PAID}probe", b"", content_type="text/plain"),
    clock=time.time,
    sleep=time.sleep,
    jitter=random.random,
)
deliver_queue = Queue(sqs, environment.deliver_queue_url)
dead_letters = Queue(sqs, environment.dead_letter_queue_url)
endings = Endings(deliver_queue=deliver_queue, dead_letters=dead_letters)
cut = Cut(
    accounts=accounts,
    claims=Claims(
        payments=PaymentRecords(table=table),
        lease_seconds=environment.lease_seconds,
        keep_seconds=keep_seconds,
        clock=time.time,
    ),
    snapshots=Snapshots(table=table),
    jobs=JobRecords(table=table),
    objects=objects,
    sources=environment.sources,
    work_bucket=environment.work_bucket,
    purchases=Purchases(
        accounts=accounts,
        api=HttpApi(
            base_url=environment.api_base_url,
            provider=environment.provider,
            timeout_seconds=environment.api_timeout_seconds,
            threads=CALLS_AT_ONCE,
            client=Client(
                id=environment.client_id, version=environment.client_version, user_id=environment.client_user_id
            ),
        ),
        provider=environment.provider,
        objects=objects,
        work_bucket=environment.work_bucket,
        keep_seconds=keep_seconds,
        endings=endings,
        deliver_queue=deliver_queue,
        together=side_by_side,
        store_seconds=SECONDS_TO_STORE,
        retry_base_seconds=environment.retry_base_seconds,
    ),
    endings=endings,
    together=side_by_side,
)
batch = MessageBatch(
    stage="cut",
    queue=Queue(sqs, environment.queue_url),
    dead_letters=dead_letters,
    threads=CALLS_AT_ONCE,
    needed_seconds=environment.needed_seconds,
    announce_failure=cut.announce_failure,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ends_at = time.time() + context.get_remaining_time_in_millis() / 1000
    return batch.process(event, context, partial(cut.begin, ends_at=ends_at))
