"""The canary of the whole: after the protocol with marked keys nothing holds one, not files, rows, outputs, errors or memory.

All that may be found is named in ALLOWED.
"""

import base64
import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.support import decoder
from tests.support.core_dumps import memory_of
from tests.system.clients.certificates import write_certificate
from tests.system.clients.hosts import Host, Hosts
from tests.system.clients.rules.upload import Upload
from tests.system.clients.servers import ADDRESS, Pair, running, serve

MIB = 1024 * 1024
BODY = hashlib.shake_256(b"the canary's body").digest(6 * MIB)
KEYS = {
    name: hashlib.sha256(name.encode()).digest() for name in ("customer's key", "new key", "wrong key", "mistyped key")
}
SECRET = "canary/" + base64.b64encode(hashlib.sha256(b"secret access key").digest()).decode().rstrip("=")
ALLOWED = {
    "memory: secret access key, raw",
    *(f"memory: {name}, {form}" for name in KEYS for form in ("base64", "MD5 base64", "MD5 raw")),
    *(f"memory: mistyped key, {form}" for form in ("hex", "base64 twice")),
}
"""The server has to know the secret. Of customers' keys the headers as they came, in Python's and granian's buffers, and the MD5 that
these are held against."""

DEBUG = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
logging.debug("every logger shows all that it has")
"""
SSE = "x-amz-server-side-encryption"


def writings(secret: bytes) -> dict[str, bytes]:
    """How a secret may be written, by beginnings, so that a piece is found too."""
    md5 = hashlib.md5(secret).digest()
    return {
        "raw": secret[:16],
        "hex": secret[:16].hex().encode(),
        "HEX": secret[:16].hex().upper().encode(),
        "base64": base64.b64encode(secret)[:20],
        "base64 twice": base64.b64encode(base64.b64encode(secret))[:20],
        "escaped": repr(secret[:16])[2:-1].encode(),
        "MD5 raw": md5,
        "MD5 hex": md5.hex().encode(),
        "MD5 HEX": md5.hex().upper().encode(),
        "MD5 base64": base64.b64encode(md5)[:22],
    }


def found_in(places: Mapping[str, bytes], secrets: Mapping[str, bytes]) -> set[str]:
    """Every writing of every secret, where it is; of text, "escaped" is what it is raw."""
    return {
        f"{place}: {name}, {form}"
        for name, secret in secrets.items()
        for form, text in writings(secret).items()
        if form != "escaped" or text != secret[:16]
        for place, data in places.items()
        if text in data
    }


def customer(name: str, of: str = "") -> dict[str, Any]:
    return {f"{of}SSECustomerAlgorithm": "AES256", f"{of}SSECustomerKey": KEYS[name]}


def headers_of(name: str) -> dict[str, str]:
    encoded, md5 = (base64.b64encode(data).decode() for data in (KEYS[name], hashlib.md5(KEYS[name]).digest()))
    prefix = f"{SSE}-customer-"
    return {f"{prefix}algorithm": "AES256", f"{prefix}key": encoded, f"{prefix}key-MD5": md5}


def members_of(name: str) -> dict[str, str]:
    """For GetObjectAttributes, where botocore encodes nothing."""
    names = ("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5")
    return dict(zip(names, headers_of(name).values(), strict=True))


KINDS: dict[str, dict[str, Any]] = {
    "sealed": customer("customer's key"),
    "s3": {"ServerSideEncryption": "AES256"},
    "kms": {"ServerSideEncryption": "aws:kms"},
    "clear": {},
}


class Canary:
    """A server, a client of it, and all that the server answered but the bodies of objects."""

    def __init__(self, host: Host, client: Any) -> None:
        assert host.server is not None
        self.host, self.server, self.s3 = host, host.server, client
        self.answers: list[bytes] = []
        self.refusals = 0
        self.bucket = {"Bucket": "canary"}
        self.listen(client)

    def listen(self, client: Any) -> None:
        client.meta.events.register("response-received.s3", self._hear)

    def _hear(self, response_dict: dict[str, Any] | None, **_: Any) -> None:
        assert response_dict is not None
        headers = {
            name: text for name, text in response_dict["headers"].items() if not name.lower().endswith("-key-md5")
        }
        self.answers.append(repr(headers).encode())
        if response_dict["status_code"] >= 300:
            self.answers.append(response_dict["body"])

    def refused(
        self,
        operation: str,
        key: str | None = None,
        *,
        client: Any = None,
        headers: Mapping[str, str | None] | None = None,
        **said: Any,
    ) -> None:
        """Ask, with a customer's key by its name, for what is to be refused; `headers` go over what is made of it."""
        client = client or self.s3
        sent: dict[str, str | None] = {**(headers_of(key) if key is not None else {}), **(headers or {})}

        def change(params: dict[str, Any], **_: Any) -> None:
            params["headers"].update({name: text for name, text in sent.items() if text is not None})

        client.meta.events.register("before-call.s3", change)
        try:
            with pytest.raises(ClientError):
                getattr(client, operation)(**self.bucket, **said)
        finally:
            client.meta.events.unregister("before-call.s3", change)
        self.refusals += 1

    def places(self) -> dict[str, bytes]:
        """Everything that is searched but memory, and the key ring's own file."""
        files = [path for path in self.server.store.rglob("*") if path.is_file() and path.name != "keys"]
        names = b"".join(str(path).encode() for path in files)
        return {
            "store": names + b"".join(path.read_bytes() for path in files),
            "outputs": self.server.printed.text.encode(),
            "answers": b"".join(self.answers),
        }

    def memory(self) -> bytes:
        """Of the server's main process and its workers, as core dumps would hold it."""
        pid = self.server.process.pid
        return b"".join(memory_of(each) for each in (pid, *children(pid)))

    def secrets(self) -> dict[str, bytes]:
        ring = decoder.ring((self.server.store / "keys").read_bytes())[1]
        roots = {f"root {number} of the ring": root for number, root in enumerate(ring.values())}
        return {**KEYS, **roots, "secret access key": SECRET.encode()}


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def canary(hosts: Hosts, tmp_path: Path) -> Iterator[Canary]:
    """`partwright serve` over TLS, with every logger of Python's at DEBUG in each of its processes."""
    (tmp_path / "sitecustomize.py").write_text(DEBUG)
    path = os.pathsep.join([str(tmp_path), *(entry for entry in sys.path if entry)])
    certificate, key = write_certificate(tmp_path, ADDRESS)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), "--customer-keys-in-new-buckets", "allow")
    pair = Pair("PWCANARY", SECRET)
    with running(serve(tmp_path, pair, *options, environment={"PYTHONPATH": path})) as server:
        host = Host("canary", pair, hosts.session, server)
        with contextlib.closing(host.client(signature_version="s3v4")) as client:
            yield Canary(host, client)


