"""Every honest way of writing a document is read, and everything else is refused cheaply. ElementTree is the oracle."""

import tracemalloc
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import MalformedXML
from engine.s3.model import OPERATIONS, Member
from engine.s3.xml import DEPTH_MAX, EQUALS_MAX, GAP_MAX, MARKS_MAX, UNKNOWN_COUNT_MAX, escape, read_document

NAMESPACE = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
MIB = 1024 * 1024
MEMORY_BYTES_MAX = 16 * MIB


def payload_of(name: str) -> Member:
    payload = OPERATIONS[name].payload
    assert payload is not None
    return payload


COMPLETE = payload_of("CompleteMultipartUpload")
DELETE = payload_of("DeleteObjects")
BUCKET = payload_of("CreateBucket")


def complete(*parts: bytes, attributes: bytes = NAMESPACE) -> bytes:
    return b"<CompleteMultipartUpload %b>%b</CompleteMultipartUpload>" % (attributes, b"".join(parts))


def part(number: object = 1, etag: str = '"a"', more: str = "") -> bytes:
    return f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>{more}</Part>".encode()


def refuse(body: bytes, root: Member = COMPLETE) -> None:
    with pytest.raises(MalformedXML):
        read_document(body, root)


ONE = {"parts": [{"part_number": 1, "etag": '"a"'}]}


@pytest.mark.parametrize(
    "body",
    [
        complete(part()),
        complete(part(), attributes=b""),
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + complete(part()),
        b"\xef\xbb\xbf" + complete(part()),
        b"\r\n\t " + complete(part()) + b"\n",
        complete(part(etag="&quot;a&quot;")),
        complete(part(etag="&#34;a&#x22;")),
        complete(b'<Part><ETag>"a"</ETag><PartNumber>1</PartNumber></Part>'),
        complete(b'\n  <Part>\r\n    <PartNumber> 1\n</PartNumber>\n    <ETag>"a"</ETag>\n  </Part>\n'),
        complete(part(number="01")),
        complete(part(number="+1")),
        complete(part(more="<Unknown><ETag>b</ETag><PartNumber>9</PartNumber></Unknown><Another/>")),
        complete(b"<Unknown/>", part(), b"<Unknown a='1'>text</Unknown>"),
        complete(part().replace(b"<Part>", b'<Part xmlns="" xsi:type="Part" a="b">')),
        (complete(part()).replace(b"<", b"<s3:").replace(b"<s3:/", b"</s3:").replace(b"xmlns=", b"xmlns:s3=")),
        complete(b"junk! and? <?once?>", part(), b"junk"),
    ],
)
def test_every_honest_way_of_writing_a_list_is_read_alike(body: bytes) -> None:
    assert read_document(body, COMPLETE) == ONE


def test_checksums_of_parts_are_read_by_the_engines_names() -> None:
    more = "<ChecksumCRC32C>a==</ChecksumCRC32C><ChecksumSHA256>b=</ChecksumSHA256>"
    found = read_document(complete(part(more=more)), COMPLETE)
    assert found["parts"] == [{"part_number": 1, "etag": '"a"', "checksum_crc32_c": "a==", "checksum_sha256": "b="}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"junk",
        b"<CompleteMultipartUpload/>",
        complete(),
        complete(b"<Part/>"),
        complete(b"<Part><PartNumber>1</PartNumber></Part>"),
        complete(b"<Part><ETag>a</ETag></Part>"),
        complete(part(), b"<Part><ETag>a</ETag></Part>"),
        complete(part(number="")),
        complete(part(number="x")),
        complete(part(number="1.0")),
        complete(part(number="1 2")),
        complete(part(number="9" * 20)),
        complete(part(number="\u0663")),
        complete(part(number="<b>1</b>")),
        complete(part(more="<ETag>b</ETag>")),
        complete(part(more="<PartNumber>2</PartNumber>")),
        complete(part(etag="a<b/>")),
        complete(part(etag="&undefined;")),
        complete(part(etag="&#1;")),
        complete(part(etag="&#0;")),
        complete(part(etag="\x01")),
        complete(part(etag="a\ufffe")),
        complete(part(etag="&")),
        complete(part()) + b"<more/>",
        complete(part()) + b"junk",
        complete(part())[:-1],
        complete(part()) + complete(part()),
        complete(part()).replace(b"</Part>", b"</part>"),
        complete(part()).replace(b"CompleteMultipartUpload", b"completemultipartupload"),
        complete(part()).replace(b"CompleteMultipartUpload", b"Delete"),
        b"<a>" + complete(part()) + b"</a>",
        complete(part()).replace(b'"a"', b"\xff"),
        complete(part()).decode().encode("utf-16"),
        complete(part()).decode().encode("utf-32"),
        b'<?xml version="1.0" encoding="latin-1"?>' + complete(part()).replace(b'"a"', b"\xe4"),
        b'<?xml version="1.0"?><?xml version="1.0"?>' + complete(part()),
        b'<?xml version="1.0"?>' + complete(b"<?twice?>", part()),
        b"<!-- comment -->" + complete(part()),
        complete(part(etag="<![CDATA[a]]>")),
        b"<!DOCTYPE a>" + complete(part()),
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + complete(part(etag="&b;")),
        b'{"Parts": []}',
        b"\0" * 100,
    ],
)
def test_what_is_no_such_document_is_malformed(body: bytes) -> None:
    refuse(body)


