"""Entry of the deliver function: what it is made of, and one batch after the other."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore, owned_by
from dropcut.adapters.state_table import StateTable
from dropcut.core.photo_source import ByPhoto, read_source_renditions
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import read_renditions
from dropcut.environment import DeliverEnvironment
from dropcut.imaging_stage import imaging_batch, start_imaging
from dropcut.observability import logger, metrics
from dropcut.side_by_side import side_by_side
from dropcut.use_cases.announcement import Announcer
from dropcut.use_cases.cutout_maker import CutoutMaker
from dropcut.use_cases.deliver import Deliver
from dropcut.use_cases.deliver_by_photo import DeliverByPhoto
from dropcut.use_cases.held_files import HeldFiles
from dropcut.use_cases.holding import Holding
from dropcut.use_cases.outputs import Outputs
from dropcut.use_cases.remake import Remaker
from dropcut.use_cases.review import Reviewer

environment = DeliverEnvironment.read()
imaging = start_imaging(environment)
sqs = boto3.client("sqs")
objects = ObjectStore(owned_by(environment.account_id, boto3.client("s3")))
table = StateTable(boto3.client("dynamodb"), environment.state_table)
jobs = JobRecords(table=table, keep_days=environment.keep_jobs_days)
events = EventBus(boto3.client("events"), deployment=logger.service, clock=time.time)
limits = environment.decode_limits
held_records = HeldRecords(table=table)
announcer = Announcer(
    objects=objects,
    jobs=jobs,
    events=events,
    held_files=HeldFiles(objects=objects, records=held_records, bucket=environment.output_bucket),
    together=side_by_side,
    clock=time.time,
)


def deliver_with(renditions: Sequence[Rendition]) -> Deliver:
    """The use case for photos that are made into these renditions."""
    maker = CutoutMaker(
        objects=objects,
        make_cutouts=partial(imaging.make_cutouts, limits=limits, colour=environment.colour_profile),
        renditions=renditions,
        work_bucket=environment.work_bucket,
        together=side_by_side,
        clock=time.time,
    )
    outputs = Outputs(
        objects=objects,
        bucket=environment.output_bucket,
        renditions=renditions,
        first_input=environment.sources[0].bucket,
        is_superseded=jobs.is_superseded,
    )
    return Deliver(
        jobs=jobs,
        events=events,
        maker=maker,
        outputs=outputs,
        announcer=announcer,
        holding=Holding(
            is_on=environment.hold_doubtful,
            queue_url=environment.queue_url,
            renditions=renditions,
            records=held_records,
            announcer=announcer,
            clock=time.time,
        ),
        sources=environment.sources,
        stage_roles=environment.stage_roles.split(","),
        remake=Remaker(jobs=jobs, events=events, maker=maker, outputs=outputs, clock=time.time),
        review=Reviewer(
            records=held_records,
            objects=objects,
            outputs=outputs,
            make_replacement=partial(imaging.make_replacement, limits=limits),
            announcer=announcer,
            held_days=environment.held_days,
            max_photo_mib=environment.max_photo_mib,
            clock=time.time,
        ),
        together=side_by_side,
        clock=time.time,
    )


own_renditions = read_source_renditions(environment.input_renditions)
deliver = DeliverByPhoto(
    deliver=ByPhoto(
        others=deliver_with(read_renditions(environment.renditions)),
        of_sources=[(source, deliver_with(renditions)) for source, renditions in own_renditions],
    )
)
batch = imaging_batch("deliver", environment, sqs, announce_failure=deliver.announce_failure)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return batch.process(event, context, lambda _messages: deliver)
