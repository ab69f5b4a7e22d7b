r"""Parse the shorthand syntax of the AWS command line: `a=b,c=d`, `Parts=[{ETag=x,PartNumber=1}]`.

All values are text; `values.py` converts them to the types of the service model. No library but awscli itself has this parser.

    parameter = pair *("," pair)
    pair      = key "=" [ list | hash | value *("," value) ]      a=1,2,b=3 is {a: [1, 2], b: 3}
    list      = "[" [ item *("," item) ] "]"
    hash      = "{" [ key "=" item *("," key "=" item) ] "}"
    item      = list | hash | value
    value     = 'single quoted' | "double quoted" | bare text (`\,` is a comma)

Source: AWS CLI User Guide, "Using shorthand syntax in the AWS CLI".
"""

import re
from collections.abc import Callable
from typing import NoReturn, TypeAlias

Value: TypeAlias = "str | list[Value] | dict[str, Value]"

_SPACE = re.compile(r"\s*")
_KEY = re.compile(r"[A-Za-z0-9\-_.#/:]*")
_SINGLE_QUOTED = re.compile(r"'((?:\\'|[^'])*)'")
_DOUBLE_QUOTED = re.compile(r'"((?:\\"|[^"])*)"')
# The first value after "=" may contain "=" (base64); a further one of a comma list may not, for it could be the next key.
_FIRST_BARE = re.compile(r"(?:\\,|[^\s\"',=\[{])(?:\\,|[^\"',\]}])*")
_FURTHER_BARE = re.compile(r"(?:\\,|[^\s\"',=\[{])(?:\\,|[^\"',=])*")


class ShorthandError(ValueError):
    """The text is not shorthand; the message points at the error."""


def parse(text: str) -> dict[str, Value]:
    """Parse one whole shorthand parameter.

    Raises:
        ShorthandError: the text breaks the grammar or names a key twice.
    """
    scanner = _Scanner(text)
    pairs: dict[str, Value] = {}
    while True:
        scanner.pair_into(pairs, scanner.values)
        if scanner.at_end():
            return pairs
        scanner.expect(",")


class _Scanner:
    """A position in the text, and a method for each rule of the grammar."""

    __slots__ = ("_index", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._index = 0

    def at_end(self) -> bool:
        return self._index >= len(self._text)

    def pair_into(self, pairs: dict[str, Value], rule: Callable[[], Value]) -> None:
        """Take one `key=...`; `rule` is the method that takes what follows the equals sign."""
        start = self._index
        key = self._take(_KEY)
        self.expect("=")
        if not key:
            self._fail("Expected: a key, received: '='", start)
        if key in pairs:
            self._fail(f'Second instance of key "{key}"', start)
        pairs[key] = rule()

    def expect(self, character: str) -> None:
        """Take exactly this character, with the white space around it."""
        self._take(_SPACE)
        if self._current() != character:
            self._fail(f"Expected: '{character}', received: '{self._current() or 'EOF'}'", self._index)
        self._index += 1
        self._take(_SPACE)

    def values(self) -> Value:
        """Take what may follow a key of the outermost level: anything, or a comma list of values."""
        if self.at_end() or self._current() in ("[", "{"):
            return self.item()
        first = self._value(_FIRST_BARE)
        further = self._further_values()
        return [first, *further] if further else first

    def item(self) -> Value:
        if self._current() == "[":
            return self._list()
        if self._current() == "{":
            return self._hash()
        return self._value(_FIRST_BARE)

    def _further_values(self) -> list[Value]:
        """Take `,value` as long as the value does not turn out to be the next key."""
        taken: list[Value] = []
        while True:
            self._take(_SPACE)
            comma = self._index
            if self._current() != ",":
                return taken
            self.expect(",")
            if self.at_end():
                self._fail("Expected: a value, received: 'EOF'", self._index)
            start = self._index
            value = self._value(_FURTHER_BARE)
            empty = self._index == start
            self._take(_SPACE)
            if empty or self._current() not in ("", ","):
                self._index = comma
                return taken
            taken.append(value)

    def _list(self) -> Value:
        self.expect("[")
        items: list[Value] = []
        while self._current() != "]":
            items.append(self.item())
            self._separator("]")
        self.expect("]")
        return items

    def _hash(self) -> Value:
        self.expect("{")
        pairs: dict[str, Value] = {}
        while self._current() != "}":
            self.pair_into(pairs, self.item)
            self._separator("}")
        self.expect("}")
        return pairs

    def _separator(self, closing: str) -> None:
        """Take the comma between two items, and nothing before the closing bracket."""
        self._take(_SPACE)
        if self._current() != closing:
            self.expect(",")

    def _value(self, bare: re.Pattern[str]) -> str:
        if self._current() == "'":
            return self._quoted(_SINGLE_QUOTED)
        if self._current() == '"':
            return self._quoted(_DOUBLE_QUOTED)
        return self._take(bare).replace("\\,", ",").rstrip()

    def _quoted(self, pattern: re.Pattern[str]) -> str:
        quote = self._current()
        found = pattern.match(self._text, self._index)
        if found is None:
            self._fail(f"No closing {quote}", self._index)
        self._index = found.end()
        return found[1].replace("\\" + quote, quote).replace("\\\\", "\\")

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._index)
        if found is None:
            return ""
        self._index = found.end()
        return found[0]

    def _current(self) -> str:
        return self._text[self._index : self._index + 1]

    def _fail(self, what: str, index: int) -> NoReturn:
        raise ShorthandError(f"{what} for input:\n{self._text}\n{' ' * index}^")
