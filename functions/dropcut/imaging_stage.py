"""What the stages that decode photos, prepare and deliver, are both made of."""

from typing import Any

from dropcut.adapters.credentials import hide_credentials
from dropcut.adapters.imaging_process import ImagingProcess
from dropcut.adapters.queue import Queue
from dropcut.adapters.scratch import remove_leftovers
from dropcut.environment import ImagingEnvironment
from dropcut.message_batch import AnnounceFailure, MessageBatch
from dropcut.sandbox_report import report_sandbox

PHOTOS_AT_ONCE = 2
"""Decoding is bound by the processor; the second photo hides the first one's waiting for S3."""
RECEIVES_BEFORE_GIVING_UP = 12
"""An hour and a half, ever more rarely: most hiccups of AWS are shorter."""


def start_imaging(environment: ImagingEnvironment) -> ImagingProcess:
    """What decodes photos. The disk is cleared, and this process's credentials are hidden, before any photo comes."""
    remove_leftovers()
    hide_credentials()
    return ImagingProcess(
        seconds=environment.imaging_seconds,
        memory_mib=environment.imaging_memory_mib,
        formats=environment.formats.split(","),
        refuse_exposed=environment.refuse_exposed,
        report=report_sandbox,
    )


def imaging_batch(
    stage: str, environment: ImagingEnvironment, sqs: Any, *, announce_failure: AnnounceFailure
) -> MessageBatch:
    """How the stage treats its messages.

    Args:
        sqs: a boto3 client.
    """
    return MessageBatch(
        stage=stage,
        queue=Queue(sqs, environment.queue_url),
        dead_letters=Queue(sqs, environment.dead_letter_queue_url),
        threads=PHOTOS_AT_ONCE,
        needed_seconds=environment.needed_seconds,
        receives_before_giving_up=RECEIVES_BEFORE_GIVING_UP,
        announce_failure=announce_failure,
    )
