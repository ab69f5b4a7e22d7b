"""Writes and reads the text form of upload ids."""

import base64
import binascii
import hashlib
import hmac
import struct

from engine.errors import NoSuchUpload
from engine.meta import UploadId

_UPLOAD_ID = struct.Struct(">Q16s6s")
_BINDING_SIZE = 6
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def format_upload_id(bucket: str, key: bytes, upload_id: UploadId) -> str:
    """Write an upload id as text: its time, its nonce and a hash of both with bucket and key, in URL-safe base64 (40 characters).

    The hash tells the id of an ended upload from that of another key's upload; it is no secret.
    """
    packed = _UPLOAD_ID.pack(upload_id.initiated_ns, upload_id.nonce, _binding(bucket, key, upload_id))
    return binascii.b2a_base64(packed, newline=False).translate(_URL_SAFE).decode()


def parse_upload_id(bucket: str, key: bytes, text: str) -> UploadId:
    """Read the text of an upload id.

    Raises:
        NoSuchUpload: it is malformed, or of another bucket or key.
    """
    try:
        packed = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        initiated_ns, nonce, binding = _UPLOAD_ID.unpack(packed)
    except (binascii.Error, ValueError, struct.error):
        raise NoSuchUpload(UploadId=text) from None
    upload_id = UploadId(initiated_ns, nonce)
    if not hmac.compare_digest(binding, _binding(bucket, key, upload_id)):
        raise NoSuchUpload(UploadId=text)
    return upload_id


def _binding(bucket: str, key: bytes, upload_id: UploadId) -> bytes:
    text = b"%d:%d:%b%b" % (upload_id.initiated_ns, len(bucket), bucket.encode(), key)
    return hashlib.blake2b(text, digest_size=_BINDING_SIZE, key=upload_id.nonce).digest()
