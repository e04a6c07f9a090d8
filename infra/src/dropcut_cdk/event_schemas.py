"""The events' schemas in EventBridge's schema registry, from which code for subscribers can be generated."""

import json

from aws_cdk import aws_eventschemas as eventschemas
from constructs import Construct
from dropcut.core.event_names import SOURCE

from dropcut_cdk.sources import EVENT_SCHEMAS


class EventSchemas(Construct):
    """A registry with the deployment's name. It takes no draft later than 4, which the schemas keep to as well."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str) -> None:
        super().__init__(scope, construct_id)
        registry = eventschemas.CfnRegistry(
            self, "Registry", registry_name=name, description=f"The `detail` of each event of Dropcut ({name})"
        )
        for path in sorted(EVENT_SCHEMAS.glob("*.schema.json")):
            schema = json.loads(path.read_text(encoding="utf-8"))
            event = schema["title"].replace(" ", "")
            eventschemas.CfnSchema(
                self,
                event,
                registry_name=registry.attr_registry_name,
                schema_name=f"{SOURCE}@{event}",
                type="JSONSchemaDraft4",
                description=schema["description"][:256],
                content=json.dumps({"$schema": "http://json-schema.org/draft-04/schema#", **schema}),
            )
