"""Who may do what: access keys with their secrets, owners and bounds, from a TOML file; and the policy that reads them.

[[credentials]]
access_key = "AKIA..."
secret_key = "..."
account_id = "123456789012"
actions = ["s3:GetObject", "s3:List*"]      # absent: all
buckets = ["photos", "team-*"]              # absent: all
"""

import fnmatch
import secrets
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from engine.core import ACCOUNT_ID_DEFAULT, is_account_id
from engine.errors import StoreError
from engine.s3.sigv4 import Credential, Identity

_FIELDS = {"access_key", "secret_key", "account_id", "actions", "buckets"}
_ARN = "arn:aws:s3:::"

Authorize = Callable[[Identity, str, str], bool]
"""authorize(identity, action, resource) -> whether it may; asked before anything that depends on what exists."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one access key may do; patterns with `*` and `?`, None for everything."""

    credential: Credential
    actions: tuple[str, ...] | None = None
    buckets: tuple[str, ...] | None = None

    def allows(self, action: str, resource: str) -> bool:
        """Whether this grant covers an action on a resource (an ARN)."""
        bucket = resource.removeprefix(_ARN).partition("/")[0]
        if bucket == "*":  # the names of all buckets: not for a key bound to some, unless its actions say so
            return _covers(self.actions, action) and (self.buckets is None or self.actions is not None)
        return _covers(self.actions, action) and _covers(self.buckets, bucket)


def _covers(patterns: tuple[str, ...] | None, name: str) -> bool:
    return patterns is None or any(fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)


class Credentials:
    """The access keys of a server; none is built in."""

    __slots__ = ("_grants",)

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._grants = {grant.credential.access_key: grant for grant in grants}

    @staticmethod
    def load(path: str) -> "Credentials":
        """Read the file.

        Raises:
            StoreError: it can't be read, or says something we do not understand; no secret is shown.
        """
        try:
            with open(path, "rb") as file:
                entries = tomllib.load(file).get("credentials")
        except (OSError, ValueError) as error:  # not TOML, or not even UTF-8
            raise StoreError(f"the credentials file {path} can't be read: {error}") from None
        if not isinstance(entries, list) or not entries:
            raise StoreError(f"{path}: there is no [[credentials]] in it")
        grants = [_grant(entry, f"{path}: credentials[{index}]") for index, entry in enumerate(entries)]
        if len({grant.credential.access_key for grant in grants}) < len(grants):
            raise StoreError(f"{path}: an access_key stands there twice")
        return Credentials(grants)

    @staticmethod
    def random() -> "Credentials":
        """One fresh pair that may do everything."""
        access_key = "PW" + secrets.token_hex(9).upper()
        return Credentials([Grant(Credential(access_key, secrets.token_urlsafe(30), ACCOUNT_ID_DEFAULT))])

    def find(self, access_key: str) -> Credential | None:
        """The credential of an access key."""
        grant = self._grants.get(access_key)
        return grant.credential if grant else None

    def authorize(self, identity: Identity, action: str, resource: str) -> bool:
        """The bundled policy: what the key's entry says, and nothing for a key without one."""
        grant = self._grants.get(identity.access_key)
        return grant is not None and grant.allows(action, resource)

    def __len__(self) -> int:
        return len(self._grants)

    def __iter__(self) -> Any:
        return iter(grant.credential for grant in self._grants.values())


def _grant(entry: Any, place: str) -> Grant:
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
        raise StoreError(f"{place}: takes {', '.join(sorted(_FIELDS))}")
    access_key, secret_key = _text(entry, "access_key", place), _text(entry, "secret_key", place)
    account_id = _text({"account_id": ACCOUNT_ID_DEFAULT} | entry, "account_id", place)
    if not is_account_id(account_id):
        raise StoreError(f"{place}: account_id must have 12 digits")
    credential = Credential(access_key, secret_key, account_id)
    return Grant(credential, _patterns(entry, "actions", place), _patterns(entry, "buckets", place))


def _text(entry: dict[str, Any], name: str, place: str) -> str:
    text = entry.get(name)
    if not isinstance(text, str) or not text:
        raise StoreError(f"{place}: {name} must be a text")
    return text


def _patterns(entry: dict[str, Any], name: str, place: str) -> tuple[str, ...] | None:
    patterns = entry.get(name)
    if patterns is None:
        return None
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise StoreError(f"{place}: {name} must be a list of texts")
    return tuple(patterns)
