"""Reads a form (multipart/form-data): its fields first, which are small, and then its file, a piece at a time.

The parser is `multipart`: it is pulled, not pushed, so a file passes through without callbacks or temporary files; it bounds the
headers of a part, finds a body that is cut off, reads names and file names as browsers write them (WHATWG HTML), and needs nothing
else. python-multipart, the other well-kept one, does not find a body that is cut off.

Source: RFC 7578; Amazon S3 API Reference, "POST Object" (fields up to 20 KB, the file last).
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from engine.errors import EntityTooLarge, EntityTooSmall, InvalidArgument, InvalidRequest, PreconditionFailed, S3Error
from engine.s3.post_policy import SizeRange

READ_SIZE: Final = 1024 * 1024
FIELDS_SIZE_MAX: Final = 20 * 1024
"""The bytes of a form before its file, boundaries and headers included, and as many after it."""
FIELD_COUNT_MAX: Final = 200
FILE: Final = "file"
_KIND: Final = "multipart/form-data"
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""Source: RFC 2046 section 5.1.1, which allows 70 characters."""

Read = Callable[[int], bytes | memoryview]


class MalformedPOSTRequest(S3Error):
    """The body is no form."""

    text = "The body of your POST request is not well-formed multipart/form-data."


class MaxPostPreDataLengthExceededError(S3Error):
    """The fields of the form take more than 20 KB."""

    text = "Your POST request fields preceding the upload file were too large."


def boundary_of(content_type: str | None) -> str:
    """Return the boundary that the Content-Type of a form names.

    Raises:
        PreconditionFailed: the type is not multipart/form-data.
        MalformedPOSTRequest: there is no boundary, or it is longer than 70 characters.

    Source: AWS's answer, `post_object_with_wrong_content_type`.
    """
    kind, options = parse_options_header(content_type or "")
    if kind != _KIND:
        raise PreconditionFailed(Condition=f"Bucket POST must be of the enclosure-type {_KIND}")
    boundary: str = options.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise MalformedPOSTRequest(reason="the boundary is missing or malformed")
    return boundary


class Form:
    """A form, of which everything before the file's own bytes has been read."""

    __slots__ = ("_events", "_is_in_file", "_left", "_parser", "_read", "fields", "file_name")

    def __init__(self, content_type: str | None, read: Read) -> None:
        """Read the fields, by name in lower case, and the file's name, None if it has none. What comes after the file is no field.

        Raises:
            PreconditionFailed: the content type is not multipart/form-data.
            MalformedPOSTRequest: the body is no form, or has more than 200 fields.
            MaxPostPreDataLengthExceededError: the file does not begin within 20 KB.
            InvalidArgument: there is no file.
            InvalidRequest: a field is repeated.
        """
        boundary = boundary_of(content_type).encode("latin-1")
        self._parser = PushMultipartParser(boundary, max_segment_count=FIELD_COUNT_MAX + 1)
        self._read = read
        self._left = FIELDS_SIZE_MAX
        self._is_in_file = False
        self._events = self._parsed()
        self.fields: dict[str, str] = {}
        self.file_name = self._read_fields()

    def file(self, sizes: SizeRange) -> Iterator[bytes]:
        """Yield the bytes of the file; once only.

        Raises:
            EntityTooLarge, EntityTooSmall: it has another size; the first as soon as that is known.
            MalformedPOSTRequest: the body ends within it.
        """
        size = 0
        for piece in self._segment():
            size += len(piece)
            if sizes.most is not None and size > sizes.most:
                raise EntityTooLarge(ProposedSize=size + self._counted_on(), MaxSizeAllowed=sizes.most)
            yield piece
        if size < sizes.least:
            raise EntityTooSmall(ProposedSize=size, MinSizeAllowed=sizes.least)
        left = FIELDS_SIZE_MAX
        while left > 0 and (rest := self._read(left)):
            left -= len(rest)

    def _counted_on(self) -> int:
        """Count the rest of a file that is too large, up to a MiB or little more; if it ends before, the error names its whole size."""
        size = 0
        for piece in self._segment():
            size += len(piece)
            if size > READ_SIZE:
                break
        return size

    def _read_fields(self) -> str | None:
        for segment in self._events:
            assert isinstance(segment, MultipartSegment), "a segment's bytes were taken"
            name = (segment.name or "").lower()
            if name == FILE:
                self._is_in_file = True
                file_name: str | None = segment.filename
                return file_name
            if name in self.fields:
                raise InvalidRequest(f"Field {name} was sent more than once")
            try:
                self.fields[name] = b"".join(self._segment()).decode()
            except UnicodeDecodeError:
                raise MalformedPOSTRequest(reason=f"field {name} is not UTF-8") from None
        words = "POST requires exactly one file upload per request."
        raise InvalidArgument(words, ArgumentName=FILE, ArgumentValue=0)

    def _segment(self) -> Iterator[bytes]:
        """Yield the bytes of the segment that has begun, to its end."""
        for event in self._events:
            if event is None:
                return
            assert isinstance(event, bytes)
            yield event

    def _parsed(self) -> Iterator[MultipartSegment | bytes | None]:
        """Yield the parser's events: a segment, its bytes, and None at its end."""
        try:
            while True:
                size = READ_SIZE if self._is_in_file else self._left
                if not size:
                    raise MaxPostPreDataLengthExceededError
                piece = bytes(self._read(size))
                self._left -= 0 if self._is_in_file else len(piece)
                yield from self._parser.parse(piece)
                if not piece:
                    return
        except MultipartError as error:
            raise MalformedPOSTRequest(reason=str(error)) from error
