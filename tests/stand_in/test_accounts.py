"""Keys and their credits, from many threads at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from stand_in.accounts import Accounts


@pytest.mark.parametrize(("credits", "sold"), [(10.0, 5), (9.0, 4), (0.0, 0), (None, 20)])
def test_no_more_is_taken_than_there_is(credits: float | None, sold: int) -> None:
    accounts = Accounts({"sk": credits})
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: accounts.take("sk", 2.0), range(20)))
    assert sum(taken) == sold
    assert accounts.credits_left("sk") == (None if credits is None else credits - 2 * sold)


def test_what_is_given_back_can_be_taken_again() -> None:
    accounts = Accounts({"sk": 2.0})
    assert accounts.take("sk", 2.0)
    accounts.give_back("sk", 2.0)
    assert accounts.take("sk", 2.0)


def test_a_key_is_unknown_until_it_is_set() -> None:
    accounts = Accounts({"sk": None})
    assert [accounts.state(key) for key in ("sk", "other", "", None)] == ["valid", "unknown", "unknown", "unknown"]
    accounts.change("other", state="revoked")
    assert accounts.state("other") == "revoked"
