import inspect
import re

from dropcut.core import picture_refusals


def test_the_list_of_codes_is_complete() -> None:
    """The answer of a process that decodes is checked against the list: an unknown reason would count as a crash."""
    source = inspect.getsource(picture_refusals)
    given = re.findall(r"return PictureRefusedError\(\s*(\S+),", source)
    assert len(given) > 5
    assert {eval(code, vars(picture_refusals)) for code in given} == picture_refusals.CODES