def test_deletes_are_read_with_their_flags_sizes_and_dates() -> None:
    body = (
        b"<Delete><Quiet>true</Quiet><Object><Key> a&#13;\tb </Key><VersionId/><Size>5</Size>"
        b"<LastModifiedTime>Sun, 06 Nov 1994 08:49:37 GMT</LastModifiedTime></Object><Object><Key></Key></Object></Delete>"
    )
    found = read_document(body, DELETE)
    first, second = found["objects"]
    assert found["quiet"] is True
    assert (first["key"], first["version_id"], first["size"]) == (" a\r\tb ", "", 5)
    assert first["last_modified_time"].isoformat() == "1994-11-06T08:49:37+00:00"
    assert second == {"key": ""}


@pytest.mark.parametrize(
    "inner",
    [
        "<Object/>",
        "<Object><ETag>a</ETag></Object>",
        "<Quiet>true</Quiet>",
        "<Object><Key>a</Key></Object><Quiet>maybe</Quiet>",
        "<Object><Key>a</Key><Size>x</Size></Object>",
        "<Object><Key>a</Key><LastModifiedTime>x</LastModifiedTime></Object>",
        "<Object><Key>a</Key></Object><Quiet>1</Quiet><Quiet>1</Quiet>",
    ],
)
def test_a_delete_of_another_shape_is_malformed(inner: str) -> None:
    refuse(f"<Delete>{inner}</Delete>".encode(), DELETE)


def test_lists_in_an_element_of_their_own_are_read() -> None:
    body = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint><Tags>%b</Tags></CreateBucketConfiguration>"
    tag = b"<Tag><Key>a</Key><Value/></Tag>"
    expected = {"location_constraint": "eu-west-1", "tags": [{"key": "a", "value": ""}]}
    assert read_document(body % tag, BUCKET) == expected
    assert read_document(body % b"", BUCKET) == expected | {"tags": []}
    assert len(read_document(body % (tag * 50), BUCKET)["tags"]) == 50
    refuse(body % (tag * 51), BUCKET)


def test_a_list_of_10_000_parts_is_read_and_one_more_is_refused() -> None:
    assert len(read_document(complete(*(part(n) for n in range(1, 10_001))), COMPLETE)["parts"]) == 10_000
    refuse(complete(*(part(n) for n in range(1, 10_002))))


