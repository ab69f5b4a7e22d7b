"""Forms on the wire: written by urllib3, curl's and browsers' hands, in any pieces, and bounded in everything."""

import tracemalloc
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from engine.errors import S3Error
from engine.s3.form_data import FIELD_COUNT_MAX, FIELDS_SIZE_MAX, READ_SIZE, Form, boundary_of
from engine.s3.post_policy import SizeRange
from tests.support.chunks import RawBody
from tests.support.refusals import refused

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
MALFORMED = "The body of your POST request is not well-formed multipart/form-data."
TOO_LONG = "Your POST request fields preceding the upload file were too large."
ANY = SizeRange()


def part(name: str, value: bytes | str, more: str = "") -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data + b"\r\n"


def body_of(*parts: bytes, end: str = "--\r\n") -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}{end}".encode()


def read(body: bytes, most: int | None = None, content_type: str | None = TYPE) -> tuple[Form, bytes]:
    """A form and its file, read in pieces of at most `most` bytes."""
    form = Form(content_type, RawBody(body, most).read)
    return form, b"".join(form.file(ANY))


FILE = part("file", b"the file", '; filename="a.txt"')


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=8),
                    st.text(max_size=12), max_size=4),
    st.text(st.characters(codec="utf-8", exclude_characters='\r\n\\/:%"'), min_size=1, max_size=8),
    st.binary(max_size=300) | st.text("\r\n-W", max_size=60).map(str.encode),
    st.none() | st.integers(1, 40),
)  # fmt: skip
def test_what_urllib3_writes_is_read(fields: dict[str, str], name: str, data: bytes, most: int | None) -> None:
    fields = {
        each.lower(): value
        for each, value in fields.items()
        if '"' not in each and "%" not in each and "\\" not in each
    }
    fields.pop("file", None)
    parts: Iterable[Any] = [*fields.items(), ("file", (name, data))]
    boundary = "-W"  # of which the data is likely to have pieces
    body, content_type = encode_multipart_formdata(list(parts), boundary=boundary)
    if f"\r\n--{boundary}".encode() in data or any(f"\r\n--{boundary}" in value for value in fields.values()):
        return
    form, file = read(body, most, content_type)
    assert (form.fields, form.file_name, file) == (fields, name, data)


@pytest.mark.parametrize("most", [1, 2, 3, 7, 64, None])
def test_a_form_is_the_same_in_any_pieces(most: int | None) -> None:
    data = f"\r\n--{BOUNDARY[:-1]}\r\n\r--\r\n-\r\n".encode() * 3
    body = body_of(
        part("Key", "ü"), part("empty", ""), part("file", data, '; filename="ü \u65e5.txt"'), part("after", "x")
    )
    form, file = read(body, most)
    assert (form.fields, form.file_name, file) == ({"key": "ü", "empty": ""}, "ü 日.txt", data)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ('; filename="a%22b%0D%0A.txt"', 'a"b\r\n.txt'),  # browsers (WHATWG HTML)
        ('; filename="a\\"b.txt"', 'a"b.txt'),  # curl
        ("; filename=a.txt", "a.txt"),
        ('; filename=""', ""),
        ("", None),
        ("; filename*=UTF-8''a.txt", None),  # RFC 7578 section 4.2 forbids it
    ],
)
def test_a_files_name_is_read_as_it_was_meant(sent: str, name: str | None) -> None:
    assert read(body_of(part("file", b"", sent)))[0].file_name == name


def test_what_comes_after_the_file_is_no_field_and_is_read_to_its_end() -> None:
    raw = RawBody(body_of(part("key", "a"), FILE, part("key", "b"), part("acl", "private")) + b"epilogue")
    form = Form(TYPE, raw.read)
    assert b"".join(form.file(ANY)) == b"the file"
    assert form.fields == {"key": "a"}
    assert raw.read() == b""


def test_a_rest_without_end_is_not_read() -> None:
    raw = RawBody(body_of(FILE) + bytes(10 * FIELDS_SIZE_MAX))
    assert b"".join(Form(TYPE, raw.read).file(ANY)) == b"the file"
    assert raw.read() != b""


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/xml", "application/x-www-form-urlencoded", "multipart/mixed; boundary=a"],
)
def test_another_type_is_refused(content_type: str | None) -> None:
    with refused(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412,
        Condition="Bucket POST must be of the enclosure-type multipart/form-data",
    ):  # fmt: skip
        boundary_of(content_type)


def test_a_boundary_has_seventy_characters_at_most() -> None:
    for good in ("a" * 70, '"a b"', "0'()+_,-./:=?", "a"):
        quoted = good if good.startswith('"') else f'"{good}"'
        assert boundary_of(f"Multipart/Form-Data; charset=utf-8; Boundary={quoted}") == good.strip('"')
    for bad in ("; boundary=", "", f"; boundary={'a' * 71}", '; boundary="a "', '; boundary="ä"', '; boundary="a\nb"'):
        with refused("MalformedPOSTRequest", MALFORMED):
            boundary_of("multipart/form-data" + bad)


