"""How uploads behave, by number: what Complete takes, what it makes, what may happen at the same time."""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.system.clients.raw import UNSIGNED, Call, receive
from tests.system.clients.rules.stage import Stage
from tests.system.clients.rules.upload import LARGE, MIB, Upload, etag_of, refused

semantics = partial(pytest.mark.rule, "semantics")
DATA = b"0123456789"


@pytest.fixture
def begin(stage: Stage) -> Callable[..., Upload]:
    """Begins uploads in one bucket of the test's own."""
    return partial(Upload.begin, stage.s3, stage.new_bucket())


Begin = Callable[..., Upload]


@semantics("Complete-may-be-repeated")
def test_complete_may_be_repeated(begin: Begin) -> None:
    upload = begin().parts({1: DATA})
    first = upload.complete()
    again = upload.complete()
    assert {name: again.get(name) for name in first if name != "ResponseMetadata"} == {
        name: value for name, value in first.items() if name != "ResponseMetadata"
    }
    refused("NoSuchUpload", upload.list)


@semantics("Complete-may-be-repeated")
def test_complete_of_what_never_was_is_refused_though_an_object_is_there(begin: Begin) -> None:
    upload = begin().parts({1: DATA})
    upload.complete()
    other = begin()
    other.abort()
    other.etags = upload.etags
    refused("NoSuchUpload", other.complete)
    other.upload_id = "A" * 40
    refused("NoSuchUpload", other.complete)


@semantics("Complete-may-be-repeated")
def test_complete_with_another_list_afterwards_is_refused(begin: Begin) -> None:
    upload = begin().parts({1: LARGE, 2: DATA})
    upload.complete(1, 2)
    refused("NoSuchUpload", upload.complete, 1)
    assert len(upload.read()) == len(LARGE) + len(DATA)


@semantics("two-Completes-publish-once")
def test_completes_at_once_publish_once_and_answer_alike(begin: Begin) -> None:
    for _ in range(5):
        upload = begin(secrets.token_hex(4)).parts({1: LARGE, 2: DATA})
        with ThreadPoolExecutor(8) as threads:
            answers = [task.result() for task in [threads.submit(upload.complete) for _ in range(8)]]
        assert {answer["ETag"] for answer in answers} == {etag_of(LARGE, DATA)}
        assert upload.read() == LARGE + DATA


@semantics("Complete-moves-no-bytes")
def test_complete_moves_no_bytes(stage: Stage, begin: Begin) -> None:
    """The files stay where they are, and no others are made."""
    assert stage.host.server is not None
    upload = begin().parts({1: os.urandom(5 * MIB), 2: os.urandom(5 * MIB)})
    before = files_of(stage.host.server.store)
    upload.complete()
    assert files_of(stage.host.server.store) == before


def files_of(store: Path) -> set[tuple[str, int]]:
    return {(path.name, path.stat().st_ino) for path in (store / "blobs").rglob("*") if path.is_file()}


@semantics("last-finished-attempt-wins")
@pytest.mark.parametrize("starts_first", ["slow", "quick"])
def test_the_attempt_that_finishes_last_wins(stage: Stage, begin: Begin, starts_first: str) -> None:
    upload = begin()
    slow, quick = b"s" * MIB, b"q" * MIB
    path, query = f"/{upload.bucket}/{upload.key}", f"partNumber=1&uploadId={upload.upload_id}"
    call = Call("PUT", path, query, {"content-length": str(MIB)}, slow, UNSIGNED)
    with stage.raw.connection() as connection:
        connection.sendall(stage.raw.head(call) + slow[:-1])
        upload.part(1, quick)
        connection.sendall(slow[-1:] if starts_first == "slow" else b"")
        if starts_first == "slow":
            assert receive(connection).status == 200
    etag = hashlib.md5(slow if starts_first == "slow" else quick).hexdigest()
    assert [part["ETag"] for part in upload.list()["Parts"]] == [f'"{etag}"']