def test_1_000_of_the_longest_keys_are_deleted_at_once_and_one_more_is_refused() -> None:
    item = b"<Object><Key>%b</Key></Object>" % (b"ab&amp;d" * 256)
    assert len(read_document(b"<Delete>" + item * 1000 + b"</Delete>", DELETE)["objects"]) == 1000
    refuse(b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>", DELETE)


def test_the_bulkiest_honest_list_is_within_the_bounds() -> None:
    more = "".join(f"\r\n    <Checksum{name}>{'a' * 42}==</Checksum{name}>" for name in ("SHA256", "CRC32", "SHA1"))
    lines = (
        f"  <Part>\r\n    <PartNumber>{n}</PartNumber>\r\n    <ETag>&quot;{n}&quot;</ETag>{more}\r\n  </Part>\r\n"
        for n in range(10_000)
    )
    body = complete(*(line.encode() for line in lines))
    assert body.count(b"<") + body.count(b"&") + body.count(b"\r") + body.count(b"\n") > 0.9 * MARKS_MAX
    assert len(read_document(body, COMPLETE)["parts"]) == 10_000


def bombs() -> Iterator[tuple[str, bytes]]:
    """Documents of up to 4 MiB that would be expensive to parse."""
    laughs = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    yield "billion laughs", b'<!DOCTYPE a [<!ENTITY l0 "lol">' + laughs + b"]>" + complete(part(etag="&l9;"))
    yield "quadratic entity", b'<!DOCTYPE a [<!ENTITY l "' + b"x" * MIB + b'">]>' + complete(part(etag="&l;" * 1000))
    yield "nesting", complete(b"<a>" * 200_000 + b"</a>" * 200_000)
    yield "nesting of parts", complete(b"<Part>" * 200_000)
    yield "nesting in a text", complete(b"<Part><ETag>" + b"<a>" * 200_000)
    yield "nesting with no end", b"<a>" * (4 * MIB // 3)
    for name, byte in (
        ("blanks", b" "),
        ("line ends", b"\n"),
        ("carriage returns", b"\r"),
        ("letters", b"x"),
        ("zeros", b"\0"),
    ):
        yield name, byte * (4 * MIB)
        yield f"{name} within", complete(byte * (4 * MIB - 200))
        yield f"{name} in a text", complete(part(etag=byte.decode() * (4 * MIB - 200)))
    yield "tags", b"<" * (4 * MIB)
    yield "references", complete(part(etag="&lt;" * (MIB - 50)))
    yield "long name", complete(b"<" + b"a" * (4 * MIB - 200) + b"/>")
    yield "long attribute", complete(b"<a b='" + b"a" * (4 * MIB - 200) + b"'/>")
    yield "attributes", complete(b"<a " + b" ".join(b"a%d=''" % n for n in range(300_000)) + b"/>")
    yield "attributes of many", complete(*(b"<a b='' c='' d='' e='' f='' g=''/>" for _ in range(19_000)))
    yield "namespaces", complete(b"<a " + b" ".join(b"xmlns:a%d='b'" % n for n in range(200_000)) + b"/>")
    yield "instructions", b"<?a?>" * (4 * MIB // 5)
    yield "split text", complete(part(etag=f"{'a' * 8000}<?b?>" * 400))
    yield "unknown elements", complete(b"<a/>" * 149_000)
    yield "unknown elements of many names", complete(*(b"<a%d/>" % n for n in range(149_000)))
    yield "parts", complete(part() * 30_000)
    yield (
        "honest until the end",
        complete(*(part(n, more="<ChecksumSHA256>" + "a" * 43 + "=</ChecksumSHA256>") for n in range(10_000)), b"<"),
    )


@pytest.mark.parametrize(("name", "body"), [pytest.param(*bomb, id=bomb[0].replace(" ", "-")) for bomb in bombs()])
def test_a_bomb_is_refused_in_little_memory(name: str, body: bytes) -> None:
    assert len(body) <= 4 * MIB, name
    tracemalloc.start()
    try:
        refuse(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BYTES_MAX


def with_marks(count: int) -> bytes:
    """A document with `count` marks: full blocks of line ends, and a last one with the rest."""
    blocks = b"".join(b"<a>%b</a>" % (b"\n" * 5_000) for _ in range(count // 5_002 - 1))
    rest = count - (complete(part()) + blocks).count(b"<") - blocks.count(b"\n") - 2
    return complete(part(), blocks, b"<a>" + b"\n" * rest + b"</a>")


@pytest.mark.parametrize(
    ("bound", "within", "beyond"),
    [
        (
            "unknown elements",
            complete(part(), b"<a/>" * UNKNOWN_COUNT_MAX),
            complete(part(), b"<a/>" * (UNKNOWN_COUNT_MAX + 1)),
        ),
        (
            "depth",
            complete(part(), b"<a>" * DEPTH_MAX + b"</a>" * DEPTH_MAX),
            complete(part(), b"<a>" * (DEPTH_MAX + 1) + b"</a>" * (DEPTH_MAX + 1)),
        ),
        ("gap", complete(part(etag="x" * (GAP_MAX - 7))), complete(part(etag="x" * (GAP_MAX - 5)))),
        (
            "equals signs",
            complete(part(), (b"<a>" + b"=" * 10_000 + b"</a>") * 7 + b"<a>" + b"=" * 9_999 + b"</a>"),
            complete(part(), (b"<a>" + b"=" * 10_000 + b"</a>") * 8),
        ),
        ("marks", with_marks(MARKS_MAX), with_marks(MARKS_MAX + 1)),
    ],
)
def test_every_bound_holds_to_the_last_one_and_not_one_further(bound: str, within: bytes, beyond: bytes) -> None:
    assert "parts" in read_document(within, COMPLETE), bound
    refuse(beyond)


def test_the_cases_of_the_bounds_stand_at_the_bounds() -> None:
    assert (EQUALS_MAX, MARKS_MAX) == (80_000, 300_000)


PIECES = [
    b"<Part>",
    b"</Part>",
    b"<ETag>",
    b"</ETag>",
    b"<PartNumber>",
    b"</PartNumber>",
    b"1",
    b"&quot;",
    b"<x/>",
    b"<!",
    b"<?",
    b"\n",
]


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=20).map(b"".join))
@example(b"")
def test_any_bytes_are_read_as_elementtree_reads_them_or_refused(inner: bytes) -> None:
    body = complete(part(), inner)
    try:
        parts: Any = read_document(body, COMPLETE)["parts"]
    except MalformedXML:
        return
    tree = ElementTree.fromstring(body)
    name = "{http://s3.amazonaws.com/doc/2006-03-01/}%s"
    found = [(one.findtext(name % "PartNumber"), one.findtext(name % "ETag")) for one in tree.findall(name % "Part")]
    assert [(one["part_number"], one["etag"]) for one in parts] == [(int(number or ""), etag) for number, etag in found]


@given(st.text())
def test_escaped_text_is_well_formed_and_read_back_but_for_what_xml_cannot_hold(text: str) -> None:
    read = ElementTree.fromstring(f"<a>{escape(text)}</a>").text or ""
    assert len(read) == len(text)
    for found, wanted in zip(read, text, strict=True):
        assert found == wanted or (
            found == "\ufffd" and (wanted < " " or "\ud800" <= wanted <= "\udfff" or wanted in "\ufffe\uffff")
        )


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example("\x01\x0b\x1f\ufffe\uffff\r\t\n \uf8ff\ue000\ue01d")
@example("\uf8ff\ue000")
def test_any_key_written_with_references_is_read_back_from_a_delete(key: str) -> None:
    """Keys with every character, except NUL and surrogates, which no key can contain."""
    body = f"<Delete><Object><Key>{escape(key, with_references=True)}</Key></Object></Delete>".encode()
    assert read_document(body, DELETE)["objects"] == [{"key": key}]


def test_references_to_what_xml_cannot_hold_are_read_in_either_form() -> None:
    body = b"<Delete><Object><Key>X&#x1;Y&#1;Z&#x1f;&#xF8FF;&#xE000;\xef\xa3\xbf&amp;&#65;</Key></Object></Delete>"
    assert read_document(body, DELETE)["objects"] == [{"key": "X\1Y\1Z\x1f\uf8ff\ue000\uf8ff&A"}]


@pytest.mark.parametrize(
    "key", [b"&#0;", b"&#x0;", b"&#xD800;", b"&#x110000;", b"&#9999999;", b"\x01", b"&#1", b"&#;", b"&#x;"]
)
def test_references_to_what_is_no_character_at_all_are_malformed(key: bytes) -> None:
    for beside in (b"", b"&#1;"):
        refuse(b"<Delete><Object><Key>" + beside + key + b"</Key></Object></Delete>", DELETE)


def test_two_keys_with_control_characters_stay_two() -> None:
    assert [escape(key, with_references=True) for key in ("X\1Y", "X\2Y", "\ufffe")] == [
        "X&#x1;Y",
        "X&#x2;Y",
        "&#xFFFE;",
    ]
    assert {escape(key) for key in ("X\1Y", "X\2Y")} == {"X\ufffdY"}


LIFECYCLE = payload_of("PutBucketLifecycleConfiguration")


@pytest.mark.parametrize(
    "inside",
    [
        b"<Foo/>",
        b"<Filter><Prefx>logs/</Prefx></Filter>",
        b"<Filter><And><Prefix>a</Prefix><Sise>1</Sise></And></Filter>",
        b"<Expiration><Day>1</Day></Expiration>",
        b"<AbortIncompleteMultipartUpload><Days>1</Days></AbortIncompleteMultipartUpload>",
    ],
)
def test_unknown_elements_in_a_lifecycle_rule_are_refused(inside: bytes) -> None:
    """Ignoring an unknown condition would delete more objects."""
    whole = b"<LifecycleConfiguration><Rule><Status>Enabled</Status>%b</Rule></LifecycleConfiguration>"
    refuse(whole % inside, LIFECYCLE)
    known = b"<Filter><Prefix>logs/</Prefix></Filter>"
    assert read_document(whole % known, LIFECYCLE)["rules"][0]["filter"] == {"prefix": "logs/"}


ENCRYPTION = payload_of("PutBucketEncryption")


@pytest.mark.parametrize(
    "inside",
    [
        b"<Foo/>%b",
        b"<Rule><Foo/></Rule>",
        b"<Rule>%b<Foo/></Rule>",
        b"<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSKeyID>x</KMSKeyID>"
        b"</ApplyServerSideEncryptionByDefault></Rule>",
        b"<Rule>%b<BlockedEncryptionTypes><Type>SSE-C</Type></BlockedEncryptionTypes></Rule>",
    ],
)
def test_unknown_elements_in_an_encryption_are_refused(inside: bytes) -> None:
    """Ignoring an unknown element would change what is encrypted, and how."""
    whole = b"<ServerSideEncryptionConfiguration>%b</ServerSideEncryptionConfiguration>"
    known = (
        b"<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
    )
    refuse(whole % inside.replace(b"%b", known), ENCRYPTION)
    default = {"sse_algorithm": "AES256"}
    assert read_document(whole % (b"<Rule>%b</Rule>" % known), ENCRYPTION) == {
        "rules": [{"apply_server_side_encryption_by_default": default}]
    }
