"""Access keys, their secrets and what is derived from them; nothing here shows a secret in a repr."""

import functools
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SERVICE: Final = "s3"
TERMINATOR: Final = "aws4_request"
SIGNING_KEYS_MAX: Final = 1024
"""How many signing keys a verifier remembers: one for each access key, day and region."""
SECRET_HEADERS: Final = frozenset(
    {
        "x-amz-copy-source-server-side-encryption-customer-key",
        "x-amz-copy-source-server-side-encryption-customer-key-md5",
        "x-amz-security-token",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-md5",
    }
)
"""Their values are never shown, not even to who sent them; an MD5 confirms a guess of a key."""

HIDDEN: Final = b"<hidden>"


class SecretText(str):
    """A text that a log, a debugger or a traceback with its locals does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


class SecretBytes(bytes):
    """Bytes that a log, a debugger or a traceback with its locals does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key with its secret, and the account it belongs to.

    With a `session_token` (temporary credentials) every request must carry it; without one, no request may carry any.
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
"""Stands in for an access key that does not exist, so that refusing it costs what checking costs."""


def derive_signing_key(secret: str, date: str, region: str) -> bytes:
    """The key that signs one day's requests to one region.

    Source: Amazon S3 API Reference, "Calculate signature".
    """
    key = SecretBytes(("AWS4" + secret).encode())
    for part in (date, region, SERVICE, TERMINATOR):
        key = SecretBytes(hmac.digest(key, part.encode(), "sha256"))
    return key


SigningKeys = Callable[[str, str, str], bytes]


def remembered_signing_keys() -> SigningKeys:
    """`derive_signing_key` with a memory; it goes by the secret itself, so that one that was changed is not honoured any more."""
    return functools.lru_cache(maxsize=SIGNING_KEYS_MAX)(derive_signing_key)