@semantics("Abort-ends-a-part-in-flight")
def test_abort_ends_a_part_in_flight(stage: Stage, begin: Begin) -> None:
    assert stage.host.server is not None
    upload, body = begin(), os.urandom(MIB)
    path, query = f"/{upload.bucket}/{upload.key}", f"partNumber=1&uploadId={upload.upload_id}"
    call = Call("PUT", path, query, {"content-length": str(MIB)}, body, UNSIGNED)
    before = files_of(stage.host.server.store)
    with stage.raw.connection() as connection:
        connection.sendall(stage.raw.head(call) + body[:-1])
        upload.abort()
        connection.sendall(body[-1:])
        assert receive(connection).error["Code"] == "NoSuchUpload"
    refused("NoSuchUpload", upload.list)
    assert files_of(stage.host.server.store) == before
    assert "Uploads" not in stage.s3.list_multipart_uploads(Bucket=upload.bucket)


@semantics("Abort-ends-a-part-in-flight")
def test_abort_after_complete_leaves_the_object(begin: Begin) -> None:
    upload = begin().parts({1: LARGE, 2: DATA})
    upload.complete()
    refused("NoSuchUpload", upload.abort)
    assert upload.read() == LARGE + DATA


@semantics("upload-id-belongs-to-key-and-bucket")
def test_an_upload_id_is_of_its_key_and_bucket(stage: Stage, begin: Begin) -> None:
    upload = begin("key").parts({1: DATA})
    for bucket, key in ((upload.bucket, "other"), (stage.bucket, "key")):
        other = Upload(stage.s3, bucket, key, upload.upload_id, upload.etags)
        for call in (other.list, other.complete, other.abort, partial(other.part, 1, DATA)):
            assert refused("NoSuchUpload", call)["UploadId"] == upload.upload_id
    assert [part["PartNumber"] for part in upload.list()["Parts"]] == [1]


@semantics("gaps-and-subsets-in-the-list")
@pytest.mark.parametrize("numbers", [(1, 3), (5, 9), (5,), (9_999, 10_000), (2, 5, 9)])
def test_gaps_and_subsets_are_fine(begin: Begin, numbers: tuple[int, ...]) -> None:
    bodies = {number: LARGE[:-1] + bytes([number % 256]) for number in (1, 2, 3, 5, 9, 9_999, 10_000)}
    upload = begin().parts({number: bodies[number] for number in numbers})
    upload.part(7, b"not listed")
    assert upload.complete(*numbers)["ETag"] == etag_of(*(bodies[number] for number in numbers))
    assert upload.read() == b"".join(bodies[number] for number in numbers)


@semantics("ETags-and-XML-in-any-form")
@pytest.mark.parametrize(
    "form",
    [
        "<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>",
        '<Part><PartNumber>1</PartNumber><ETag>"{etag}"</ETag></Part>',
        "<Part><PartNumber>1</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>",
        "<Part><ETag>{upper}</ETag><PartNumber>1</PartNumber></Part>",
        "<Part>\n <Unknown><A>b</A></Unknown>\n <ETag>{etag}</ETag>\n <PartNumber>1</PartNumber>\n</Part><Also/>",
    ],
)
@pytest.mark.parametrize("namespace", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'])
def test_etags_and_xml_in_any_form(stage: Stage, begin: Begin, form: str, namespace: str) -> None:
    upload = begin().parts({1: DATA})
    etag = hashlib.md5(DATA).hexdigest()
    listed = form.format(etag=etag, upper=etag.upper())
    body = f"<CompleteMultipartUpload{namespace}>{listed}</CompleteMultipartUpload>".encode()
    answer = stage.raw.send(Call("POST", f"/{upload.bucket}/key", f"uploadId={upload.upload_id}", {}, body))
    assert answer.status == 200, answer.body
    assert upload.read() == DATA


@semantics("strictly-ascending")
@pytest.mark.parametrize("numbers", [(2, 1), (1, 1), (1, 2, 2), (1, 3, 2)])
def test_ascending_is_strictly_so(begin: Begin, numbers: tuple[int, ...]) -> None:
    upload = begin().parts(dict.fromkeys((1, 2, 3), LARGE))
    assert refused("InvalidPartOrder", upload.complete, *numbers)["UploadId"] == upload.upload_id
    assert len(upload.list()["Parts"]) == 3


@semantics("EntityTooSmall-counts-listed-parts")
def test_too_small_is_judged_by_the_list(begin: Begin) -> None:
    upload = begin().parts({1: LARGE, 2: b"last", 7: b"x"})
    error = refused("EntityTooSmall", upload.complete, 1, 2, 7)
    assert (error["PartNumber"], error["ProposedSize"]) == ("2", "4")
    upload.complete(1, 2)
    assert upload.read() == LARGE + b"last"


@semantics("empty-part")
@pytest.mark.parametrize("bodies", [{1: b""}, {1: LARGE, 2: b""}])
def test_a_part_of_no_bytes_may_be_the_last(begin: Begin, bodies: dict[int, bytes]) -> None:
    upload = begin().parts(bodies)
    assert upload.etags[len(bodies)] == '"d41d8cd98f00b204e9800998ecf8427e"'
    assert upload.complete()["ETag"] == etag_of(*bodies.values())
    assert upload.read() == b"".join(bodies.values())


@semantics("ETag-of-ETags")
def test_the_etag_is_that_of_the_etags(stage: Stage, begin: Begin) -> None:
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB + 1), DATA]
    upload = begin().parts(dict(enumerate(bodies, 1)))
    etag = upload.complete()["ETag"]
    assert etag == etag_of(*bodies)
    named = {"Bucket": upload.bucket, "Key": upload.key}
    listed = stage.s3.list_objects_v2(Bucket=upload.bucket)["Contents"][0]["ETag"]
    assert [stage.s3.head_object(**named)["ETag"], stage.s3.get_object(**named)["ETag"], listed] == [etag] * 3


