"""Access keys, their secrets and the signing keys derived from them. No repr shows a secret."""

import functools
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SERVICE: Final = "s3"
OUTPOSTS: Final = "s3-outposts"
"""The service that clients sign for when they address an access point on an Outpost."""
TERMINATOR: Final = "aws4_request"
SIGNING_KEYS_MAX: Final = 1024
"""The number of signing keys that a verifier remembers. There is one for each access key, day and region."""
SECRET_HEADERS: Final = frozenset(
    {
        "x-amz-copy-source-server-side-encryption-customer-key",
        "x-amz-copy-source-server-side-encryption-customer-key-md5",
        "x-amz-security-token",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-md5",
    }
)
"""The values of these headers are never shown, not even to their sender. An MD5 would confirm a guess of a key."""

HIDDEN: Final = b"<hidden>"


class SecretText(str):
    """A text whose repr does not show it, in a log, a debugger or a traceback with locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


class SecretBytes(bytes):
    """Bytes whose repr does not show them, in a log, a debugger or a traceback with locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key with its secret, and the account that it belongs to.

    If there is a `session_token` (temporary credentials), every request must have it; otherwise no request may have one.
    """

    access_key: str
    secret_key: str
    account_id: str
    session_token: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "secret_key", SecretText(self.secret_key))
        if self.session_token is not None:
            object.__setattr__(self, "session_token", SecretText(self.session_token))


NOBODY: Final = Credential("", "0" * 40, "")
"""Takes the place of an unknown access key, so that refusing one takes as long as checking a known one."""


def derive_signing_key(secret: str, date: str, region: str, service: str = SERVICE) -> bytes:
    """Derive the key that signs one day's requests to one service in one region.

    Source: Amazon S3 API Reference, "Calculate signature".
    """
    key = SecretBytes(("AWS4" + secret).encode())
    for part in (date, region, service, TERMINATOR):
        key = SecretBytes(hmac.digest(key, part.encode(), "sha256"))
    return key


SigningKeys = Callable[[str, str, str, str], bytes]


def remembered_signing_keys() -> SigningKeys:
    """`derive_signing_key` with a cache. Its key includes the secret, so that a changed secret is in force at once."""
    return functools.lru_cache(maxsize=SIGNING_KEYS_MAX)(derive_signing_key)
