"""XML read into Python values by the shape of what is expected, within bounds, and text made safe to be written into XML.

A document is parsed once, whole. Bounds make every input cheap, well-formed or not: its size, its tags, line ends and references (what
expat spends time on), its depth, the elements that no shape knows, the length of a list and of a text.
"""

import functools
import re
import xml.parsers.expat
from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias, cast

from engine.dates import parse_date
from engine.errors import MalformedXML
from engine.s3.model import Member, Shape

Value: TypeAlias = object

DEPTH_MAX = 8
UNKNOWN_COUNT_MAX = 20_000
"""Elements that no shape knows: two for each of 10,000 parts."""
MARKS_MAX = 300_000
"""`<`, `&` and line ends: 10,000 parts of six elements, one a line as Windows ends them, and quotes as references, have 300,000."""
EQUALS_MAX = 80_000
"""`=`, each maybe an attribute: 10,000 parts with three checksums padded by two, and an attribute or two, have 80,000."""
GAP_MAX = 16 * 1024
"""Bytes from one `<` to the next: a tag and the text after it. The longest key, all of it as references, has 10 KiB."""
_BLANK = " \t\r\n"
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_UNSAFE = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_UNWRITABLE = "\ufffd"
_NO_CHARACTERS = frozenset(chr(number) for number in (0, *range(0xD800, 0xE000)))
"""What no XML at all can hold."""
_OF_KEYS = "Delete"
"""The document that names keys; listings write their control characters as references, and here these are taken back."""
_NUMERIC = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_MARK = "\uf8ff"
_NO_XML_10 = (*range(1, 9), 0xB, 0xC, *range(0xE, 0x20), 0xFFFE, 0xFFFF)
_HIDDEN = {number: chr(0xE000 + index) for index, number in enumerate(_NO_XML_10)}
_SHOWN = {private: chr(number) for number, private in _HIDDEN.items()} | {_MARK: _MARK}
_MARKED = re.compile(f"{_MARK}(.)")


def escape(text: str, *, with_references: bool = False) -> str:
    """Text as the content of an element. What XML 1.0 cannot hold (most control characters) becomes U+FFFD, or a reference (`&#x1;`).

    AWS writes references, which parsers of XML 1.0 refuse; whoever lists such keys asks for encoding-type=url, or reads them in a way
    of its own.

    Source: XML 1.0 section 2.2 (Char); XML 1.1 section 2.2; API page ListObjectsV2, encoding-type.
    """
    if not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(_referenced if with_references else _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return _REFERENCES.get(found[0], _UNWRITABLE)


def _referenced(found: re.Match[str]) -> str:
    character = found[0]
    if character in _NO_CHARACTERS:
        return _UNWRITABLE
    return _REFERENCES.get(character) or f"&#x{ord(character):X};"


def _with_hidden(body: bytes) -> bytes:
    """The document with references to characters that XML 1.0 cannot hold led past expat; the same object if it has none.

    Each becomes a mark and a character of the private use area; a mark that is in the document anyway is doubled.
    """
    if not any(_number(found) in _HIDDEN for found in _NUMERIC.finditer(body)):
        return body
    return _NUMERIC.sub(_hidden, body.replace(_MARK.encode(), 2 * _MARK.encode()))


def _hidden(found: re.Match[bytes]) -> bytes:
    number = _number(found)
    if number == ord(_MARK):
        return 2 * _MARK.encode()
    return (_MARK + _HIDDEN[number]).encode() if number in _HIDDEN else found[0]


def _number(found: re.Match[bytes]) -> int:
    return int(found[1], 16) if found[1] else int(found[2])


def _with_shown(text: str) -> str:
    """A text of such a document, with the characters themselves."""
    return _MARKED.sub(lambda found: _SHOWN[found[1]], text)


def read_document(body: bytes, root: Member) -> dict[str, Value]:
    """Read a document whose root element and shape are the member's; elements the shape doesn't know are passed over.

    Namespaces and attributes are not looked at, and children may come in any order.

    Raises:
        MalformedXML: it is not well-formed UTF-8, is of another shape, lacks a required element or breaks a bound.
    """
    _check_bounds(body)
    document = _with_hidden(body) if root.tag == _OF_KEYS else body
    reader = _Reader(root, _as_it_is if document is body else _with_shown)
    parser = xml.parsers.expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.texts.append
    try:
        parser.Parse(document, True)
    except xml.parsers.expat.ExpatError:
        raise MalformedXML from None
    return reader.document


def _check_bounds(body: bytes) -> None:
    """Refuse, before anything is parsed, what would cost more than any honest document.

    Also document types, comments and all that begins with `<!`, instructions after the first, and a zero byte: the mark of UTF-16,
    which expat reads whatever encoding it was told, and in which nothing here would be seen.
    """
    if b"\0" in body or (b"!" in body and b"<!" in body) or (b"?" in body and body.count(b"<?") > 1):
        raise MalformedXML
    if body.count(b"=") > EQUALS_MAX or sum(map(body.count, (b"<", b"&", b"\n", b"\r"))) > MARKS_MAX:
        raise MalformedXML
    start, end = 0, len(body)
    while end - start > GAP_MAX:
        start = body.rfind(b"<", start + 1, start + GAP_MAX)
        if start < 0:
            raise MalformedXML


def _integer(text: str) -> int:
    if text.isdecimal() and text.isascii() and len(text) <= 10:
        return int(text)
    text = text.strip(_BLANK)
    if not _INTEGER.fullmatch(text):
        raise MalformedXML
    return int(text)


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.strip(_BLANK))
    if value is None:
        raise MalformedXML
    return value