@semantics("Abort-twice")
def test_abort_twice(begin: Begin) -> None:
    upload = begin().parts({1: DATA})
    upload.abort()
    assert refused("NoSuchUpload", upload.abort)["UploadId"] == upload.upload_id


@semantics("overwriting-is-atomic")
@pytest.mark.parametrize("end", ["put", "complete", "delete"])
def test_a_read_that_began_sees_the_old_object_to_its_end(stage: Stage, begin: Begin, end: str) -> None:
    upload, old = begin(), os.urandom(24 * MIB)
    named = {"Bucket": upload.bucket, "Key": upload.key}
    stage.s3.put_object(**named, Body=old)
    body = stage.s3.get_object(**named)["Body"]
    seen = body.read(1)
    if end == "put":
        stage.s3.put_object(**named, Body=DATA)
    elif end == "complete":
        upload.parts({1: DATA}).complete()
    else:
        stage.s3.delete_object(**named)
    assert seen + body.read() == old
    if end != "delete":
        assert upload.read() == DATA


@semantics("metadata-comes-from-Create")
def test_what_travels_comes_from_create(stage: Stage, begin: Begin) -> None:
    content = {
        "CacheControl": "no-cache", "ContentDisposition": "inline", "ContentEncoding": "gzip", "ContentLanguage": "de",
        "ContentType": "text/x-test", "Metadata": {"camera": "m6"},
    }  # fmt: skip
    upload = begin(**content, Expires=datetime(2030, 1, 1, tzinfo=UTC)).parts({1: DATA})
    upload.complete()
    head = stage.s3.head_object(Bucket=upload.bucket, Key=upload.key)
    assert {name: head[name] for name in content} == content
    assert head["ExpiresString"] == "Tue, 01 Jan 2030 00:00:00 GMT"


@semantics("metadata-comes-from-Create")
def test_a_type_that_is_not_said_is_binary(stage: Stage, begin: Begin) -> None:
    upload = begin().parts({1: DATA})
    upload.complete()
    assert stage.s3.head_object(Bucket=upload.bucket, Key=upload.key)["ContentType"] == "binary/octet-stream"


