"""Entry of the gatekeeper function: what it is made of; which event woke it does not matter."""

import time
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from dropcut.adapters.cut_function import CutFunction
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import StateTable
from dropcut.environment import GatekeeperEnvironment
from dropcut.observability import count, logger, metrics
from dropcut.use_cases.gatekeeper import Gatekeeper

environment = GatekeeperEnvironment.read()
# A probe lasts as long as the cut function runs, and must not be made twice because the client grew impatient.
patient = Config(read_timeout=environment.cut_timeout_seconds + 5, retries={"total_max_attempts": 1})
sqs = boto3.client("sqs")
gatekeeper = Gatekeeper(
    gate=GateRecord(
        table=StateTable(boto3.client("dynamodb"), environment.state_table),
        pause_seconds=environment.pause_seconds,
    ),
    cut_function=CutFunction(
        boto3.client("lambda", config=patient),
        function_name=environment.cut_function,
        event_source_id=environment.cut_event_source,
    ),
    cut_queue=Queue(sqs, environment.cut_queue_url),
    deliver_queue=Queue(sqs, environment.deliver_queue_url),
    probe_seconds=environment.cut_timeout_seconds + 30,
    clock=time.time,
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    # The alarm on stuck work compares with these: a metric that nobody ever published cannot be 0.
    count("PicturesPaid", 0)
    count("AnswersReused", 0)
    gatekeeper()
