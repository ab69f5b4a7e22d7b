"""The S3 operations from the command line on a real store: what is printed, to the byte, and what is refused, to the word."""

import base64
import hashlib
import json
import random
import re
from pathlib import Path

import pytest

from engine.limits import MIB
from tests.support.command_line import CommandLine, Result

KEY = ("--bucket", "photos", "--key", "cat.raw")
NO_SUCH_UPLOAD = (
    "\nAn error occurred (NoSuchUpload) when calling the {} operation: The specified upload does not exist. "
    "The upload ID may be invalid, or the upload may have been aborted or completed.\n"
)
BAD_PART_NUMBER = (
    "\nAn error occurred (InvalidArgument) when calling the UploadPart operation: "
    "Part number must be an integer between 1 and 10000, inclusive\n"
)


def etag_of(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part"
    path.write_bytes(b"a small part")
    return path


def assert_nothing_stored(partwright: CommandLine, upload_id: str) -> None:
    assert "Parts" not in partwright.json("list-parts", *KEY, "--upload-id", upload_id)
    found = partwright.json("check")
    assert (found["parts"], found["files"], found["unnamed_files"]) == (0, 0, 0)


def test_an_operation_in_a_process_of_its_own(partwright: CommandLine, part: Path) -> None:
    done = partwright.process("put-object", *KEY, "--body", part)
    etag = f'"{hashlib.md5(b"a small part").hexdigest()}"'
    answer = {"ETag": etag, "ChecksumCRC64NVME": "ai7Hp95l4fw=", "ChecksumType": "FULL_OBJECT"}
    assert done == Result(0, json.dumps(answer, indent=4) + "\n", "")
    refused = partwright.process("list-parts", *KEY, "--upload-id", "unknown")
    assert refused == Result(254, "", NO_SUCH_UPLOAD.format("ListParts"))
    wrong = partwright.process("list-parts", *KEY)
    assert wrong.code == 252
    assert wrong.err.startswith(
        "usage: partwright list-parts --bucket <value> --key <value> --upload-id <value> [options]\n"
    )


def test_parts_and_objects_are_copied_within_the_store(partwright: CommandLine, part: Path) -> None:
    partwright.json("put-object", *KEY, "--body", part)
    source, etag = "photos/cat.raw", etag_of(b"a small part")
    copied = partwright.json("copy-object", "--bucket", "photos", "--key", "copy", "--copy-source", source)
    assert copied["CopyObjectResult"]["ETag"] == etag
    upload_id = partwright.new_upload("photos", "cat.raw")
    upload = (*KEY, "--upload-id", upload_id, "--copy-source", source)
    copied = partwright.json("upload-part-copy", *upload, "--part-number", 1)
    assert copied["CopyPartResult"]["ETag"] == etag
    ranged = partwright.json("upload-part-copy", *upload, "--part-number", 2, "--copy-source-range", "bytes=2-6")
    assert ranged["CopyPartResult"]["ETag"] == etag_of(b"small")
    wrong = partwright("upload-part-copy", *upload, "--part-number", 3, "--copy-source-range", "bytes=0-100")
    assert wrong.code == 254
    assert "(InvalidArgument)" in wrong.err
    assert "Range specified is not valid for source object of size: 12" in wrong.err


def test_a_multipart_upload_from_create_to_read_back(partwright: CommandLine, tmp_path: Path) -> None:
    data = [random.Random(1).randbytes(5 * MIB), b"the rest"]
    upload_id = partwright.new_upload("photos", "cat.raw")
    for number, piece in enumerate(data, 1):
        path = tmp_path / f"part{number}"
        path.write_bytes(piece)
        arguments = ("--part-number", number, "--upload-id", upload_id, "--body", path)
        printed = partwright.output("upload-part", *KEY, *arguments)
        assert printed == '{\n    "ETag": "\\"' + hashlib.md5(piece).hexdigest() + '\\""\n}\n'
    listed = partwright.json("list-parts", *KEY, "--upload-id", upload_id)["Parts"]
    assert [(row["PartNumber"], row["Size"], row["ETag"]) for row in listed] == [
        (1, 5 * MIB, etag_of(data[0])),
        (2, 8, etag_of(data[1])),
    ]
    parts = tmp_path / "parts.json"
    parts.write_text(json.dumps({"Parts": [{key: row[key] for key in ("ETag", "PartNumber")} for row in listed]}))
    arguments = ("--upload-id", upload_id, "--multipart-upload", f"file://{parts}")
    done = partwright.json("complete-multipart-upload", *KEY, *arguments)
    md5s = b"".join(hashlib.md5(piece).digest() for piece in data)
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'
    assert (done["Bucket"], done["Key"]) == ("photos", "cat.raw")
    copy = tmp_path / "copy"
    assert partwright.json("get-object", *KEY, copy)["ContentLength"] == 5 * MIB + 8
    assert copy.read_bytes() == b"".join(data)


def test_members_are_printed_in_the_order_of_aws(partwright: CommandLine, part: Path) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    partwright.output("upload-part", *KEY, "--upload-id", upload_id, "--part-number", 7, "--body", part)
    answer = partwright.json("list-parts", *KEY, "--upload-id", upload_id, "--no-paginate")
    order = [
        "Bucket",
        "Key",
        "UploadId",
        "PartNumberMarker",
        "NextPartNumberMarker",
        "MaxParts",
        "IsTruncated",
        "Parts",
    ]
    assert list(answer)[: len(order)] == order
    assert list(answer["Parts"][0]) == ["PartNumber", "LastModified", "ETag", "Size"]
    assert answer["Parts"][0]["LastModified"].endswith("+00:00")


def test_the_shorthand_part_list_works_as_with_aws(partwright: CommandLine, part: Path) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    part_of_upload = ("--upload-id", upload_id, "--part-number", 1, "--body", part)
    etag = partwright.json("upload-part", *KEY, *part_of_upload)["ETag"].strip('"')
    arguments = ("--upload-id", upload_id, "--multipart-upload", f"Parts=[{{ETag={etag},PartNumber=1}}]")
    assert partwright.json("complete-multipart-upload", *KEY, *arguments)["ETag"].endswith('-1"')


def test_what_has_no_answer_prints_nothing(partwright: CommandLine, part: Path) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    assert partwright.output("abort-multipart-upload", *KEY, "--upload-id", upload_id) == ""
    partwright.output("put-object", *KEY, "--body", part)
    assert partwright.output("delete-object", *KEY) == ""
    assert partwright.output("delete-bucket", "--bucket", "photos") == ""


def test_an_object_with_metadata_goes_in_and_is_described(partwright: CommandLine, part: Path) -> None:
    headers = ("--metadata", "year=1905,name=Albert E.", "--content-type", "image/x-raw", "--cache-control", "no-cache")
    answer = partwright.json("put-object", *KEY, "--body", part, *headers)
    assert answer["ETag"] == etag_of(part.read_bytes())
    head = partwright.json("head-object", *KEY)
    assert head["Metadata"] == {"year": "1905", "name": "Albert E."}
    assert (head["ContentType"], head["CacheControl"], head["ContentLength"]) == ("image/x-raw", "no-cache", 12)
    assert list(head)[:4] == ["AcceptRanges", "LastModified", "ContentLength", "ETag"]


def test_a_body_may_come_from_standard_input_or_from_json(partwright: CommandLine) -> None:
    piped = partwright.process("put-object", *KEY, "--body", "-", stdin="piped")
    assert (json.loads(piped.out)["ETag"], piped.code, piped.err) == (etag_of(b"piped"), 0, "")
    everything = json.dumps({"Bucket": "photos", "Key": "cat.raw", "Body": "grüße"})
    assert partwright.json("put-object", "--cli-input-json", everything)["ETag"] == etag_of("grüße".encode())
    assert partwright.json("put-object", *KEY)["ETag"] == etag_of(b"")


def test_get_object_writes_a_range_to_the_file_and_describes_it(
    partwright: CommandLine, part: Path, tmp_path: Path
) -> None:
    partwright.output("put-object", *KEY, "--body", part)
    copy = tmp_path / "copy"
    answer = partwright.json("get-object", *KEY, "--range", "bytes=2-6", copy)
    assert (answer["ContentRange"], answer["ContentLength"]) == ("bytes 2-6/12", 5)
    assert copy.read_bytes() == b"small"
    assert "Body" not in answer


def test_a_refused_get_leaves_the_file_as_it_was(partwright: CommandLine, part: Path) -> None:
    before = part.read_bytes()
    result = partwright("get-object", *KEY, part)
    assert result.code == 254
    text = "\nAn error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist.\n"
    assert result.err == text
    assert part.read_bytes() == before
    assert sorted(path.name for path in part.parent.iterdir()) == ["part", "store"]


def test_listings_are_joined_cut_and_resumed(partwright: CommandLine, part: Path) -> None:
    for name in "abcde":
        partwright.output("put-object", "--bucket", "photos", "--key", name, "--body", part)

    def keys(*arguments: object) -> tuple[list[str], str | None]:
        answer = partwright.json("list-objects-v2", "--bucket", "photos", *arguments)
        return [row["Key"] for row in answer["Contents"]], answer.get("NextToken")

    assert keys("--page-size", 2) == (list("abcde"), None)
    first, token = keys("--max-items", 3, "--page-size", 2)
    assert (first, token is None) == (list("abc"), False)
    assert keys("--max-items", 3, "--starting-token", token) == (list("de"), None)
    page = partwright.json("list-objects-v2", "--bucket", "photos", "--max-keys", 2)
    assert (page["IsTruncated"], page["KeyCount"], [row["Key"] for row in page["Contents"]]) == (True, 2, ["a", "b"])


def test_a_starting_token_that_is_none_is_refused(partwright: CommandLine) -> None:
    result = partwright("list-parts", *KEY, "--upload-id", "x", "--starting-token", "a___b___c")
    assert (result.code, result.err) == (255, "partwright: error: Bad starting token: a___b___c\n")


def test_times_in_headers_have_whole_seconds(partwright: CommandLine) -> None:
    partwright.output("put-object", *KEY)
    assert re.fullmatch(r"....-..-..T..:..:..\+00:00", partwright.json("head-object", *KEY)["LastModified"])


def test_conditions_are_kept(partwright: CommandLine, part: Path) -> None:
    etag = partwright.json("put-object", *KEY, "--body", part)["ETag"]
    refused = partwright("get-object", *KEY, "--if-none-match", etag, part)
    text = "\nAn error occurred (304) when calling the GetObject operation: Not Modified\n"
    assert (refused.code, refused.err) == (254, text)
    refused = partwright("get-object", *KEY, "--if-match", "other", part)
    assert (
        "(PreconditionFailed) when calling the GetObject operation: At least one of the pre-conditions" in refused.err
    )
    assert partwright.json("head-object", *KEY, "--if-modified-since", "2020-01-01")["ETag"] == etag


def test_open_uploads_are_listed_page_by_page(partwright: CommandLine) -> None:
    identifiers = [partwright.new_upload("photos", name) for name in "aab"]
    listed = partwright.json("list-multipart-uploads", "--bucket", "photos", "--page-size", 1)["Uploads"]
    assert [row["UploadId"] for row in listed] == identifiers
    assert list(listed[0])[:3] == ["UploadId", "Key", "Initiated"]


def test_a_query_picks_from_the_answer(partwright: CommandLine) -> None:
    assert partwright.output("list-buckets", "--query", "Buckets[].Name") == '[\n    "photos"\n]\n'
    assert partwright.output("--query", "Buckets[0].Name", "list-buckets") == '"photos"\n'
    assert partwright.output("list-buckets", "--query", "Nothing") == "null\n"


def test_head_is_refused_by_status_alone_as_over_http(partwright: CommandLine) -> None:
    result = partwright("head-object", *KEY)
    assert (result.code, result.out) == (254, "")
    assert result.err == "\nAn error occurred (404) when calling the HeadObject operation: Not Found\n"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("--part-number", "0"), 254, BAD_PART_NUMBER),
        (("--part-number", "10001"), 254, BAD_PART_NUMBER),
        (("--part-number", "-1"), 254, BAD_PART_NUMBER),
        (("--part-number", "x"), 252, "partwright: error: argument --part-number: not an integer: 'x'\n"),
        (("--part-number", ""), 252, "partwright: error: argument --part-number: not an integer: ''\n"),
        (("--upload-id", "unknown"), 254, NO_SUCH_UPLOAD.format("UploadPart")),
        (("--key", "other"), 254, NO_SUCH_UPLOAD.format("UploadPart")),
        (("--bucket", "nowhere"), 254, "(NoSuchBucket) when calling the UploadPart operation: The specified bucket does not exist"),
        (("--content-length", "13"), 254, "(IncompleteBody) when calling the UploadPart operation: You did not provide the number"),
        (("--content-length", "11"), 254, "(IncompleteBody) when calling the UploadPart operation: You did not provide the number"),
        (("--content-md5", "CY9rzUYh03PK3k6DJie09g=="), 254, "(BadDigest) when calling the UploadPart operation: The Content-MD5 you"),
        (("--content-md5", "MTIz"), 254, "(InvalidDigest) when calling the UploadPart operation: The Content-MD5 you specified was in"),
        (("--body", "/no/such/file"), 255, "partwright: error: /no/such/file: No such file or directory\n"),
        (("--body", "/"), 255, "partwright: error: /: Is a directory\n"),
        (("--sse-customer-key", "k"), 254, "(InvalidArgument) when calling the UploadPart operation: Requests specifying Server"),
        (("--checksum-sha512", "k"), 254, "(InvalidRequest) when calling the UploadPart operation: Value for x-amz-checksum-sha512"),
        (("--part-nr", "1"), 252, "partwright: error: unrecognized arguments: --part-nr 1\n"),
        (("--query", "["), 252, "partwright: error: argument --query: bad query '['"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_nothing_is_stored(
    partwright: CommandLine, part: Path, arguments: tuple[str, ...], code: int, error: str
) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    good = (*KEY, "--upload-id", upload_id, "--part-number", "1", "--body", part)
    result = partwright("upload-part", *good, *arguments)
    assert error in result.err
    assert "Traceback" not in result.err
    assert (result.code, result.out) == (code, "")
    assert_nothing_stored(partwright, upload_id)


@pytest.mark.parametrize("declared", [4, 6])
def test_a_piped_body_of_another_length_is_refused(partwright: CommandLine, declared: int) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    arguments = ("--upload-id", upload_id, "--part-number", 1, "--body", "-", "--content-length", declared)
    result = partwright.process("upload-part", *KEY, *arguments, stdin="12345")
    assert result.code == 254
    assert "(IncompleteBody)" in result.err
    assert_nothing_stored(partwright, upload_id)


def test_the_right_digest_and_length_are_accepted(partwright: CommandLine, part: Path) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    digest = base64.b64encode(hashlib.md5(part.read_bytes()).digest()).decode()
    arguments = ("--part-number", 1, "--body", part, "--content-md5", digest, "--content-length", 12)
    assert partwright.json("upload-part", *KEY, "--upload-id", upload_id, *arguments)["ETag"] == etag_of(
        part.read_bytes()
    )


@pytest.mark.parametrize(
    ("parts", "code", "error"),
    [
        (
            "Parts=[{ETag=x,PartNumber=1}]",
            254,
            "(InvalidPart) when calling the CompleteMultipartUpload operation: One or more of",
        ),
        (
            "Parts=[]",
            254,
            "(MalformedXML) when calling the CompleteMultipartUpload operation: The XML you provided was not",
        ),
        (
            "{}",
            254,
            "(MalformedXML) when calling the CompleteMultipartUpload operation: The XML you provided was not well-",
        ),
        ("Parts=[{PartNumber=1}]", 254, "(ETag is missing)"),
        ("Parts=[{ETag=x,PartNumber=one}]", 252, "argument --multipart-upload: not an integer: 'one'"),
        (
            "Parts=[{ETag=x,PartNumber=1,ChecksumSHA1=y}]",
            254,
            "(InvalidPart) when calling the CompleteMultipartUpload operation",
        ),
        ("Parts=[{ETag=x,Size=1}]", 252, 'Unknown parameter in MultipartUpload.Parts[0]: "Size"'),
    ],
)
def test_a_bad_part_list_is_refused_and_the_upload_stays(
    partwright: CommandLine, parts: str, code: int, error: str
) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    result = partwright("complete-multipart-upload", *KEY, "--upload-id", upload_id, "--multipart-upload", parts)
    assert error in result.err
    assert (result.code, result.out) == (code, "")
    assert_nothing_stored(partwright, upload_id)


def test_complete_without_a_list_is_refused(partwright: CommandLine) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    result = partwright("complete-multipart-upload", *KEY, "--upload-id", upload_id)
    assert result.code == 254
    assert result.err == (
        "\nAn error occurred (InvalidRequest) when calling the CompleteMultipartUpload operation: "
        "You must specify at least one part\n"
    )