def _timestamp(text: str) -> datetime:
    moment = parse_date(text.strip(_BLANK))
    if moment is None:
        raise MalformedXML
    return moment


_CONVERSIONS: dict[str, Callable[[str], Value]] = {
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "string": str,
    "timestamp": _timestamp,
}


class _Plan:
    """How an element is read: as a text to be converted, or by the plans of what may stand in it, by tag."""

    __slots__ = (
        "attribute",
        "children",
        "convert",
        "count_max",
        "is_item",
        "is_list",
        "is_strict",
        "is_text",
        "required",
    )

    def __init__(self, attribute: str, shape: Shape, holder: Shape | None = None) -> None:
        self.attribute = attribute
        self.is_item = holder is not None
        self.count_max = holder.count_max if holder else None
        self.is_list = shape.type == "list"
        self.is_strict = shape.is_strict
        self.is_text = shape.type not in ("structure", "list")
        self.children = _children(shape)
        self.required = tuple(member.attribute for member in shape.members if member.required)
        self.convert = _CONVERSIONS.get(shape.type, str)


def _children(shape: Shape) -> dict[str, _Plan]:
    if shape.item is not None and shape.item_tag is not None:
        return {shape.item_tag: _Plan("items", shape.item, shape)}
    plans = {}
    for member in shape.members:
        item = member.shape.item if member.shape.item_tag is None else None
        plans[member.tag] = _Plan(member.attribute, item or member.shape, member.shape if item else None)
    return plans


@functools.cache
def _root_plan(root: Member) -> dict[str, _Plan]:
    return {root.tag: _Plan("document", root.shape)}


def _as_it_is(text: str) -> str:
    return text


class _Reader:
    """expat's handlers: they build dicts and lists along the plan. Hot: a Complete calls them 60,000 times."""

    __slots__ = ("_frames", "_passing", "_plan", "_plans", "_shown", "_text", "_unknown_count", "_value", "texts")

    def __init__(self, root: Member, shown: Callable[[str], str]) -> None:
        self._shown = shown
        self._plan = _Plan("", Shape("structure"))
        self._plan.children = _root_plan(root)
        self._plans = self._plan.children
        """Of what may begin here; nothing may within a text, and nothing is known within what is unknown."""
        self._value: dict[str, Value] = {}
        self._frames: list[tuple[_Plan, dict[str, Value]]] = []
        self._text: _Plan | None = None
        self._passing = 0
        self._unknown_count = 0
        self.texts: list[str] = []

    @property
    def document(self) -> dict[str, Value]:
        """What was read."""
        return cast(dict[str, Value], self._value["document"])

    def start(self, tag: str, _attributes: object) -> None:
        plan = self._plans.get(tag) or self._plans.get(tag.rpartition(":")[2])
        if plan is None:
            self._pass_over()
            return
        self._plans = plan.children
        if plan.is_text:
            self._text = plan
            self.texts.clear()
        else:
            self._frames.append((self._plan, self._value))
            self._plan, self._value = plan, {}

    def end(self, _tag: str) -> None:
        plan = self._text
        if plan is not None:
            self._text = None
            self._put(plan, plan.convert(self._shown("".join(self.texts))))
        elif self._passing:
            self._passing -= 1
            if self._passing:
                return
        else:
            self._end_structure()
        self._plans = self._plan.children

    def _end_structure(self) -> None:
        plan, value = self._plan, self._value
        for attribute in plan.required:
            if attribute not in value:
                raise MalformedXML
        self._plan, self._value = self._frames.pop()
        self._put(plan, value.get("items", []) if plan.is_list else value)

    def _put(self, plan: _Plan, value: Value) -> None:
        attribute, holder = plan.attribute, self._value
        if not plan.is_item:
            if attribute in holder:
                raise MalformedXML
            holder[attribute] = value
            return
        items = cast(list[Value], holder.setdefault(attribute, []))
        if len(items) == plan.count_max:
            raise MalformedXML
        items.append(value)

    def _pass_over(self) -> None:
        self._passing += 1
        self._unknown_count += 1
        self._plans = {}
        at_root_or_in_text = not self._frames or self._text is not None
        is_refused = at_root_or_in_text or (self._plan.is_strict and self._passing == 1)
        if is_refused or self._passing > DEPTH_MAX or self._unknown_count > UNKNOWN_COUNT_MAX:
            raise MalformedXML
