"""The shorthand syntax of the AWS command line: its examples, its awkward corners, and text that comes back as it went in."""

import re
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.shorthand import ShorthandError, Value, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=b", {"a": "b"}),
        ("a=b,c=d", {"a": "b", "c": "d"}),
        ("a=b,c", {"a": ["b", "c"]}),
        ("a=1,2,b=3", {"a": ["1", "2"], "b": "3"}),
        ("a=", {"a": ""}),
        ("a=,b=", {"a": "", "b": ""}),
        ("a=x=y==", {"a": "x=y=="}),
        ("a=x\\,y", {"a": "x,y"}),
        ("a='x,y'", {"a": "x,y"}),
        ('a="x, \\"y\\""', {"a": 'x, "y"'}),
        ("a='it\\'s'", {"a": "it's"}),
        ("a=two words , b = c", {"a": "two words", "b": "c"}),
        ("a=[]", {"a": []}),
        ("a=[1,2]", {"a": ["1", "2"]}),
        ("a=[[1],[2,3]]", {"a": [["1"], ["2", "3"]]}),
        ("a={b=c,d={e=f}}", {"a": {"b": "c", "d": {"e": "f"}}}),
        ("a=grüße,b=😀", {"a": "grüße", "b": "😀"}),
        ("Parts=[{ETag=abc,PartNumber=1},{ETag=\"def\",PartNumber=2}]",
         {"Parts": [{"ETag": "abc", "PartNumber": "1"}, {"ETag": "def", "PartNumber": "2"}]}),
    ],
)  # fmt: skip
def test_parses_as_aws_does(text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "Expected: '=', received: 'EOF'"),
        ("a", "Expected: '=', received: 'EOF'"),
        ("=b", "Expected: a key"),
        ("a=b,", "Expected: a value, received: 'EOF'"),
        ("a=[1", "Expected: ',', received: 'EOF'"),
        ("a={b=c", "Expected: ',', received: 'EOF'"),
        ("a={b}", "Expected: '=', received: '}'"),
        ("a='b", "No closing '"),
        ("a=b,c=d,a=e", 'Second instance of key "a"'),
    ],
)
def test_refuses_with_the_place_of_the_mistake(text: str, what: str) -> None:
    with pytest.raises(ShorthandError, match=re.escape(what)) as caught:
        parse(text)
    assert caught.value.args[0].splitlines()[-1].strip() == "^"


KEYS = st.text(string.ascii_letters + string.digits + "-_.#/:", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\\"), max_size=12)
VALUES = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def written(value: Value) -> str:
    """Write a value the safe way: quoted text, bracketed lists and hashes."""
    if isinstance(value, str):
        return "'" + value.replace("'", "\\'") + "'"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return "{" + pairs(value) + "}"


def pairs(value: dict[str, Value]) -> str:
    return ",".join(f"{key}={written(item)}" for key, item in value.items())


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_what_was_written_is_read(value: dict[str, Value]) -> None:
    assert parse(pairs(value)) == value


@given(st.text(st.sampled_from("ab=,[]{}'\"\\ 1"), max_size=20))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(ShorthandError):
        assert isinstance(parse(text), dict)
