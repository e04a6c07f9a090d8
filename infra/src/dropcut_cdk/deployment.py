"""What the functions of one deployment have in common; each construct is given it as a whole."""

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from aws_cdk import Aws
from dropcut.core.photo_source import rendition_names_to_json
from dropcut.core.rendition_setting import renditions_to_json
from dropcut.environment import Environment

from dropcut_cdk.api_key import ApiKey
from dropcut_cdk.props import DropcutProps
from dropcut_cdk.queues import Queues
from dropcut_cdk.sizes import Size
from dropcut_cdk.storage import Storage

Variables = TypeVar("Variables", bound=Environment)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    name: str
    """Of its secret, its dashboard and its metrics' dimension."""
    props: DropcutProps
    storage: Storage
    api_key: ApiKey

    def environment(self, of: type[Variables], size: Size, queues: Queues | None = None, **own: Any) -> Variables:
        """A function's settings: of what is shared, all that has a field's name, and its own.

        The pipeline sets the inputs, what is made of them, and the roles of stages later.
        """
        props, provider, storage = self.props, self.props.provider, self.storage
        values: dict[str, Any] = {each.name: getattr(props, each.name) for each in fields(props)} | asdict(size)
        values |= {
            "function_seconds": size.timeout_seconds,
            "state_table": storage.state_table.table_name,
            "pace_table": (props.pace_table or storage.state_table).table_name,
            "work_bucket": storage.work_bucket.bucket_name,
            "output_bucket": storage.output_bucket.bucket_name,
            "account_id": Aws.ACCOUNT_ID,
            "inputs": "[]",
            "renditions": renditions_to_json(props.renditions_made),
            "rendition_names": rendition_names_to_json(props.renditions_made),
            "input_renditions": "[]",
            "stage_roles": "",
            "provider": provider.name,
            "api_base_url": provider.base_url,
            "credits_per_image": provider.credits_per_image,
            "api_key_secret": self.api_key.secret,
        }
        if queues:
            values |= {"queue_url": queues.queue.queue_url, "dead_letter_queue_url": queues.dead_letter_queue.queue_url}
        return of(**{each.name: values[each.name] for each in fields(of) if each.name in values}, **own)
