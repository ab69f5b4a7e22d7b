"""Checksums on the command line: named at Create, given with parts and lists, read back."""

import base64
import hashlib
import json
from pathlib import Path

from tests.support.command_line import CommandLine

KEY = ("--bucket", "photos", "--key", "cat.raw")
MIB = 1024 * 1024


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def test_a_composite_upload_from_create_to_its_attributes(partwright: CommandLine, tmp_path: Path) -> None:
    created = partwright.json("create-multipart-upload", *KEY, "--checksum-algorithm", "SHA512")
    assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == ("SHA512", "COMPOSITE")
    upload = ("--upload-id", created["UploadId"])
    digests = []
    for number, body in enumerate((b"x" * 5 * MIB, b"the rest"), 1):
        path = tmp_path / f"part{number}"
        path.write_bytes(body)
        digests.append(hashlib.sha512(body).digest())
        said = ("--part-number", number, "--body", path, "--checksum-sha512", b64(digests[-1]))
        assert partwright.json("upload-part", *KEY, *upload, *said)["ChecksumSHA512"] == b64(digests[-1])
    listed = partwright.json("list-parts", *KEY, *upload)["Parts"]
    assert [part["ChecksumSHA512"] for part in listed] == list(map(b64, digests))
    members = ("ETag", "PartNumber", "ChecksumSHA512")
    parts = tmp_path / "parts.json"
    parts.write_text(json.dumps({"Parts": [{member: part[member] for member in members} for part in listed]}))
    whole = b64(hashlib.sha512(b"".join(digests)).digest())
    done = partwright.json("complete-multipart-upload", *KEY, *upload, "--multipart-upload", f"file://{parts}")
    assert (done["ChecksumSHA512"], done["ChecksumType"]) == (f"{whole}-2", "COMPOSITE")
    assert partwright.json("head-object", *KEY, "--checksum-mode", "ENABLED")["ChecksumSHA512"] == f"{whole}-2"
    asked = ("--object-attributes", "Checksum", "ObjectParts", "--max-parts", 1)
    told = partwright.json("get-object-attributes", *KEY, *asked)
    assert told["Checksum"] == {"ChecksumSHA512": whole, "ChecksumType": "COMPOSITE"}
    assert (told["ObjectParts"]["TotalPartsCount"], told["ObjectParts"]["IsTruncated"]) == (2, True)
    assert told["ObjectParts"]["Parts"] == [{"PartNumber": 1, "Size": 5 * MIB, "ChecksumSHA512": b64(digests[0])}]


def test_a_missing_checksum_in_the_list_is_named(partwright: CommandLine, tmp_path: Path) -> None:
    created = partwright.json("create-multipart-upload", *KEY, "--checksum-algorithm", "SHA1")
    upload, path = ("--upload-id", created["UploadId"]), tmp_path / "part"
    path.write_bytes(b"part")
    said = ("--part-number", 1, "--body", path, "--checksum-sha1", b64(hashlib.sha1(b"part").digest()))
    etag = partwright.json("upload-part", *KEY, *upload, *said)["ETag"]
    listed = ("--multipart-upload", json.dumps({"Parts": [{"ETag": etag, "PartNumber": 1}]}))
    result = partwright("complete-multipart-upload", *KEY, *upload, *listed)
    assert (result.code, "The upload was created using a sha1 checksum." in result.err) == (254, True)


def test_attributes_of_another_name_are_refused(partwright: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    partwright.output("put-object", *KEY, "--body", tmp_path / "x")
    result = partwright("get-object-attributes", *KEY, "--object-attributes", "Size")
    assert result.code == 254
    assert "Invalid attribute name specified." in result.err
