"""What the comparison with Chromium excuses must be a kind that it compares."""

from bench.browser import REASONS
from bench.corpus_files import KINDS_OF_ALL


def test_every_written_reason_belongs_to_a_kind_of_the_corpus() -> None:
    assert set(REASONS) <= set(KINDS_OF_ALL)
