"""The bad cut-outs of the quality benchmark are bad, and the same each time."""

import numpy as np
import pytest

from bench.product_photos import SOLID, Photo, product_photo
from bench.spoiled import SPOILED


@pytest.fixture(scope="module")
def bottle() -> Photo:
    return product_photo([SOLID["bottle"]], "a bottle", bystander=True)


def test_the_same_arguments_give_the_same_photo(bottle: Photo) -> None:
    again = product_photo([SOLID["bottle"]], "a bottle", bystander=True)
    assert np.array_equal(again.pixels, bottle.pixels)
    assert np.array_equal(again.alpha, bottle.alpha)
    assert np.minimum(bottle.alpha, bottle.bystander).max() < 10


@pytest.mark.parametrize("way", SPOILED)
def test_a_spoiled_cut_out_differs_by_what_a_person_sees(bottle: Photo, way: str) -> None:
    tried = [SPOILED[way](bottle, np.random.default_rng(seed)) for seed in range(5)]
    made = [spoiled for spoiled in tried if spoiled is not None]
    assert len(made) >= 3
    for spoiled in made:
        assert (spoiled.shape, spoiled.dtype) == (bottle.alpha.shape, np.uint8)
        assert np.abs(spoiled.astype(int) - bottle.alpha).sum() > 0.02 * bottle.alpha.sum()