@semantics("metadata-comes-from-Create")
def test_tags_and_storage_class_come_from_create_too(stage: Stage, begin: Begin) -> None:
    given = {"Tagging": "a=1&b=", "StorageClass": "STANDARD_IA", "WebsiteRedirectLocation": "/elsewhere"}
    upload = begin(**given).parts({1: DATA})
    assert upload.list()["StorageClass"] == "STANDARD_IA"
    upload.complete()
    named = {"Bucket": upload.bucket, "Key": upload.key}
    head = stage.s3.head_object(**named)
    assert (head["StorageClass"], head["WebsiteRedirectLocation"]) == ("STANDARD_IA", "/elsewhere")
    tags = stage.s3.get_object_tagging(**named)["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]


@semantics("metadata-comes-from-Create")
def test_a_lock_comes_from_create_too(stage: Stage) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until, "ObjectLockLegalHoldStatus": "ON"}
    upload = Upload.begin(stage.s3, stage.locked, **lock)
    upload.part(1, DATA, ContentMD5="eB5eJF1ptWaXm4bijSPyxw==")
    upload.complete()
    head = stage.s3.head_object(Bucket=upload.bucket, Key=upload.key)
    assert {name: head[name] for name in lock} == lock


@semantics("open-uploads-are-invisible")
def test_open_uploads_are_invisible(stage: Stage, begin: Begin) -> None:
    upload = begin().parts({1: DATA})
    assert stage.s3.list_objects_v2(Bucket=upload.bucket)["KeyCount"] == 0
    refused("NoSuchKey", upload.read)
    stage.s3.delete_bucket(Bucket=upload.bucket)
    stage.s3.create_bucket(Bucket=upload.bucket)
    refused("NoSuchUpload", upload.list)
    assert "Uploads" not in stage.s3.list_multipart_uploads(Bucket=upload.bucket)


@semantics("Complete-of-any-Content-Type")
@pytest.mark.parametrize("kind", [None, "application/xml", "text/xml", "application/x-www-form-urlencoded", "x"])
def test_complete_takes_any_content_type(stage: Stage, begin: Begin, kind: str | None) -> None:
    upload = begin().parts({1: DATA})
    part = f"<Part><PartNumber>1</PartNumber><ETag>{upload.etags[1]}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    headers = {} if kind is None else {"content-type": kind}
    answer = stage.raw.send(Call("POST", f"/{upload.bucket}/key", f"uploadId={upload.upload_id}", headers, body))
    assert answer.status == 200, answer.body


@pytest.mark.rule("uploads", "InternalError")
def test_an_object_whose_bytes_are_gone_is_an_internal_error(stage: Stage, begin: Begin) -> None:
    assert stage.host.server is not None
    before = files_of(stage.host.server.store)
    upload = begin().parts({1: os.urandom(MIB)})
    upload.complete()
    [(name, _)] = files_of(stage.host.server.store) - before
    next((stage.host.server.store / "blobs").rglob(name)).unlink()
    error = refused("InternalError", upload.read)
    assert error["Message"] == "We encountered an internal error. Please try again."
    stage.s3.delete_object(Bucket=upload.bucket, Key=upload.key)


@semantics("last-finished-attempt-wins")
def test_a_part_sent_again_replaces_the_one_before(stage: Stage, begin: Begin) -> None:
    assert stage.host.server is not None
    upload = begin()
    before = files_of(stage.host.server.store)
    for _ in range(3):
        upload.part(1, os.urandom(MIB))
    assert len(files_of(stage.host.server.store) - before) == 1
    assert [part["ETag"] for part in upload.list()["Parts"]] == [upload.etags[1]]
    upload.abort()
    assert files_of(stage.host.server.store) == before


@semantics("two-Completes-publish-once")
def test_a_part_sent_while_completing_is_in_it_or_refused(begin: Begin) -> None:
    for _ in range(5):
        upload = begin(secrets.token_hex(4)).parts({1: DATA})
        etags, go = dict(upload.etags), threading.Barrier(2)

        def resend(upload: Upload = upload, go: threading.Barrier = go) -> Any:
            go.wait()
            return upload.part(1, b"sent again")

        with ThreadPoolExecutor(1) as threads:
            sending = threads.submit(resend)
            go.wait()
            upload.etags = etags
            outcome = outcome_of(upload.complete)
            sending.exception()
        assert outcome == "InvalidPart" or upload.read() == DATA


def outcome_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        return code
    return "done"
