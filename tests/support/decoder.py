"""Reads sealed parts over `cryptography`, written from docs/encryption-format.md alone: shares no line with the engine."""

import hmac
import json
import math
import struct
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

D = b"partwright v1"
SEGMENT, TAG, HEADER = 65536, 16, 80


def be32(number: int) -> bytes:
    return struct.pack(">I", number)


def extract(salt: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt, secret, "sha256")


def expand(key: bytes, info: bytes, size: int = 32) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=size, info=info).derive(key)


def opened(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag as error:
        raise ValueError("a tag is wrong") from error


def context(bucket: str, key: str, upload_id: bytes) -> bytes:
    return b"".join(be32(len(each)) + each for each in (bucket.encode(), key.encode(), upload_id))


def data_key(root: bytes, stored: Any, bucket: str, key: str) -> bytes:
    """Of an upload or object; `stored` has upload_id, salt, commitment and wrapped."""
    ctx = context(bucket, key, stored.upload_id)
    prk = extract(stored.salt, root)
    if not hmac.compare_digest(expand(prk, D + b"commit" + ctx), stored.commitment):
        raise ValueError("another root")
    return opened(expand(prk, D + b"wrap" + ctx), bytes(12), stored.wrapped, b"\x01")


def part_root(data_key: bytes) -> bytes:
    return expand(data_key, D + b"data")


def etag(data_key: bytes, number: int, md5: bytes) -> bytes:
    return hmac.digest(expand(data_key, D + b"etag"), be32(number) + md5, "sha256")[:16]


def checksum(data_key: bytes, number: int, etag: bytes, sealed: bytes) -> bytes:
    return opened(expand(data_key, D + b"meta"), sealed[:12], sealed[12:], be32(number) + etag)


def part(root: bytes, number: int, data: bytes) -> bytes:
    """The plaintext of a sealed part, all of it or nothing."""
    preamble, salt, commitment = data[:16], data[16:48], data[48:HEADER]
    if preamble != b"PWE\x01\x01\0\0\0" + be32(SEGMENT) + be32(number):
        raise ValueError("no sealed part, or another one")
    if not hmac.compare_digest(expand(root, D + b"commit" + be32(number) + salt), commitment):
        raise ValueError("another key")
    okm = expand(root, D + b"part" + be32(number) + salt, 39)
    body = data[HEADER:]
    count = math.ceil(len(body) / (SEGMENT + TAG))
    plain = []
    for i in range(count):
        nonce = okm[32:] + be32(i) + bytes([i == count - 1])
        plain.append(opened(okm[:32], nonce, body[i * (SEGMENT + TAG) : (i + 1) * (SEGMENT + TAG)], preamble))
    if not count or (count > 1 and not plain[-1]):
        raise ValueError("of a length that no part has")
    return b"".join(plain)


def ring(data: bytes) -> tuple[str, dict[str, bytes]]:
    """The active id and the keys of a key ring's file."""
    assert data[:4] == b"PWK\x01"
    (size,) = struct.unpack(">I", data[4:8])
    header, rest = json.loads(data[8 : 8 + size]), data[8 + size :]
    keys = {row["id"]: rest[i * 32 : i * 32 + 32] for i, row in enumerate(header["keys"])}
    assert len(rest) == 32 * len(keys)
    for row in header["keys"]:
        assert expand(keys[row["id"]], D + b"ring" + row["id"].encode())[:16].hex() == row["check"]
    return header["active"], keys
