"""Entry of the feeder function: what it is made of; which event woke it does not matter."""

import time
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from dropcut.adapters.api_key import ApiKeys
from dropcut.adapters.backfill_records import BackfillRecords
from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.key_records import BudgetRecord
from dropcut.adapters.object_store import owned_by
from dropcut.adapters.own_rule import OwnRule
from dropcut.adapters.photo_lists import PhotoLists
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import StateTable
from dropcut.core.pace import Pace
from dropcut.core.photo_source import read_rendition_names
from dropcut.environment import FeederEnvironment
from dropcut.observability import logger, metrics
from dropcut.use_cases.feed import Feed

environment = FeederEnvironment.read()
sqs, rules = boto3.client("sqs"), boto3.client("events")
table = StateTable(boto3.client("dynamodb"), environment.state_table)
pace = Pace.under(limit_requests=environment.rate_limit_requests, limit_seconds=environment.rate_limit_seconds)
feed = Feed(
    backfills=BackfillRecords(table=table),
    lists=PhotoLists(owned_by(environment.account_id, boto3.client("s3")), work_bucket=environment.work_bucket),
    jobs=JobRecords(table=table),
    rendition_names=read_rendition_names(environment.rendition_names),
    intake=Queue(sqs, environment.intake_queue_url),
    cut_queue=Queue(sqs, environment.cut_queue_url),
    gate=GateRecord(table=table),
    keys=ApiKeys(boto3.client("secretsmanager"), environment.api_key_secret),
    budget=BudgetRecord(table=table, daily_credit_limit=environment.daily_credit_limit),
    credits_per_image=environment.credits_per_image,
    daily_credit_limit=environment.daily_credit_limit,
    events=EventBus(rules, deployment=logger.service, clock=time.time),
    rule=OwnRule(rules, environment.rule_name),
    sources=environment.sources,
    interval_seconds=pace.interval_seconds,
    clock=time.time,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    feed(ends_at=time.time() + context.get_remaining_time_in_millis() / 1000)
