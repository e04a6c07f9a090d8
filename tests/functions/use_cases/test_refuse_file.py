import pytest
from dropcut.use_cases.prepare import refuse_file

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("size_bytes", "code"),
    [(0, "empty"), (1, None), (100 * MIB, None), (100 * MIB + 1, "too_many_bytes")],
)
def test_the_size_of_a_file_decides_whether_it_is_read(size_bytes: int, code: str | None) -> None:
    end = refuse_file(size_bytes, most_mib=100)
    assert (end.code if end else None) == code


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [(0, ["0 bytes", "Upload"]), (2_000_000, ["2,000,000", "1.5 MiB", "max_photo_mib", "Save it smaller"])],
)
def test_a_refusal_says_what_is_there_what_is_allowed_and_what_to_do(size_bytes: int, said: list[str]) -> None:
    end = refuse_file(size_bytes, most_mib=1.5)
    assert end is not None
    assert end.kind == "rejected"
    assert all(part in end.reason for part in said)
