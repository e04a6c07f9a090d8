"""A small part of the corpus, and what it is made of; the whole of it runs in `python -m bench corpus`."""

from collections import Counter

from bench.corpus import run
from bench.corpus_files import corpus
from infra.settings import Settings


def test_each_of_some_fifty_photos_is_delivered_or_rejected_as_it_should_be() -> None:
    tallies = run(corpus(every=73, large=False), Settings())
    files = sum(sum(tally.ends.values()) for tally in tallies.values())
    assert files > 38
    assert [name for tally in tallies.values() for name in tally.unhandled] == []
    assert [name for tally in tallies.values() for name in tally.surprises] == []
    ends = sum((tally.ends for tally in tallies.values()), Counter[str]())
    assert ends["delivered"] > files / 5
    assert ends["damaged"] > files / 5
