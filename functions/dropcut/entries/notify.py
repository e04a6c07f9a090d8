"""Entry of the notify function: what it is made of, and one batch after the other."""

import random
import time
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import StateTable
from dropcut.adapters.webhook_call import HttpWebhook
from dropcut.adapters.webhook_keys import WebhookKeys
from dropcut.adapters.webhook_record import WebhookRecord
from dropcut.core.backoff import WEBHOOK_RECEIVES
from dropcut.core.webhook_receiver import Receiver
from dropcut.environment import AWS_CONNECT_SECONDS, AWS_READ_SECONDS, AWS_TRIES, NotifyEnvironment
from dropcut.message_batch import MessageBatch
from dropcut.observability import logger, metrics
from dropcut.use_cases.notify import Notify

environment = NotifyEnvironment.read()
config = Config(
    connect_timeout=AWS_CONNECT_SECONDS,
    read_timeout=AWS_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": AWS_TRIES},
)
sqs = boto3.client("sqs", config=config)
receiver = Receiver.at(environment.webhook_url)
notify = Notify(
    receiver=receiver,
    sender=HttpWebhook(receiver),
    keys=WebhookKeys(boto3.client("secretsmanager", config=config), environment.webhook_secret).current,
    switch=WebhookRecord(table=StateTable(boto3.client("dynamodb", config=config), environment.state_table)),
    events=EventBus(boto3.client("events", config=config), deployment=logger.service, clock=time.time),
    clock=time.time,
    jitter=random.random,
)
batch = MessageBatch(
    stage="notify",
    queue=Queue(sqs, environment.queue_url),
    dead_letters=Queue(sqs, environment.dead_letter_queue_url),
    threads=10,  # one for each message of a batch: they wait on the network
    needed_seconds=environment.needed_seconds,
    receives_before_giving_up=WEBHOOK_RECEIVES,
    announce_failure=lambda _message, _reason: None,  # no photo failed; the alarm on dead letters says the rest
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return batch.process(event, context, notify.begin)
