"""Entry of the gatekeeper function: what it is made of; which event woke it does not matter."""

import time
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from dropcut.adapters.api_key import ApiKeys
from dropcut.adapters.cut_function import CutFunction
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.key_records import HealthRecord
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import StateTable
from dropcut.environment import GatekeeperEnvironment
from dropcut.observability import logger, metrics
from dropcut.use_cases.endings import Endings
from dropcut.use_cases.gatekeeper import Gatekeeper

environment = GatekeeperEnvironment.read()
# A probe lasts as long as the cut function runs, and must not be made twice. So the client waits that long, and keeps
# the connection alive while it is silent for minutes.
patient = Config(read_timeout=environment.invoke_seconds, retries={"total_max_attempts": 1}, tcp_keepalive=True)
sqs = boto3.client("sqs")
table = StateTable(boto3.client("dynamodb"), environment.state_table)
deliver_queue = Queue(sqs, environment.deliver_queue_url)
gatekeeper = Gatekeeper(
    gate=GateRecord(table=table),
    health=HealthRecord(table=table),
    keys=ApiKeys(boto3.client("secretsmanager"), environment.api_key_secret),
    cut_function=CutFunction(
        boto3.client("lambda", config=patient),
        function_name=environment.cut_function,
        event_source_id=environment.cut_event_source,
    ),
    cut_queue=Queue(sqs, environment.cut_queue_url),
    deliver_queue=deliver_queue,
    endings=Endings(deliver_queue=deliver_queue, dead_letters=Queue(sqs, environment.cut_dead_letter_queue_url)),
    cut_seconds=environment.invoke_seconds,
    clock=time.time,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    gatekeeper(ends_at=time.time() + context.get_remaining_time_in_millis() / 1000)
