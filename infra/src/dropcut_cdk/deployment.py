"""What the functions of one deployment have in common; each construct is given it as a whole."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from aws_cdk import Aws
from dropcut.environment import Environment

from dropcut_cdk.api_key import ApiKey
from dropcut_cdk.props import DropcutProps
from dropcut_cdk.queues import Queues
from dropcut_cdk.sizes import Size
from dropcut_cdk.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Deployment:
    name: str
    """Of its secret, its dashboard and its metrics' dimension."""
    props: DropcutProps
    storage: Storage
    api_key: ApiKey

    def known(self, environment: type[Environment], size: Size, own: Queues | None = None) -> dict[str, Any]:
        """The shared values that a function needs, by the names in its environment. Each input adds itself later."""
        props, provider, storage = self.props, self.props.provider, self.storage
        values = {each.name: getattr(props, each.name) for each in fields(props)} | asdict(size)
        values |= {
            "function_seconds": size.timeout_seconds,
            "state_table": storage.state_table.table_name,
            "pace_table": (props.pace_table or storage.state_table).table_name,
            "work_bucket": storage.work_bucket.bucket_name,
            "output_bucket": storage.output_bucket.bucket_name,
            "account_id": Aws.ACCOUNT_ID,
            "inputs": "[]",
            "provider": provider.name,
            "api_base_url": provider.base_url,
            "credits_per_image": provider.credits_per_image,
            "api_key_secret": self.api_key.secret,
        }
        if own:
            values |= {"queue_url": own.queue.queue_url, "dead_letter_queue_url": own.dead_letter_queue.queue_url}
        return {each.name: values[each.name] for each in fields(environment) if each.name in values}
