"""What the functions called while the API misbehaved, judged as test_what_roles_do.py does; last of its system, too."""

from tests.end_to_end.conftest import CALLS
from tests.end_to_end.dropcut_in_use import DropcutInUse
from tests.end_to_end.photos import photo
from tests.end_to_end.roles import calls_made, policies, refused


def test_each_call_that_was_made_in_trouble_is_allowed_by_its_role(dropcut: DropcutInUse) -> None:
    assert dropcut.outcome(dropcut.drop(photo(), dropcut.unused("a.jpg"))).kind == "delivered"
    made = calls_made(dropcut.system, dropcut.system.folder / CALLS)
    assert {call.function for call in made} >= {"prepare", "cut", "deliver"}
    assert refused(made, policies(dropcut.system)) == {}
