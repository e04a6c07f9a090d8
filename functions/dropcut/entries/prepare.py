"""Entry of the prepare function: what it is made of, and one batch after the other."""

import time
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore, owned_by
from dropcut.adapters.queue import Queue
from dropcut.adapters.state_table import StateTable
from dropcut.core.photo_source import read_rendition_names
from dropcut.core.sandbox_probe import SANDBOX_PROBE
from dropcut.environment import PrepareEnvironment
from dropcut.imaging_stage import imaging_batch, start_imaging
from dropcut.observability import logger, metrics
from dropcut.sandbox_report import probe_sandbox
from dropcut.use_cases.intake import Intake
from dropcut.use_cases.prepare import Prepare

environment = PrepareEnvironment.read()
imaging = start_imaging(environment)
sqs = boto3.client("sqs")
prepare = Prepare(
    objects=ObjectStore(owned_by(environment.account_id, boto3.client("s3"))),
    jobs=JobRecords(table=StateTable(boto3.client("dynamodb"), environment.state_table)),
    cut_queue=Queue(sqs, environment.cut_queue_url),
    deliver_queue=Queue(sqs, environment.deliver_queue_url),
    fit=partial(imaging.fit, limits=environment.decode_limits),
    max_photo_mib=environment.max_photo_mib,
    intake=Intake(sources=environment.sources, rendition_names=read_rendition_names(environment.rendition_names)),
    work_bucket=environment.work_bucket,
    clock=time.time,
)
batch = imaging_batch("prepare", environment, sqs, announce_failure=prepare.announce_failure)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | dict[str, Any]:
    if event == SANDBOX_PROBE:  # of somebody who may invoke the function; no queue sends such a thing
        return probe_sandbox(imaging)
    return batch.process(event, context, lambda _messages: prepare)
