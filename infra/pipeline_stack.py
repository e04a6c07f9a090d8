"""The pipeline, as in the diagram: input bucket, prepare, cut, deliver, output bucket.

input bucket ─ EventBridge ─▶ [intake] ─▶ prepare ─▶ [cut] ─▶ cut ─▶ [deliver] ─▶ deliver ─▶ output bucket
"""

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import Annotations, Aws, CfnOutput, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from dropcut.adapters.held_records import HELD_INDEX
from dropcut.adapters.state_table import BUDGET, GATE, HEALTH, JOB, PACE, PAYMENT
from dropcut.core.messages import PAID, PREPARED
from dropcut.core.rendition_setting import renditions_to_json
from dropcut.core.review import HELD
from dropcut.environment import CutEnvironment, DeliverEnvironment, PrepareEnvironment

from infra.artifact import Target
from infra.confined_function import allow
from infra.gatekeeper import Gatekeeper
from infra.nag import acknowledge
from infra.settings import PHOTOS_AT_ONCE, Settings, SettingsError
from infra.stage import Queue, Stage, allow_rule_to_send
from infra.storage_stack import StorageStack

POWERTOOLS = ("aws-lambda-powertools", "jmespath", "typing-extensions")
DECODING = ("pyvips", "pyvips-binary", "cffi", "pycparser", "pillow", "pillow-heif", "isal")
CALLING = ("requests", "certifi", "charset-normalizer", "idna", "urllib3")

DELIBERATE_RECEIVES = 15
"""More than the twelve tries after which the functions themselves dead-letter a message, with the reason."""
WAITING_RECEIVES = 1000
"""SQS's most: a picture that waits for its turn or for the account is received again and again, and is not failing."""
QUICK_STAGES_AT_ONCE = 10
GIVE_MEMORY_BACK = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024)}
"""Read by glibc. By itself it learns from the first picture freed to keep the next ones, and each thread keeps its
own: a batch of ten of the largest then took 512 MiB instead of 318 (`python -m bench memory`)."""


