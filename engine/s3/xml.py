"""Reads XML documents into Python values by the shape of the expected document, and escapes text to be written into XML.

A document is parsed whole, once. Limits make every input cheap, well-formed or not: on its size, on its tags, line ends and references
(which cost expat most of its time), on its depth, on elements that no shape knows, and on the length of lists and texts.
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
"""The limit on elements that no shape knows: two for each of 10,000 parts."""
MARKS_MAX = 300_000
"""The limit on `<`, `&` and line ends together: 10,000 parts of six elements, each on a line that ends with CR LF, with the quotes of
their ETags as references, have 300,000."""
EQUALS_MAX = 80_000
"""The limit on `=`, each of which may begin an attribute's value: 10,000 parts with three checksums padded by two, and one or two
attributes, have 80,000."""
GAP_MAX = 16 * 1024
"""The limit in bytes from one `<` to the next, a tag with the text after it. The longest key, all of it as references, has 10 KiB."""
_BLANK = " \t\r\n"
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_UNSAFE = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_NOT_WRITTEN = re.compile("[\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CARRIAGE_RETURN = "&#13;"
_UNWRITABLE = "\ufffd"
_NO_CHARACTERS = frozenset(chr(number) for number in (0, *range(0xD800, 0xE000)))
"""Characters that no version of XML can hold."""
_NAMES_KEYS = "Delete"
"""The document that names keys. A listing writes their control characters as references, so this document may contain them too."""
_NUMERIC = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_MARK = "\uf8ff"
_NO_XML_10 = (*range(1, 9), 0xB, 0xC, *range(0xE, 0x20), 0xFFFE, 0xFFFF)
_PRIVATE_OF = {number: chr(0xE000 + index) for index, number in enumerate(_NO_XML_10)}
_CHARACTER_OF = {private: chr(number) for number, private in _PRIVATE_OF.items()} | {_MARK: _MARK}
_MARKED = re.compile(f"{_MARK}(.)")


def escape(text: str, *, with_references: bool = False) -> str:
    """Escape a text for an element. What XML 1.0 cannot hold (most control characters) becomes U+FFFD, or a reference (`&#x1;`).

    AWS writes references, though parsers of XML 1.0 refuse them. A client that lists such keys asks for encoding-type=url, or has a
    parser of its own.

    Source: XML 1.0 section 2.2 (Char); XML 1.1 section 2.2; API page ListObjectsV2, encoding-type.
    """
    if not _UNSAFE.search(text):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    if not _NOT_WRITTEN.search(text):
        return text
    return _NOT_WRITTEN.sub(_referenced if with_references else _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return _CARRIAGE_RETURN if found[0] == "\r" else _UNWRITABLE


def _referenced(found: re.Match[str]) -> str:
    character = found[0]
    if character in _NO_CHARACTERS:
        return _UNWRITABLE
    return _CARRIAGE_RETURN if character == "\r" else f"&#x{ord(character):X};"


def _with_private_characters(body: bytes) -> bytes:
    """Replace references to characters that XML 1.0 cannot hold, which expat would refuse; without any, return the same object.

    Each becomes a mark and a character of the private use area. A mark that was in the document already is doubled.
    """
    if not any(_number(found) in _PRIVATE_OF for found in _NUMERIC.finditer(body)):
        return body
    return _NUMERIC.sub(_privately, body.replace(_MARK.encode(), 2 * _MARK.encode()))


def _privately(found: re.Match[bytes]) -> bytes:
    number = _number(found)
    if number == ord(_MARK):
        return 2 * _MARK.encode()
    return (_MARK + _PRIVATE_OF[number]).encode() if number in _PRIVATE_OF else found[0]


def _number(found: re.Match[bytes]) -> int:
    return int(found[1], 16) if found[1] else int(found[2])


def _restored(text: str) -> str:
    """Undo `_with_private_characters` in a text of the document."""
    return _MARKED.sub(lambda found: _CHARACTER_OF[found[1]], text)


def read_document(body: bytes, root: Member) -> dict[str, Value]:
    """Read a document whose root element and shape are the member's. Elements that the shape does not know are ignored.

    So are namespaces and attributes that are no members, and children may come in any order.

    Raises:
        MalformedXML: the document is not well-formed UTF-8, has another shape, lacks a required element or exceeds a limit.
    """
    _check_bounds(body)
    document = _with_private_characters(body) if root.tag == _NAMES_KEYS else body
    reader = _Reader(root, _unchanged if document is body else _restored)
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
    """Refuse, before parsing, a document that would cost more than any honest one.

    Also refused are document types, comments and all else that begins with `<!`, processing instructions after the first, and zero
    bytes: they may be UTF-16, which expat reads whatever encoding it was given, and in which these checks would find nothing.
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
    """How an element is read: as a text to convert, or by the plans of its children, by tag."""

    __slots__ = (
        "attribute",
        "attributes",
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
        self.attributes = {m.tag.rpartition(":")[2]: m.attribute for m in shape.members if m.is_attribute}
        self.required = tuple(member.attribute for member in shape.members if member.required)
        self.convert = _CONVERSIONS.get(shape.type, str)


def _children(shape: Shape) -> dict[str, _Plan]:
    if shape.item is not None and shape.item_tag is not None:
        return {shape.item_tag: _Plan("items", shape.item, shape)}
    plans = {}
    for member in shape.members:
        if member.is_attribute:
            continue
        item = member.shape.item if member.shape.item_tag is None else None
        plans[member.tag] = _Plan(member.attribute, item or member.shape, member.shape if item else None)
    return plans


@functools.cache
def _root_plan(root: Member) -> dict[str, _Plan]:
    return {root.tag: _Plan("document", root.shape)}


def _unchanged(text: str) -> str:
    return text


class _Reader:
    """expat's handlers, which build dicts and lists by the plan. They are hot: a Complete calls them 60,000 times."""

    __slots__ = (
        "_frames",
        "_plan",
        "_plans",
        "_restore",
        "_text",
        "_unknown_count",
        "_unknown_depth",
        "_value",
        "texts",
    )

    def __init__(self, root: Member, restore: Callable[[str], str]) -> None:
        self._restore = restore
        self._plan = _Plan("", Shape("structure"))
        self._plan.children = _root_plan(root)
        self._plans = self._plan.children
        """Elements allowed at this point; empty inside a text or an unknown element."""
        self._value: dict[str, Value] = {}
        self._frames: list[tuple[_Plan, dict[str, Value]]] = []
        self._text: _Plan | None = None
        self._unknown_depth = 0
        self._unknown_count = 0
        self.texts: list[str] = []

    @property
    def document(self) -> dict[str, Value]:
        """Return the document that was read."""
        return cast(dict[str, Value], self._value["document"])

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        plan = self._plans.get(tag) or self._plans.get(tag.rpartition(":")[2])
        if plan is None:
            self._ignore()
            return
        self._plans = plan.children
        if plan.is_text:
            self._text = plan
            self.texts.clear()
        else:
            self._frames.append((self._plan, self._value))
            self._plan, self._value = plan, {}
            if plan.attributes:
                self._take(plan, attributes)

    def _take(self, plan: _Plan, attributes: dict[str, str]) -> None:
        """Take the attributes that are members, as `xsi:type` of a Grantee is, whatever their prefix."""
        for name, text in attributes.items():
            member = plan.attributes.get(name.rpartition(":")[2])
            if member is not None:
                self._value[member] = self._restore(text)

    def end(self, _tag: str) -> None:
        plan = self._text
        if plan is not None:
            self._text = None
            self._put(plan, plan.convert(self._restore("".join(self.texts))))
        elif self._unknown_depth:
            self._unknown_depth -= 1
            if self._unknown_depth:
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

    def _ignore(self) -> None:
        """Enter an unknown element; refuse it at the root, inside a text, in a strict structure, or beyond the limits."""
        self._unknown_depth += 1
        self._unknown_count += 1
        self._plans = {}
        at_root_or_in_text = not self._frames or self._text is not None
        is_refused = at_root_or_in_text or (self._plan.is_strict and self._unknown_depth == 1)
        if is_refused or self._unknown_depth > DEPTH_MAX or self._unknown_count > UNKNOWN_COUNT_MAX:
            raise MalformedXML
