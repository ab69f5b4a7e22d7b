"""SSE-C: reads the customer's key from a request, with S3's checks and their texts, and makes the errors of later requests.

Source: Amazon S3 User Guide, "Using server-side encryption with customer-provided keys", and AWS's own answers.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.closing import Closing
from engine.encryption.upload_keys import Root
from engine.errors import AccessDenied, InvalidArgument, InvalidEncryptionAlgorithmError, InvalidRequest
from engine.native.errors import KeyTextInvalid
from engine.native.secret import KEY_SIZE, Secret

ALGORITHM: Final = "AES256"
_NAME: Final = "x-amz-server-side-encryption"
_WITH: Final = "Requests specifying Server Side Encryption with Customer provided keys must "


class CustomerKey(Closing):
    """A customer's key, with the algorithm and MD5 that S3 echoes. Use it in a `with`, or close it."""

    __slots__ = ("key_md5", "secret")

    algorithm = ALGORITHM

    def __init__(self, secret: Secret, key_md5: str) -> None:
        """Take over the secret; `key_md5` is its MD5 in base64."""
        self.secret = secret
        self.key_md5 = key_md5

    def root(self) -> Root:
        """Return this key as the root of an upload's keys. The root borrows the secret."""
        return Root("SSE-C", self.secret)

    def close(self) -> None:
        """Wipe the key. Closing twice is allowed."""
        self.secret.close()

    def __repr__(self) -> str:
        return "<CustomerKey>"


def customer_key_of_headers(
    algorithm: str | None, key: str | None, key_md5: str | None, server_side_encryption: str | None = None
) -> CustomerKey | None:
    """Make the key of a request's SSE-C headers; None if it has none of them. The header's text itself stays with the server.

    Raises:
        InvalidArgument, InvalidEncryptionAlgorithmError: the headers do not form a key.
    """
    if not _is_requested(algorithm, key, key_md5, server_side_encryption):
        return None
    if key is None:
        raise _invalid(_WITH + "provide an appropriate secret key.")
    if key_md5 is None:
        raise _invalid(_WITH + "provide the client calculated MD5 of the secret key.")
    text = key.encode(errors="replace")
    try:
        secret = Secret.of_base64(text)
    except KeyTextInvalid:
        raise _invalid_key(text, key_md5) from None
    return _compared(secret, key_md5)


def customer_key_of_bytes(
    algorithm: str | None,
    key: bytes | str | None,
    key_md5: str | None = None,
    server_side_encryption: str | None = None,
) -> CustomerKey | None:
    """Make the key of a caller in this process, who passes it raw as with boto3. Without an MD5 nothing is compared.

    Raises:
        InvalidArgument, InvalidEncryptionAlgorithmError: the arguments do not form a key.
    """
    if not _is_requested(algorithm, key, key_md5, server_side_encryption):
        return None
    if key is None:
        raise _invalid(_WITH + "provide an appropriate secret key.")
    raw = _encoded(key) if isinstance(key, str) else key
    if len(raw) != KEY_SIZE:
        raise _invalid("The secret key was invalid for the specified algorithm.")
    secret = Secret.of_bytes(raw)
    return CustomerKey(secret, _in_base64(secret.md5())) if key_md5 is None else _compared(secret, key_md5)


@contextlib.contextmanager
def requested_customer_key(members: Mapping[str, Any], prefix: str = "") -> Iterator[CustomerKey | None]:
    """Provide the customer's key among a request's members for a `with`, and wipe it at the end.

    The server passes a CustomerKey that it made of headers; other callers pass the raw key.

    Raises:
        InvalidArgument, InvalidEncryptionAlgorithmError: the members do not form a key.
    """
    key = members.get(f"{prefix}sse_customer_key")
    if not isinstance(key, CustomerKey):
        algorithm, key_md5 = (
            members.get(f"{prefix}sse_customer_algorithm"),
            members.get(f"{prefix}sse_customer_key_md5"),
        )
        other = None if prefix else members.get("server_side_encryption")
        key = customer_key_of_bytes(algorithm, key, key_md5, other)
    with contextlib.nullcontext() if key is None else key:
        yield key