class PipelineStack(Stack):
    """The secret, the three stages, and the rule that feeds the first."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, storage: StorageStack) -> None:
        super().__init__(scope, construct_id, description=f"Dropcut ({settings.stage}): prepare, cut, deliver")
        self._settings, self._storage = settings, storage
        self._check_buckets_differ()
        self._warn_without_ceiling()
        self.service = f"dropcut-{settings.stage}"
        self._input_prefix = settings.input_prefix
        self._target = (
            Target.this_machine() if settings.bundle_for == "this_machine" else Target.for_lambda(settings.architecture)
        )
        self.api_key_secret_name = self._api_key_secret()

        # From the far end, since each stage is told where to send what it has done.
        self.deliver = self._deliver()
        self.cut = self._cut(outcomes_to=self.deliver.queue)
        self.prepare = self._prepare(pictures_to=self.cut.queue, outcomes_to=self.deliver.queue)
        self.gatekeeper = self._gatekeeper()
        self._update_from_the_far_end()
        self._feed(self.prepare)
        self._end_old_held(self.deliver)
        self._outputs()

    def _prepare(self, *, pictures_to: sqs.Queue, outcomes_to: sqs.Queue) -> Stage:
        """Recognises the event, decides whether there is work, makes the picture fit the API's rules."""
        storage = self._storage
        return Stage(
            self,
            "Prepare",
            handler="dropcut.entries.prepare.handler",
            description="Dropcut: decides whether there is work, and makes the picture fit the API's rules",
            packages=(*POWERTOOLS, *DECODING),
            target=self._target,
            architecture=self._settings.architecture,
            timeout_seconds=self._settings.prepare_timeout_seconds,
            memory_mb=self._settings.prepare_memory_mb,
            ephemeral_storage_mb=self._settings.prepare_ephemeral_storage_mb,
            max_receive_count=DELIBERATE_RECEIVES,
            max_concurrency=QUICK_STAGES_AT_ONCE,
            batch_size=PHOTOS_AT_ONCE,  # one that had to wait for the others would use up a receive
            environment=lambda own: PrepareEnvironment(
                **self._of_stage(own, self._settings.prepare_timeout_seconds),
                **self._settings.values_of(PrepareEnvironment),
                imaging_memory_mib=self._settings.imaging_memory_mib,
                cut_queue_url=pictures_to.queue_url,
                deliver_queue_url=outcomes_to.queue_url,
            ),
            variables=self._variables(),
            permissions=[
                allow("ReadPhotos", self._of_photos("GetObject", "GetObjectTagging"), [self._photos()]),
                allow("TellVanished", ["s3:ListBucket"], [storage.input_bucket.bucket_arn]),
                allow("StorePrepared", ["s3:PutObject"], [self._objects(storage.work_bucket, f"{PREPARED}*")]),
                self._read_state(JOB),
                self._write_state(JOB),
                allow("SendPictures", ["sqs:SendMessage"], [pictures_to.queue_arn]),
            ],
            outcomes_to=outcomes_to,
        )

    def _cut(self, *, outcomes_to: sqs.Queue) -> Stage:
        """Makes the one paid call, within the pace and the budget, and stores the answer before anything else."""
        work, settings, state = self._storage.work_bucket, self._settings, self._storage.state_table
        prepared, paid = self._objects(work, f"{PREPARED}*"), self._objects(work, f"{PAID}*")
        return Stage(
            self,
            "Cut",
            handler="dropcut.entries.cut.handler",
            description="Dropcut: makes the paid call, and stores the answer",
            packages=(*POWERTOOLS, *CALLING),
            target=self._target,
            architecture=settings.architecture,
            timeout_seconds=settings.cut_timeout_seconds,
            memory_mb=1024,
            max_receive_count=WAITING_RECEIVES,
            max_concurrency=settings.max_concurrency,
            environment=lambda own: CutEnvironment(
                **self._of_stage(own, settings.cut_timeout_seconds),
                deliver_queue_url=outcomes_to.queue_url,
                api_key_secret=self.api_key_secret_name,
                **settings.values_of(CutEnvironment) | {"pace_table": settings.pace_table or state.table_name},
            ),
            variables=self._variables() | GIVE_MEMORY_BACK,
            permissions=[
                allow("ReadPictures", ["s3:GetObject"], [prepared, paid]),
                allow("StorePaid", ["s3:PutObject"], [paid]),
                allow("RemovePrepared", ["s3:DeleteObject"], [prepared]),
                allow("TellMissing", ["s3:ListBucket"], [work.bucket_arn]),
                allow("TellVanished", ["s3:ListBucket"], [self._storage.input_bucket.bucket_arn]),
                allow("ReadKey", ["secretsmanager:GetSecretValue"], [self._secret_arn_pattern()]),
                self._use_state("ReadState", "dynamodb:BatchGetItem", [JOB, GATE, HEALTH]),
                # An update changes the role first: until the function is updated, too, the one before reads one by one.
                self._use_state("ReadStateOneByOne", "dynamodb:GetItem", [JOB, GATE]),
                self._write_state(JOB, PAYMENT, PACE, BUDGET, HEALTH, GATE),
                *self._use_shared_pace(),
            ],
            outcomes_to=outcomes_to,
        )

    def _deliver(self) -> Stage:
        """Makes the renditions, brings them to their place, tags the photo, publishes what became of it."""
        storage, settings = self._storage, self._settings
        return Stage(
            self,
            "Deliver",
            handler="dropcut.entries.deliver.handler",
            description="Dropcut: makes the renditions, tags the photo, publishes the event",
            packages=(*POWERTOOLS, *DECODING),
            target=self._target,
            architecture=settings.architecture,
            timeout_seconds=settings.deliver_timeout_seconds,
            memory_mb=settings.deliver_memory_mb,
            ephemeral_storage_mb=settings.deliver_ephemeral_storage_mb,
            # As many as are worked on at once: one that had to wait its turn could run out of time before it came.
            batch_size=PHOTOS_AT_ONCE,
            max_receive_count=DELIBERATE_RECEIVES,
            max_concurrency=QUICK_STAGES_AT_ONCE,
            environment=lambda own: DeliverEnvironment(
                **self._of_stage(own, settings.deliver_timeout_seconds),
                **settings.values_of(DeliverEnvironment)
                | {
                    "imaging_seconds": settings.deliver_imaging_seconds,
                    "renditions": renditions_to_json(settings.renditions_made),
                },
                imaging_memory_mib=settings.deliver_imaging_memory_mib,
                output_bucket=storage.output_bucket.bucket_name,
            ),
            variables=self._variables(),
            permissions=[
                allow("ReadPaid", ["s3:GetObject"], [self._objects(storage.work_bucket, f"{PAID}*")]),
                allow("TellMissing", ["s3:ListBucket"], [storage.work_bucket.bucket_arn]),
                allow("WriteCutouts", ["s3:PutObject", "s3:GetObject"], [self._objects(storage.output_bucket, "*")]),
                allow("TellFree", ["s3:ListBucket"], [storage.output_bucket.bucket_arn]),
                allow(
                    "ReadAndTagPhotos",
                    self._of_photos("GetObject", "GetObjectTagging", "PutObjectTagging"),
                    [self._photos()],
                ),
                allow("TellVanished", ["s3:ListBucket"], [storage.input_bucket.bucket_arn]),
                self._read_state(JOB),
                self._write_state(JOB),
                allow("RemoveHeld", ["s3:DeleteObject"], [self._objects(storage.output_bucket, f"{HELD}*")]),
                allow("FindOldHeld", ["dynamodb:Query"], [f"{storage.state_table.table_arn}/index/{HELD_INDEX}"]),
                allow(
                    "Publish",
                    ["events:PutEvents"],
                    [f"arn:{Aws.PARTITION}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:event-bus/default"],
                    # The key has a value for each event of a call; `ForAllValues` alone would also allow to name none.
                    {
                        "ForAllValues:StringEquals": {"events:source": "dropcut"},
                        "Null": {"events:source": "false"},
                    },
                ),
            ],
        )

    def _gatekeeper(self) -> Gatekeeper:
        """Stops the spending when the account has a problem, and resumes it when it has none."""
        return Gatekeeper(
            self,
            "Gatekeeper",
            cut=self.cut,
            announcements_to=self.deliver.queue,
            packages=POWERTOOLS,
            target=self._target,
            architecture=self._settings.architecture,
            cut_timeout_seconds=self._settings.cut_timeout_seconds,
            state_table=self._storage.state_table.table_name,
            api_key_secret=self.api_key_secret_name,
            variables=self._variables(),
            permissions=[
                self._read_state(GATE, HEALTH),
                self._write_state(GATE, HEALTH),
                allow("ReadKey", ["secretsmanager:GetSecretValue"], [self._secret_arn_pattern()]),
            ],
        )

    def _update_from_the_far_end(self) -> None:
        """Deploy each function after the one that reads its messages, which may know no new field of them yet."""
        self.cut.function.node.add_dependency(self.deliver.function)
        self.prepare.function.node.add_dependency(self.cut.function)

    def _feed(self, stage: Stage) -> None:
        """Send each new object of the input bucket to a stage's queue, by EventBridge.

        The rule is written out: CDK's own target lets a rule read the queue's address and attributes as well.
        What EventBridge cannot send for 24 hours it puts into the dead-letter queue.
        """
        key = {"object": {"key": [{"prefix": self._input_prefix}]}} if self._input_prefix else {}
        rule = events.CfnRule(
            self,
            "UploadsRule",
            description="New photos go to prepare",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [self._storage.input_bucket.bucket_name]}, **key},
            },
            targets=[
                events.CfnRule.TargetProperty(
                    id="intake",
                    arn=stage.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=stage.dead_letter_queue.queue_arn),
                )
            ],
        )
        allow_rule_to_send(stage.queue, rule)
        allow_rule_to_send(stage.dead_letter_queue, rule)

    def _end_old_held(self, stage: Stage) -> None:
        """Ask a stage once an hour to end what waits for a decision for too long.

        Also without `hold_doubtful`: some may be held since before.
        """
        rule = events.CfnRule(
            self,
            "HeldRule",
            description="Dropcut: does any cut-out wait for a decision for too long?",
            schedule_expression="rate(1 hour)",
            targets=[
                events.CfnRule.TargetProperty(
                    id="deliver", arn=stage.queue.queue_arn, input=json.dumps({"end_old_held": {}})
                )
            ],
        )
        allow_rule_to_send(stage.queue, rule)

    def _variables(self) -> dict[str, str]:
        """What the libraries of every function read."""
        return {
            "POWERTOOLS_SERVICE_NAME": self.service,
            "POWERTOOLS_METRICS_NAMESPACE": "Dropcut",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }

    def _of_stage(self, own: Queue, function_seconds: int) -> dict[str, Any]:
        """What every stage needs, by the names in `StageEnvironment`."""
        return {
            "state_table": self._storage.state_table.table_name,
            "function_seconds": function_seconds,
            "account_id": Aws.ACCOUNT_ID,
            "input_bucket": self._storage.input_bucket.bucket_name,
            "work_bucket": self._storage.work_bucket.bucket_name,
            "queue_url": own.queue.queue_url,
            "dead_letter_queue_url": own.dead_letter_queue.queue_url,
        }

    def _read_state(self, *kinds: str) -> iam.PolicyStatement:
        """Only these kinds: whoever decodes strangers' files has no business with payments, budget and gate."""
        return self._use_state("ReadState", "dynamodb:GetItem", kinds)

    def _write_state(self, *kinds: str) -> iam.PolicyStatement:
        """Only these items; what a write returns of an item that was there needs no right to read."""
        return self._use_state("WriteState", "dynamodb:UpdateItem", kinds)

    def _use_state(self, sid: str, action: str, kinds: Sequence[str]) -> iam.PolicyStatement:
        keys = [f"{kind}*" if kind.endswith("#") else kind for kind in kinds]
        only_these = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys}}
        return allow(sid, [action], [self._storage.state_table.table_arn], only_these)

    def _use_shared_pace(self) -> list[iam.PolicyStatement]:
        """For stacks that share a key: the pace, and nothing else, of another stack's table."""
        if not self._settings.pace_table:
            return []
        table = f"arn:{Aws.PARTITION}:dynamodb:{Aws.REGION}:{Aws.ACCOUNT_ID}:table/{self._settings.pace_table}"
        pace_only = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{PACE}*"}}
        return [allow("SharePace", ["dynamodb:UpdateItem"], [table], pace_only)]

    def _photos(self) -> str:
        return self._objects(self._storage.input_bucket, f"{self._input_prefix}*")

    def _objects(self, bucket: s3.Bucket, pattern: str) -> str:
        """ARN of a bucket's objects by pattern; exported on the spot, so that cdk-nag's finding has a known name."""
        return f"{self._storage.export_value(bucket.bucket_arn)}/{pattern}"

    def _of_photos(self, *actions: str) -> list[str]:
        """S3 actions on photos; with a versioned input bucket, those on a named version too."""
        named = [f"s3:{action}" for action in actions]
        if self._settings.versioned_input:
            named += [f"s3:{action.replace('Object', 'ObjectVersion')}" for action in actions]
        return named

    def _api_key_secret(self) -> str:
        """A secret without a value, which is put there after the deployment; returns its name."""
        name = f"{self.service}-api-key"
        secret = secretsmanager.CfnSecret(
            self,
            "ApiKey",
            name=name,
            description=f"API key of Dropcut's provider ({self._settings.provider}): the key alone, or "
            '{"api_key": "..."}',
        )
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "The provider has no API to make keys with. A new key put here is used within minutes, at once on a 401.",
        )
        return name

    def _secret_arn_pattern(self) -> str:
        """The secret's ARN up to the six characters that AWS adds to the name."""
        account = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        return f"arn:{Aws.PARTITION}:secretsmanager:{account}:secret:{self.api_key_secret_name}-??????"

    def _check_buckets_differ(self) -> None:
        """A cut-out in the input bucket would be a new photo, paid for again, without end."""
        if self._storage.input_bucket.bucket_name == self._storage.output_bucket.bucket_name:
            raise SettingsError(
                "The input and the output bucket are one and the same, so each cut-out would be cut out again. "
                "Allowed: two different buckets."
            )

    def _warn_without_ceiling(self) -> None:
        """Whoever may put photos into the input bucket spends money, as fast as the API allows it."""
        if self._settings.daily_credit_limit or self._settings.for_embedded_aws:
            return
        a_day = 86_400 * self._settings.rate_limit_requests / self._settings.rate_limit_seconds
        Annotations.of(self).add_warning_v2(
            "dropcut:no-daily-credit-limit",
            f"There is no daily_credit_limit: uploads may spend up to {a_day * self._settings.credits_per_image:,.0f} "
            "credits a day. Set daily_credit_limit=1000, for example.",
        )

    def _outputs(self) -> None:
        outputs = {
            "ApiKeySecretName": self.api_key_secret_name,
            "PrepareFunctionName": self.prepare.function.function_name,
            "IntakeQueueUrl": self.prepare.queue.queue_url,
            "CutQueueUrl": self.cut.queue.queue_url,
            "DeliverQueueUrl": self.deliver.queue.queue_url,
            "IntakeDeadLetterQueueUrl": self.prepare.dead_letter_queue.queue_url,
            "CutDeadLetterQueueUrl": self.cut.dead_letter_queue.queue_url,
            "DeliverDeadLetterQueueUrl": self.deliver.dead_letter_queue.queue_url,
        }
        for key, value in outputs.items():
            CfnOutput(self, key, value=value)
