"""What AWS answered about checksums, asked here again: uploads with each type, the one nobody asked for, plain objects, copies."""

import re
from functools import partial
from typing import Any

import pytest

from tests.system.clients.rules.play import Play
from tests.system.clients.rules.stage import Stage

semantics = partial(pytest.mark.rule, "semantics")
LARGE, SMALL = b"a" * 5_242_881, b"a" * 10
WRONG = {4: "AAAAAA==", 8: "AAAAAAAAAAA=", 20: "A" * 27 + "=", 32: "A" * 43 + "="}
SIZES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}


def plays(*cases: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("play", cases, indirect=True)


def algorithm_of(play: Play) -> str:
    return re.sub(r".*\[(.*)\]", r"\1", play.case)


def parts_of(*answers: dict[str, Any], member: str | None = None) -> dict[str, Any]:
    """The list of a Complete, with the parts' checksums if a member is named."""
    listed = []
    for number, answer in enumerate(answers, 1):
        more = {} if member is None else {member: answer[member]}
        listed.append({"PartNumber": number, "ETag": answer["ETag"], **more})
    return {"Parts": listed}


@semantics("COMPOSITE-with-and-without-count")
@semantics("reads-by-part-number")
@plays(
    "complete_multipart_parts_checksum_composite[CRC32]",
    "complete_multipart_parts_checksum_composite[SHA256]",
    "complete_multipart_parts_checksum_full_object[CRC32C]",
    "complete_multipart_parts_checksum_full_object[CRC64NVME]",
)
def test_uploads_with_checksums(stage: Stage, play: Play) -> None:
    s3, algorithm, composite = stage.boto, algorithm_of(play), "composite" in play.case
    member, key = f"Checksum{algorithm}", {"Key": "test-multipart-checksum"}
    mode = "COMPOSITE" if composite else "FULL_OBJECT"
    created = play(
        "create-mpu-checksum", s3.create_multipart_upload, **key, ChecksumAlgorithm=algorithm, ChecksumType=mode
    )
    upload = key | {"UploadId": created["UploadId"]}
    parts = [
        play(
            f"upload-part-{index}",
            s3.upload_part,
            **upload,
            PartNumber=index + 1,
            Body=body,
            ChecksumAlgorithm=algorithm,
        )
        for index, body in enumerate((LARGE, LARGE, SMALL))
    ]
    play("list-parts", s3.list_parts, **upload)
    complete = partial(s3.complete_multipart_upload, **upload)
    if composite:
        play("complete-multipart-no-checksum", complete, MultipartUpload=parts_of(*parts))
    wrong, step = parts_of(*parts, member=member), "complete-multipart-wrong-parts-checksum"
    wrong["Parts"][int(play.wanted(step)["Error"]["PartNumber"]) - 1][member] = WRONG[SIZES[algorithm]]
    play(step, complete, MultipartUpload=wrong)
    play(
        "complete-multipart-checksum", complete, MultipartUpload=parts_of(*parts, member=member if composite else None)
    )
    read_with_checksum(stage, play, key)
    play("get-object-part-checksum", s3.get_object, **key, PartNumber=3, ChecksumMode="ENABLED")
    play.finish()


def read_with_checksum(stage: Stage, play: Play, key: dict[str, str]) -> None:
    s3, source = stage.boto, {"Bucket": play.bucket} | key
    play("get-object-with-checksum", s3.get_object, **key, ChecksumMode="ENABLED")
    play("head-object-with-checksum", s3.head_object, **key, ChecksumMode="ENABLED")
    attributes = ["ETag", "Checksum", "ObjectParts"]
    play("get-object-attrs", s3.get_object_attributes, **key, ObjectAttributes=attributes)
    play("copy-obj-checksum", s3.copy_object, Key="copied", CopySource=source)
    play("get-copy-object-attrs", s3.get_object_attributes, Key="copied", ObjectAttributes=attributes)


@semantics("unrequested-CRC64NVME")
@plays("complete_multipart_parts_checksum_default")
def test_the_checksum_nobody_asked_for(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-multipart-checksum"}
    upload = key | {"UploadId": play("create-mpu-no-checksum", s3.create_multipart_upload, **key)["UploadId"]}
    part = play(
        "upload-part-different-checksum-than-default", s3.upload_part,
        **upload, PartNumber=1, Body=b"aaa", ChecksumAlgorithm="CRC32C",
    )  # fmt: skip
    play("list-multiparts", s3.list_multipart_uploads)
    play("list-parts", s3.list_parts, **upload)
    complete = partial(s3.complete_multipart_upload, **upload)
    listed = parts_of(part, member="ChecksumCRC32C")
    play("complete-multipart-parts-checksum", complete, MultipartUpload=listed)
    listed["Parts"][0]["ChecksumCRC32C"] = WRONG[4]
    play("complete-multipart-wrong-parts-checksum", complete, MultipartUpload=listed)
    for step, mode in (("composite", "COMPOSITE"), ("full-object", "FULL_OBJECT")):
        play(f"complete-multipart-{step}-type", complete, MultipartUpload=parts_of(part), ChecksumType=mode)
    play("complete-multipart-checksum", complete, MultipartUpload=parts_of(part))
    read_with_checksum(stage, play, key)
    play.finish()


@semantics("FULL_OBJECT-by-combination")
@plays("complete_multipart_parts_checksum_full_object_default")
def test_a_checksum_of_the_whole_by_default(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-multipart-checksum"}
    created = play("create-mpu-checksum-crc64", s3.create_multipart_upload, **key, ChecksumAlgorithm="CRC64NVME")
    upload = key | {"UploadId": created["UploadId"]}
    part = play("upload-part", s3.upload_part, **upload, PartNumber=1, Body=b"aaa", ChecksumAlgorithm="CRC64NVME")
    play("complete-multipart-checksum", s3.complete_multipart_upload, **upload, MultipartUpload=parts_of(part))
    play("get-object-with-checksum", s3.get_object, **key, ChecksumMode="ENABLED")
    play("head-object-with-checksum", s3.head_object, **key, ChecksumMode="ENABLED")
    play("get-object-attrs", s3.get_object_attributes, **key, ObjectAttributes=["ETag", "Checksum", "ObjectParts"])
    play.finish()


@semantics("COMPOSITE-with-and-without-count")
@plays("multipart_parts_checksum_exceptions_composite", "multipart_parts_checksum_exceptions_full_object")
def test_checksums_that_do_not_go_together(stage: Stage, play: Play) -> None:
    s3, plain, key = stage.boto, stage.s3, {"Key": "test-multipart-checksum-exc"}
    composite = "composite" in play.case
    mode, other = ("COMPOSITE", "FULL_OBJECT") if composite else ("FULL_OBJECT", "COMPOSITE")
    create = partial(s3.create_multipart_upload, **key)
    play("create-mpu-no-checksum-algo-with-type", create, ChecksumType=mode)
    if composite:
        ours = (
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            "[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, XXHASH64]"
        )  # five more since AWS was asked
        wrong = partial(plain.create_multipart_upload, **key, ChecksumAlgorithm="TEST")
        play("create-mpu-wrong-checksum-algo", wrong, differs={"Message": ours})
    first = play(
        "create-mpu-with-checksum", create, ChecksumAlgorithm="SHA256" if composite else "CRC32C", ChecksumType=mode
    )
    upload = key | {"UploadId": first["UploadId"]}
    part = {"PartNumber": 1, "Body": b"abc"}
    play("upload-part-different-checksum-exc", s3.upload_part, **upload, **part, ChecksumAlgorithm="CRC32")
    s3.abort_multipart_upload(Bucket=play.bucket, **upload)
    step, algorithm = (
        ("create-mpu-composite-checksum", "CRC32") if composite else ("create-mpu-checksum-crc32c", "CRC32C")
    )
    upload = key | {"UploadId": play(step, create, ChecksumAlgorithm=algorithm, ChecksumType=mode)["UploadId"]}
    play("list-multiparts", s3.list_multipart_uploads)
    sent = play("upload-part-no-checksum-ok", (s3 if composite else plain).upload_part, **upload, **part)
    complete = partial(s3.complete_multipart_upload, **upload)
    if composite:
        listed = parts_of(sent)
        listed["Parts"][0]["ChecksumSHA256"] = WRONG[32]
        play("complete-part-with-checksum", complete, MultipartUpload=listed)
        listed = parts_of(sent, member="ChecksumCRC32")
        play("complete-part-with-bad-checksum-type", complete, MultipartUpload=listed, ChecksumType=other)
    else:
        listed = parts_of(sent)
        play("complete-part-bad-checksum", complete, MultipartUpload=listed, ChecksumCRC32C=WRONG[4])
        play("complete-part-bad-checksum-type", complete, MultipartUpload=listed, ChecksumType=other)
        good = {"ChecksumCRC32C": sent["ChecksumCRC32C"], "ChecksumType": mode}
        play("complete-success", complete, MultipartUpload=listed, **good)
    play.finish()


@pytest.mark.parametrize(
    ("algorithm", "mode"),
    [(name, "COMPOSITE") for name in ("CRC32", "CRC32C", "SHA1", "SHA256")]
    + [("CRC64NVME", "FULL_OBJECT")]
    + [(name, "COMPOSITE") for name in ("SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128")],
)
def test_the_type_that_an_algorithm_has_by_itself(stage: Stage, algorithm: str, mode: str) -> None:
    created = stage.s3.create_multipart_upload(Bucket=stage.bucket, Key="typed", ChecksumAlgorithm=algorithm)
    assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == (algorithm, mode)


@semantics("reads-by-part-number")
@plays("get_object_part_checksum[COMPOSITE]", "get_object_part_checksum[FULL_OBJECT]")
def test_the_checksum_of_the_only_part(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test-multipart-checksum"}
    created = play(
        "create-mpu-checksum", s3.create_multipart_upload,
        **key, ChecksumAlgorithm="CRC32C", ChecksumType=algorithm_of(play),
    )  # fmt: skip
    upload = key | {"UploadId": created["UploadId"]}
    body = {"PartNumber": 1, "Body": b"test content 123", "ChecksumAlgorithm": "CRC32C"}
    part = play("upload-part", s3.upload_part, **upload, **body)
    listed = parts_of(part, member="ChecksumCRC32C")
    play("complete-multipart-checksum", s3.complete_multipart_upload, **upload, MultipartUpload=listed)
    play("get-object-part", s3.get_object, **key, PartNumber=1, ChecksumMode="ENABLED")
    play("head-object-part", s3.head_object, **key, PartNumber=1, ChecksumMode="ENABLED")
    play.finish()


@semantics("ETag-and-checksum-of-a-copied-part")
@plays("multipart_upload_part_copy_checksum[COMPOSITE]", "multipart_upload_part_copy_checksum[FULL_OBJECT]")
def test_the_checksum_of_a_copied_part(stage: Stage, play: Play) -> None:
    s3, key, mode = stage.boto, {"Key": "test-multipart-checksum"}, algorithm_of(play)
    play("put-object", s3.put_object, Key="source", Body=b"this is a part")
    created = play(
        "create-mpu-checksum-sha256", s3.create_multipart_upload, **key, ChecksumAlgorithm="CRC32C", ChecksumType=mode
    )
    upload = key | {"UploadId": created["UploadId"]}
    source = {"Bucket": play.bucket, "Key": "source"}
    copied = play("upload-part-copy", s3.upload_part_copy, **upload, PartNumber=1, CopySource=source)
    play("list-parts", s3.list_parts, **upload)
    listed = parts_of(copied["CopyPartResult"], member="ChecksumCRC32C")
    play("complete-multipart-checksum", s3.complete_multipart_upload, **upload, MultipartUpload=listed)
    play("get-object-with-checksum", s3.get_object, **key, ChecksumMode="ENABLED")
    play("head-object-with-checksum", s3.head_object, **key, ChecksumMode="ENABLED")
    attributes = ["ETag", "Checksum", "ObjectParts"]
    play("get-object-attrs", s3.get_object_attributes, **key, ObjectAttributes=attributes)
    play.finish()


@plays("put_object_checksum[CRC32]", "put_object_checksum[CRC64NVME]", "put_object_checksum[SHA256]")
def test_checksums_of_plain_objects(stage: Stage, play: Play) -> None:
    s3, algorithm = stage.boto, algorithm_of(play)
    member, body = f"Checksum{algorithm}", {"Body": b"test data.."}
    play("put-wrong-checksum-no-b64", s3.put_object, Key="wrong", **body, **{member: "test"})
    play("put-wrong-checksum-value", s3.put_object, Key="wrong", **body, **{member: WRONG[SIZES[algorithm]]})
    made = play("put-object-autogenerated", s3.put_object, Key="auto", **body, ChecksumAlgorithm=algorithm)
    play("put-object-generated", s3.put_object, Key="given", **body, **{member: made[member]})
    play("head-object-with-checksum", s3.head_object, Key="given", ChecksumMode="ENABLED")
    for step, key in (("auto-generated", "auto"), ("generated", "given")):
        play(f"get-object-attrs-{step}", s3.get_object_attributes, Key=key, ObjectAttributes=["ETag", "Checksum"])
    play.finish()


@plays("s3_get_object_checksum[CRC64NVME]", "s3_get_object_checksum[None]", "s3_get_object_checksum[SHA1]")
def test_checksums_on_reads(stage: Stage, play: Play) -> None:
    s3, key, algorithm = stage.boto, {"Key": "test-checksum-retrieval"}, algorithm_of(play)
    given = {} if algorithm == "None" else {"ChecksumAlgorithm": algorithm}
    play("put-object", s3.put_object, **key, Body=b"test-checksum", **given)
    play("get-object", s3.get_object, **key)
    play("get-object-with-checksum", s3.get_object, **key, ChecksumMode="ENABLED")
    play("head-object-with-checksum", s3.head_object, **key, ChecksumMode="ENABLED")
    play("get-object-attrs", s3.get_object_attributes, **key, ObjectAttributes=["Checksum"])
    play.finish()


@plays("s3_checksum_no_algorithm")
def test_checksums_without_an_algorithm(stage: Stage, play: Play) -> None:
    s3, named = stage.boto, {"Key": "file-sha256", "Body": b"test data.."}
    good = "2l26x0trnT0r2AvakoFk2MB7eKVKzYESLMxSAKAzoik="
    play("put-wrong-checksum", s3.put_object, **named, ChecksumSHA256="test")
    play("put-2-checksums", s3.put_object, **named, ChecksumSHA256=good, ChecksumCRC32=WRONG[4])
    play("put-right-checksum", s3.put_object, **named, ChecksumSHA256=good)
    play("head-obj", s3.head_object, Key=named["Key"], ChecksumMode="ENABLED")
    play.finish()


@plays("s3_checksum_no_automatic_sdk_calculation")
def test_checksums_of_clients_that_send_none(stage: Stage, play: Play) -> None:
    s3, body = stage.s3, b"test data.."
    s3.put_object(Bucket=play.bucket, Key="plain", Body=body)
    play("head-obj-no-checksum", s3.head_object, Key="plain", ChecksumMode="ENABLED")
    play("get-obj-attrs-no-checksum", s3.get_object_attributes, Key="plain", ObjectAttributes=["Checksum"])
    good = "2l26x0trnT0r2AvakoFk2MB7eKVKzYESLMxSAKAzoik="
    s3.put_object(Bucket=play.bucket, Key="right", Body=body, ChecksumSHA256=good)
    play("head-obj-right-checksum", s3.head_object, Key="right", ChecksumMode="ENABLED")
    source = {"Bucket": play.bucket, "Key": "plain"}
    play("copy-obj-default-checksum", s3.copy_object, Key="copied", CopySource=source)
    play("get-copy-obj-attrs-no-checksum", s3.get_object_attributes, Key="copied", ObjectAttributes=["Checksum"])
    play.finish()


@plays(
    "s3_copy_object_with_checksum[CRC32]",
    "s3_copy_object_with_checksum[CRC64NVME]",
    "s3_copy_object_with_checksum[SHA256]",
    "s3_copy_object_with_default_checksum[SHA256]",
)
def test_checksums_of_copies(stage: Stage, play: Play) -> None:
    s3, algorithm, asked = stage.boto, {"ChecksumAlgorithm": algorithm_of(play)}, "with_checksum" in play.case
    source, attributes = {"Bucket": play.bucket, "Key": "source"}, {"ObjectAttributes": ["Checksum"]}
    play("put-object-no-checksum", s3.put_object, Key="source", Body=b"bytes of ours", **({} if asked else algorithm))
    play("object-attrs", s3.get_object_attributes, Key="source", **attributes)
    step = "copy-object-in-place-with-checksum" if asked else "copy-object-in-place-with-no-checksum"
    replace = {"Key": "source", "CopySource": source, "MetadataDirective": "REPLACE"}
    play(step, s3.copy_object, **replace, **(algorithm if asked else {}))
    play("object-attrs-after-copy", s3.get_object_attributes, Key="source", **attributes)
    play("copy-object-to-dest-keep-checksum", s3.copy_object, Key="copied", CopySource=source)
    if not asked:
        play("dest-object-attrs-after-copy", s3.get_object_attributes, Key="copied", **attributes)
    play.finish()


@plays("multipart_copy_object_etag")
def test_the_copy_of_an_object_of_parts_has_none(stage: Stage, play: Play) -> None:
    s3, key = stage.boto, {"Key": "test.file"}
    upload = key | {"UploadId": s3.create_multipart_upload(Bucket=play.bucket, **key)["UploadId"]}
    part = s3.upload_part(Bucket=play.bucket, **upload, PartNumber=1, Body=b"test content 123")
    play("multipart-upload", s3.complete_multipart_upload, **upload, MultipartUpload=parts_of(part))
    source = {"Bucket": play.bucket} | key
    play("copy-object", s3.copy_object, Key="copied", CopySource=source)
    play("copy-object-in-place", s3.copy_object, **key, CopySource=source, MetadataDirective="REPLACE")
    play("head-obj", s3.head_object, **key, ChecksumMode="ENABLED")
    play.finish()