def _encoded(text: str) -> bytes:
    """Encode a key given as text, in which surrogates stand for bytes that are not UTF-8, as in a command line."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return b""


def _is_requested(algorithm: str | None, key: object, key_md5: str | None, server_side_encryption: str | None) -> bool:
    """Tell whether the request uses SSE-C; if so, check its algorithm and that it requests no other encryption."""
    if algorithm is None and key is None and key_md5 is None:
        return False
    if server_side_encryption is not None:
        raise InvalidArgument(
            "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
            ArgumentName=_NAME,
            ArgumentValue=server_side_encryption,
        )
    if algorithm is None:
        raise _invalid(_WITH + "provide a valid encryption algorithm.")
    if algorithm != ALGORITHM:
        raise InvalidEncryptionAlgorithmError(ArgumentName=_NAME, ArgumentValue=algorithm)
    return True


def _compared(secret: Secret, key_md5: str) -> CustomerKey:
    computed = _in_base64(secret.md5())
    if not hmac.compare_digest(computed.encode(), key_md5.encode(errors="replace")):
        secret.close()
        raise _invalid(_MD5_DIFFERS)
    return CustomerKey(secret, computed)


def _invalid_key(text: bytes, key_md5: str) -> InvalidArgument:
    """Choose the error for a text that is not a key: S3 compares the MD5 first, then the length."""
    computed = _md5_of(text)
    if computed is not None and not hmac.compare_digest(computed.encode(), key_md5.encode(errors="replace")):
        return _invalid(_MD5_DIFFERS)
    return _invalid("The secret key was invalid for the specified algorithm.")


def _md5_of(text: bytes) -> str | None:
    """Return the MD5 of a malformed key, or None if it is not base64; by 4 characters, so that Python never has the whole key."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        for start in range(0, len(text), 4):
            digest.update(base64.b64decode(text[start : start + 4], validate=True))
    except binascii.Error:
        return None
    return None if b"=" in text[:-2] else _in_base64(digest.digest())


_MD5_DIFFERS = "The calculated MD5 hash of the key did not match the hash that was provided."


def _in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _invalid(message: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=_NAME)


def key_missing() -> InvalidRequest:
    """Return the error for a read of an SSE-C object without its key."""
    return InvalidRequest(
        "The object was stored using a form of Server Side Encryption. "
        "The correct parameters must be provided to retrieve the object."
    )


def key_wrong() -> AccessDenied:
    """Return the error for a read of an SSE-C object with another key."""
    return AccessDenied(_WITH + "provide the correct secret key.")


def key_not_applicable() -> InvalidRequest:
    """Return the error for a read with a key of an object that is not encrypted by SSE-C."""
    return InvalidRequest("The encryption parameters are not applicable to this object.")


def part_without_key() -> InvalidRequest:
    """Return the error for a part without a key of an SSE-C upload, and for a part with a key of any other upload."""
    return InvalidRequest(
        "The multipart upload initiate requested encryption. "
        "Subsequent part requests must include the appropriate encryption parameters."
    )


def part_with_other_key() -> InvalidRequest:
    """Return the error for a part with another key than its upload was created with."""
    return InvalidRequest("The provided encryption parameters did not match the ones used originally.")


def connection_insecure() -> InvalidRequest:
    """Return the error for a key that came over plain HTTP."""
    return InvalidRequest(_WITH + "be made over a secure connection.")


def bucket_blocks_customer_keys(account_id: str, bucket: str, key: str) -> AccessDenied:
    """Return the error for a write with a key into a bucket that blocks SSE-C."""
    return AccessDenied(
        f"User: arn:aws:iam::{account_id}:root is not authorized to perform: s3:PutObject on resource: "
        f'"arn:aws:s3:::{bucket}/{key}" because this bucket has blocked upload '
        "requests that specify Server Side Encryption with Customer provided keys (SSE-C). "
        "Please specify a different server-side encryption type"
    )