def test_the_file_must_begin_within_20_kb() -> None:
    other = len(body_of(part("key", ""), part("file", b""), end=""))
    head = other - len(f"\r\n--{BOUNDARY}")
    fitting = body_of(part("key", "a" * (FIELDS_SIZE_MAX - head)), part("file", b"the file"))
    for most in (None, 1000):
        assert read(fitting, most)[1] == b"the file"
        longer = body_of(part("key", "a" * (FIELDS_SIZE_MAX - head + 1)), part("file", b"the file"))
        with refused("MaxPostPreDataLengthExceededError", TOO_LONG):
            read(longer, most)
    for endless in (b"x" * FIELDS_SIZE_MAX, part("key", b"x" * FIELDS_SIZE_MAX), body_of() + b"\r\n" * FIELDS_SIZE_MAX):
        raw = RawBody(endless + FILE * 1000)
        with refused("MaxPostPreDataLengthExceededError", TOO_LONG):
            Form(TYPE, raw.read)
        assert raw.tell() == FIELDS_SIZE_MAX


def test_the_number_of_fields_is_bounded() -> None:
    boundary = "b"
    fields = [
        f'--b\r\nContent-Disposition: form-data; name="{number}"\r\n\r\n\r\n' for number in range(FIELD_COUNT_MAX + 1)
    ]
    end = '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--b--'
    content_type = f"multipart/form-data; boundary={boundary}"
    form, _ = read("".join([*fields[:-1], end]).encode(), content_type=content_type)
    assert len(form.fields) == FIELD_COUNT_MAX
    with refused("MalformedPOSTRequest", MALFORMED):
        read("".join([*fields, end]).encode(), content_type=content_type)


def test_a_form_without_a_file_is_refused() -> None:
    for body in (body_of(), body_of(part("key", "a"))):
        with refused(
            "InvalidArgument",
            "POST requires exactly one file upload per request.",
            ArgumentName="file",
            ArgumentValue=0,
        ):
            read(body)


def test_a_repeated_field_is_refused() -> None:
    with refused("InvalidRequest", "Field key was sent more than once"):
        read(body_of(part("key", "a"), part("Key", "b"), FILE))


def test_a_body_that_is_cut_off_is_refused() -> None:
    whole = body_of(part("key", "a"), FILE, end="")
    assert read(whole + b"--")[1] == read(whole + b"\r\n")[1] == b"the file"
    for length in range(len(whole) + 1):
        with refused("MalformedPOSTRequest", MALFORMED):
            read(whole[:length])


@pytest.mark.parametrize(
    "body",
    [
        b"--other\r\n" + FILE,
        b"--" + BOUNDARY.encode() + b"\n" + FILE,
        f"--{BOUNDARY}\r\nno header\r\n\r\n".encode() + FILE,
        f"--{BOUNDARY}\r\nContent-Type: text/plain\r\n\r\n\r\n".encode() + FILE,
        f"--{BOUNDARY}\r\nContent-Disposition: attachment; name=a\r\n\r\n\r\n".encode() + FILE,
        body_of(part("key", b"\xff"), FILE),
        body_of(part("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), b"").replace("ÿ".encode(), b"\xff"), FILE),
        body_of(part("key", b"", "".join(f"\r\nX-{number}: a" for number in range(9))), FILE),
        body_of(part("key", b"", "\r\nX: " + "a" * 5000), FILE),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(body: bytes) -> None:
    with refused("MalformedPOSTRequest", MALFORMED):
        read(body)


def test_a_file_has_the_sizes_that_it_may_have() -> None:
    body = body_of(part("file", b"123456"))
    for least, most in ((0, None), (6, 6), (0, 6), (6, None)):
        assert b"".join(Form(TYPE, RawBody(body).read).file(SizeRange(least, most))) == b"123456"
    with refused("EntityTooLarge", ProposedSize=6, MaxSizeAllowed=5):
        b"".join(Form(TYPE, RawBody(body).read).file(SizeRange(0, 5)))
    with refused("EntityTooSmall", ProposedSize=6, MinSizeAllowed=7):
        b"".join(Form(TYPE, RawBody(body).read).file(SizeRange(7, None)))


def test_of_a_file_that_is_much_too_large_a_few_mib_are_read() -> None:
    raw = RawBody(body_of(part("file", bytes(16 * READ_SIZE))))
    with pytest.raises(S3Error) as caught:
        b"".join(Form(TYPE, raw.read).file(SizeRange(0, 10)))
    assert caught.value.code == "EntityTooLarge"
    assert raw.tell() < 4 * READ_SIZE


def test_a_file_passes_in_flat_memory() -> None:
    class Endless:
        left = 256 * READ_SIZE
        head: bytes = part("file", b"")[:-2]

        def read(self, size: int) -> bytes:
            if self.head:
                head, self.head = self.head, b""
                return head
            self.left -= size
            return bytes(size) if self.left > 0 else body_of(b"\r\n")

    form = Form(TYPE, Endless().read)
    tracemalloc.start()
    try:
        assert sum(map(len, form.file(ANY))) > 200 * READ_SIZE
        assert tracemalloc.get_traced_memory()[1] < 8 * READ_SIZE
    finally:
        tracemalloc.stop()
