"""Access keys with their secrets, accounts and permissions, from a TOML file, and the policy that decides by them.

[[credentials]]
access_key = "AKIA..."
secret_key = "..."
account_id = "123456789012"
actions = ["s3:GetObject", "s3:List*"]      # absent: all
buckets = ["photos", "team-*"]              # absent: all
any_account = true                          # the operator's key, which acts in the buckets of every account; needs buckets = ["*"]
"""

import fnmatch
import os
import secrets
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from engine.core import ACCOUNT_ID_DEFAULT, is_account_id
from engine.errors import StoreError
from engine.s3.sigv4 import Credential, Identity

_FIELDS = {"access_key", "secret_key", "account_id", "actions", "buckets", "any_account"}
_ARN = "arn:aws:s3:::"

Authorize = Callable[[Identity, str, str], bool]
"""authorize(identity, action, resource) -> whether it is allowed; called before anything is looked up in the store."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one access key may do: patterns of actions and of bucket names, with `*` and `?`; None allows all."""

    credential: Credential
    actions: tuple[str, ...] | None = None
    buckets: tuple[str, ...] | None = None
    any_account: bool = False
    """Whether it is the operator's key, which acts in the buckets of every account."""

    def allows(self, action: str, resource: str) -> bool:
        """Tell whether this grant allows an action on a resource (an ARN)."""
        bucket = resource.removeprefix(_ARN).partition("/")[0]
        if bucket == "*":  # ListBuckets shows all names: a key restricted to some buckets needs it in its `actions`
            is_bound = self.buckets is not None and not self.any_account
            return _covers(self.actions, action) and (not is_bound or self.actions is not None)
        return _covers(self.actions, action) and _covers(self.buckets, bucket)


def _covers(patterns: tuple[str, ...] | None, name: str) -> bool:
    return patterns is None or any(fnmatch.fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)


class Credentials:
    """The access keys of a server. There are no built-in ones."""

    __slots__ = ("_grants",)

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._grants = {grant.credential.access_key: grant for grant in grants}

    @staticmethod
    def load(path: str) -> "Credentials":
        """Read the file.

        Raises:
            StoreError: the file can't be read, others than its owner can read it, or it has an unknown or malformed member. The message
                shows no secret.
        """
        try:
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise StoreError(f"the credentials file {path} can be read by others: chmod 600 {path}")
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
        """Make one new random pair that may do everything, in the buckets of every account."""
        access_key = "PW" + secrets.token_hex(9).upper()
        credential = Credential(access_key, secrets.token_urlsafe(30), ACCOUNT_ID_DEFAULT)
        return Credentials([Grant(credential, any_account=True)])

    def replace_by(self, others: "Credentials") -> None:
        """Take the grants of other credentials in place of these, for requests from now on."""
        self._grants = others._grants

    def find(self, access_key: str) -> Credential | None:
        """Return the credential of an access key, or None."""
        grant = self._grants.get(access_key)
        return grant.credential if grant else None

    def authorize(self, identity: Identity, action: str, resource: str) -> bool:
        """Decide by the `actions` and `buckets` of the access key's entry; a key without an entry may do nothing.

        Anonymous requests have no entry: the policies of buckets decide about them.
        """
        if not identity.signed:
            return True
        grant = self._grants.get(identity.access_key)
        return grant is not None and grant.allows(action, resource)

    def is_operator(self, identity: Identity) -> bool:
        """Tell whether a key acts in the buckets of every account."""
        grant = self._grants.get(identity.access_key)
        return grant is not None and grant.any_account

    def __len__(self) -> int:
        return len(self._grants)

    def __iter__(self) -> Any:
        return iter(grant.credential for grant in self._grants.values())


def _grant(entry: Any, where: str) -> Grant:
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
        raise StoreError(f"{where}: takes {', '.join(sorted(_FIELDS))}")
    access_key, secret_key = _text(entry, "access_key", where), _text(entry, "secret_key", where)
    account_id = _text({"account_id": ACCOUNT_ID_DEFAULT} | entry, "account_id", where)
    if not is_account_id(account_id):
        raise StoreError(f"{where}: account_id must have 12 digits")
    credential = Credential(access_key, secret_key, account_id)
    actions, buckets = _patterns(entry, "actions", where), _patterns(entry, "buckets", where)
    any_account = entry.get("any_account", False)
    if not isinstance(any_account, bool) or (any_account and buckets != ("*",)):
        raise StoreError(f'{where}: any_account is true or false, and true only together with buckets = ["*"]')
    return Grant(credential, actions, buckets, any_account)


def _text(entry: dict[str, Any], name: str, where: str) -> str:
    text = entry.get(name)
    if not isinstance(text, str) or not text:
        raise StoreError(f"{where}: {name} must be a text")
    return text


def _patterns(entry: dict[str, Any], name: str, where: str) -> tuple[str, ...] | None:
    patterns = entry.get(name)
    if patterns is None:
        return None
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise StoreError(f"{where}: {name} must be a list of texts")
    return tuple(patterns)
