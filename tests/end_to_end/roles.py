"""What the functions' roles are granted, what was called with them, and what AWS would decide about that.

The embedded AWS judges each call by an evaluator of its own. The judge here is another one, which knows all actions,
resource types and condition keys of AWS. So it also finds what a statement names and AWS does not have.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from local.embedded_aws import ACCOUNT
from local.system import System
from tests.judged import judged

LEADING_KEYS = "dynamodb:LeadingKeys"


@dataclass(frozen=True)
class Call:
    """A request that a function makes, or could make; `context`: its condition keys."""

    function: str
    action: str
    resource: str
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def items(self) -> tuple[str, ...]:
        """Ids of the state table's items that it names."""
        return dict(self.context).get(LEADING_KEYS, ())


@dataclass(frozen=True)
class Grant:
    """One action that a role allows on one resource, and in the state table on one kind of item (else empty)."""

    function: str
    action: str
    resource: str
    item: str

    def __str__(self) -> str:
        return f"{self.function} {self.action} {self.resource} {self.item}"

    def covers(self, call: Call) -> bool:
        """Whether a call is made with this grant; one that names several items is made with several."""
        return (
            (self.function, self.action) == (call.function, call.action)
            and fnmatchcase(call.resource, self.resource)
            and (not self.item or any(fnmatchcase(item, self.item) for item in call.items))
        )


Policies = Mapping[str, Sequence[Any]]
"""The documents of a role's policies, by the name of its function: `prepare`, `cut` ..."""


def policies(system: System) -> Policies:
    """Those of the deployed functions' roles."""
    return {name: _of_role(system, config["Role"]) for name, config in _functions(system).items()}


def _functions(system: System) -> dict[str, Any]:
    """The configurations of our own stacks' functions; other apps of the tests have some of the same handlers."""
    every = system.client("lambda").list_functions()["Functions"]
    ours = [each for each in every if each["FunctionName"].startswith("Dropcut-")]
    return {each["Handler"].split(".")[2]: each for each in ours if each["Handler"].startswith("dropcut.entries.")}


def _of_role(system: System, role_arn: str) -> list[Any]:
    iam, role = system.client("iam"), role_arn.rpartition("/")[2]
    assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], "not looked at here"
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]


def calls_made(system: System, file: Path) -> list[Call]:
    """Every call that one of our functions has made so far: those of a test that borrows a role are left out."""
    sessions = {
        f"{config['Role'].rpartition('/')[2]}/{config['FunctionName'][:64]}": name
        for name, config in _functions(system).items()
    }
    made = []
    for line in file.read_text().splitlines():
        call = json.loads(line)
        function = sessions.get(call["principal"].partition("assumed-role/")[2])
        if function:
            context = tuple((key, tuple(values)) for key, values in sorted(call["context"].items()))
            # In a request the judge takes these two for patterns; in an object's key they are characters like others.
            resource = call["resource"].replace("*", "_").replace("?", "_")
            made.append(Call(function, call["action"], resource, context))
    return made


def granted(of: Policies) -> list[Grant]:
    """All that the roles allow, taken apart; a statement that does not allow is an error here."""
    grants = []
    for function, documents in of.items():
        for statement in (each for document in documents for each in document["Statement"]):
            assert statement["Effect"] == "Allow", statement
            conditions = statement.get("Condition", {}).values()
            items = next((keys[LEADING_KEYS] for keys in conditions if LEADING_KEYS in keys), "")
            grants += [
                Grant(function, action, resource, item)
                for action in _listed(statement["Action"])
                for resource in _listed(statement["Resource"])
                for item in _listed(items)
            ]
    return grants


def refused(made: Sequence[Call], of: Policies) -> dict[Call, str]:
    """What AWS would not allow: decided is one call of each kind, by function, action and grants."""
    grants = granted(of)
    one_of_each = {
        (call.function, call.action, tuple(grant for grant in grants if grant.covers(call))): call for call in made
    }
    return {call: answer for call, answer in decided(one_of_each.values(), of).items() if answer != "Allowed"}


def decided(calls: Iterable[Call], of: Policies) -> dict[Call, str]:
    """What AWS would decide: `Allowed`, `ImplicitlyDenied`, `ExplicitlyDenied`, or what is wrong with the request."""
    asked = list(calls)
    simulations = [
        {
            "request": {
                "principal": f"arn:aws:sts::{ACCOUNT}:assumed-role/{call.function}/{call.function}",
                "action": call.action,
                "resource": {"resource": call.resource, "accountId": ACCOUNT},
                "contextVariables": dict(call.context),
            },
            "identityPolicies": [
                {"name": f"{call.function} {number}", "policy": policy}
                for number, policy in enumerate(of[call.function])
            ],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }
        for call in asked
    ]
    return dict(zip(asked, judged(simulations), strict=True))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
