import pytest
from dropcut.core.transitions import Transition, table


def test_a_cell_is_the_next_state_and_after_a_colon_what_has_to_be_done() -> None:
    read = table(("push", "pull"), {"shut": ("open: ring twice", "shut"), "open": ("open", "shut")})
    assert read["shut"] == {"push": Transition("open", "ring twice"), "pull": Transition("shut")}
    assert read["open"]["pull"].action == ""


@pytest.mark.parametrize("cells", [("open",), ("open", "open", "shut"), ()])
def test_a_row_with_a_cell_too_many_or_too_few_is_refused(cells: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        table(("push", "pull"), {"shut": cells})
