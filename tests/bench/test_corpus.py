"""A tenth of the corpus, and what it is made of; the whole of it runs in `python -m bench corpus`."""

from collections import Counter

from bench.corpus import LEAST_FILES, run
from bench.corpus_files import corpus
from infra.settings import Settings


def test_each_of_a_few_hundred_photos_is_delivered_or_rejected_as_it_should_be() -> None:
    tallies = run(corpus(every=9, large=False), Settings())
    files = sum(sum(tally.ends.values()) for tally in tallies.values())
    assert files > 300
    assert [name for tally in tallies.values() for name in tally.unhandled] == []
    assert [name for tally in tallies.values() for name in tally.surprises] == []
    ends = sum((tally.ends for tally in tallies.values()), Counter[str]())
    assert ends["delivered"] > files / 5
    assert ends["damaged"] > files / 5


def test_the_corpus_is_as_large_as_it_is_said_to_be_and_no_two_files_have_one_name() -> None:
    names = [(case.group, case.name) for case in corpus(large=False)]
    assert len(names) >= LEAST_FILES
    assert len(set(names)) == len(names)