def write(canary: Canary) -> None:
    """Everything that writes, with each encryption, and an upload that stays open."""
    s3, opened = canary.s3, customer("customer's key", "CopySource")
    s3.create_bucket(**canary.bucket)
    s3.put_object(**canary.bucket, Key="source", Body=BODY[:1000], **customer("customer's key"))
    for key, asked in KINDS.items():
        sent = asked if key == "sealed" else {}
        upload = Upload.begin(s3, "canary", key, **asked)
        upload.part(1, BODY, **sent)
        copied = s3.upload_part_copy(**upload.named, PartNumber=2, CopySource="canary/source", **opened, **sent)
        upload.etags[2] = copied["CopyPartResult"]["ETag"]
        upload.complete()
    for key, asked in (("turned", customer("new key")), ("freed", KINDS["kms"])):
        s3.copy_object(**canary.bucket, Key=key, CopySource="canary/sealed", **opened, **asked)
    Upload.begin(s3, "canary", "open", **KINDS["sealed"]).part(1, BODY, **KINDS["sealed"])


def read(canary: Canary) -> None:
    """Everything that reads, also by a presigned URL."""
    s3 = canary.s3
    whole = BODY + BODY[:1000]
    for key, asked in KINDS.items():
        named = canary.bucket | {"Key": key}
        encoded = members_of("customer's key") if key == "sealed" else {}
        s3.get_object_attributes(**named, **encoded, ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize"])
        named |= asked if key == "sealed" else {}
        assert s3.get_object(**named)["Body"].read() == whole
        assert s3.get_object(**named, Range="bytes=65530-65545")["Body"].read() == whole[65_530:65_546]
        assert s3.get_object(**named, PartNumber=2)["Body"].read() == BODY[:1000]
        s3.head_object(**named, ChecksumMode="ENABLED")
    named = canary.bucket | {"Key": "turned"} | customer("new key")
    url = s3.generate_presigned_url("get_object", Params=named)
    with urllib3.PoolManager(ca_certs=str(canary.server.certificate)) as pool:
        assert pool.request("GET", url, headers=headers_of("new key")).data == whole
        for sent in (headers_of("wrong key"), {}):
            refusal = pool.request("GET", url, headers=sent)
            assert refusal.status in (400, 403)
            canary.answers.append(refusal.data)
    s3.list_objects_v2(**canary.bucket)
    s3.list_multipart_uploads(**canary.bucket)


def be_refused(canary: Canary) -> None:
    """Wrong and malformed keys in everything that takes one; then the same from who signs wrongly, and parts that are damaged."""
    key = KEYS["mistyped key"]
    (upload,) = canary.s3.list_multipart_uploads(**canary.bucket)["Uploads"]
    part = {"Key": "open", "UploadId": upload["UploadId"], "PartNumber": 2}
    asks: list[tuple[str, dict[str, Any]]] = [
        ("get_object", {"Key": "sealed"}),
        ("head_object", {"Key": "sealed"}),
        ("get_object_attributes", {"Key": "sealed", "ObjectAttributes": ["ETag"]}),
        ("upload_part", part | {"Body": BODY}),
        ("upload_part_copy", part | {"CopySource": "canary/clear"}),
    ]
    makes: list[tuple[str, dict[str, Any]]] = [
        ("put_object", {"Key": "new", "Body": BODY[:1000]}),
        ("create_multipart_upload", {"Key": "new"}),
        ("copy_object", {"Key": "new", "CopySource": "canary/clear"}),
    ]
    malformed: list[dict[str, str | None]] = [
        {f"{SSE}-customer-key": base64.b64encode(key[:31]).decode()},
        {f"{SSE}-customer-key": base64.b64encode(base64.b64encode(key)).decode()},
        {f"{SSE}-customer-key": key.hex()},
        {f"{SSE}-customer-key": base64.b64encode(key).decode() + "!"},
        {f"{SSE}-customer-key-MD5": "x"},
        {f"{SSE}-customer-key-MD5": None},
        {f"{SSE}-customer-algorithm": "KMS"},
        {f"{SSE}-customer-algorithm": None},
    ]
    for operation, said in asks:
        canary.refused(operation, **said)
        canary.refused(operation, "wrong key", **said)
    for operation, said in (*asks, *makes):
        for headers in malformed:
            canary.refused(operation, "mistyped key", headers=headers, **said)
    for operation, said in makes:
        canary.refused(operation, "customer's key", headers={SSE: "AES256"}, **said)
    strangers = [
        canary.host.client(pair=Pair("PWCANARY", "wrong" + SECRET[5:])),
        canary.host.client(pair=Pair("PWNOBODY", SECRET)),
    ]
    for client in strangers:
        with contextlib.closing(client):
            canary.listen(client)
            for operation, said in (*asks, *makes):
                canary.refused(operation, "customer's key", client=client, **said)
    damage(canary)
    for operation, said in (("upload_part_copy", part), ("copy_object", {"Key": "new"})):
        opened = customer("customer's key", "CopySource")
        canary.refused(operation, "customer's key", **said, CopySource="canary/sealed", **opened)


def damage(canary: Canary) -> None:
    """Change the last byte of every file of a part."""
    for path in (canary.server.store / "blobs").rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                last = file.read(1)
                file.seek(-1, os.SEEK_END)
                file.write(bytes([last[0] ^ 1]))


@pytest.mark.slow
def test_no_secret_is_anywhere_but_where_it_is_allowed(canary: Canary) -> None:
    write(canary)
    read(canary)
    be_refused(canary)
    assert canary.refusals == 95
    places = canary.places() | {"memory": canary.memory()}
    assert b"DEBUG" in places["outputs"]
    assert places["outputs"].count(b'"status": 200') > 30
    found = found_in(places, canary.secrets())
    assert found <= ALLOWED, sorted(found - ALLOWED)
    assert "memory: secret access key, raw" in found
    leak(canary)


def leak(canary: Canary) -> None:
    """A client that names an object by its key: the search finds it in rows, log and error; and what lies about, in the store."""
    name = KEYS["customer's key"].hex()
    canary.s3.put_object(**canary.bucket, Key=name, Body=KEYS["new key"])
    canary.refused("get_object", Key=f"{name}, which is absent")
    (canary.server.store / "planted").write_bytes(hashlib.md5(KEYS["wrong key"]).digest())
    wanted = {f"{place}: customer's key, hex" for place in ("store", "outputs", "answers")}
    wanted |= {"store: new key, raw", "store: wrong key, MD5 raw"}
    assert found_in(canary.places(), canary.secrets()) - ALLOWED >= wanted
