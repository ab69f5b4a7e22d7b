"""The keys of SSE-KMS by name, without a key management service: keys of a key ring, with the aliases and states of AWS KMS.

A request names a key as it would at AWS: its name, `alias/` and an alias, or the ARN of either, whatever region and account are in it.

Source: AWS KMS Developer Guide, "Key states of AWS KMS keys"; AWS KMS API Reference, ScheduleKeyDeletion, CreateAlias.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from engine.encryption.key_ring import KeyRing, Naming, RingKey, new_key
from engine.errors import KMSDisabled, KMSInvalidState, KMSNotFound, StoreError
from engine.record import Record, replace

ALIAS: Final = "alias/"
WAIT_DAYS: Final = range(7, 31)
"""A deletion waits so many days, 30 unless another number is asked for."""
_NAME = re.compile(r"[A-Za-z0-9/_-]{1,250}")
_ARN = re.compile(r"arn:aws[a-z-]*:kms:[^:]*:[^:]*:(?:key/)?(.+)")
_DAY_NS = 24 * 3600 * 10**9


class NamedKey(Record, frozen=True):
    """A key as its owner sees it; `state` is Enabled, Disabled or PendingDeletion."""

    name: str
    aliases: tuple[str, ...]
    state: str
    created_ns: int
    deletion_ns: int | None


class NamedKeys:
    """Makes the named keys of one key ring, lists them and changes their states."""

    __slots__ = ("_ring",)

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def create(self, name: str, aliases: Iterable[str] = ()) -> NamedKey:
        """Make a key of that name, 1 to 250 characters of A-Z, a-z, 0-9, `/`, `_` and `-`, and give it aliases of the same kind.

        Raises:
            StoreError: a name is not valid or taken, or the ring can't be written.
        """
        naming = Naming(tuple(alias.removeprefix(ALIAS) for alias in aliases))
        for each in (name, *naming.aliases):
            if not _NAME.fullmatch(each) or each.startswith(ALIAS):
                raise StoreError(
                    f"{each!r} is no name of a key: 1 to 250 characters of A-Z, a-z, 0-9, '/', '_' and '-'"
                )
        added = new_key(name, naming)

        def change(keys: Mapping[str, RingKey]) -> list[RingKey]:
            taken = {alias for key in keys.values() if key.naming for alias in key.naming.aliases}
            doubles = {name} & keys.keys() | taken & set(naming.aliases)
            if doubles or len(set(naming.aliases)) != len(naming.aliases):
                raise StoreError(
                    f"{self._ring.path}: there is a key or alias {min(doubles or naming.aliases)!r} already"
                )
            return [*keys.values(), added]

        with added.secret:
            self._ring.change(change)
        return _shown(added)

    def list(self) -> tuple[NamedKey, ...]:
        """Return all named keys, oldest first, without those whose deletion has taken effect."""
        return tuple(_shown(key) for key in self._ring.keys().values() if key.naming and not key.is_gone)

    def enable(self, name: str) -> NamedKey:
        """Let a disabled key be used again.

        Raises:
            KMSNotFound.
            KMSInvalidState: its deletion is scheduled.
        """
        return self._change(name, lambda naming: replace(naming, is_enabled=True))

    def disable(self, name: str) -> NamedKey:
        """Let nothing be written or read with a key until it is enabled again.

        Raises:
            as `enable`.
        """
        return self._change(name, lambda naming: replace(naming, is_enabled=False))

    def schedule_deletion(self, name: str, days: int = WAIT_DAYS[-1]) -> NamedKey:
        """Let a key be used no more, and be deleted after 7 to 30 days. What it sealed can then never be read again.

        Raises:
            StoreError: the number of days is out of these bounds.
            KMSNotFound.
            KMSInvalidState: its deletion is scheduled already.
        """
        if days not in WAIT_DAYS:
            raise StoreError(f"a key is deleted after {WAIT_DAYS[0]} to {WAIT_DAYS[-1]} days, not after {days}")
        return self._change(name, lambda naming: replace(naming, deletion_ns=time.time_ns() + days * _DAY_NS))

    def cancel_deletion(self, name: str) -> NamedKey:
        """Keep a key whose deletion was scheduled; it is disabled then.

        Raises:
            KMSNotFound.
            KMSInvalidState: no deletion is scheduled.
        """
        return self._change(name, lambda naming: replace(naming, is_enabled=False, deletion_ns=None), pending=True)

    def usable(self, name: str) -> RingKey:
        """Return the key that a request names.

        Raises:
            KMSNotFound: there is none, or it was deleted.
            KMSDisabled.
            KMSInvalidState: its deletion is scheduled.
        """
        key = _find(self._ring.keys(), name)
        if key.naming is not None and key.naming.deletion_ns is not None:
            raise _pending(key.id)
        if key.naming is not None and not key.naming.is_enabled:
            raise KMSDisabled(f"{key.id} is disabled.")
        return key

    def _change(self, name: str, change: Callable[[Naming], Naming], *, pending: bool = False) -> NamedKey:
        changed: list[RingKey] = []

        def keys_with(keys: Mapping[str, RingKey]) -> list[RingKey]:
            key = _find(keys, name)
            if key.naming is None:
                raise _not_found(name)
            if pending != (key.naming.deletion_ns is not None):
                raise KMSInvalidState(f"{key.id} is not pending deletion.") if pending else _pending(key.id)
            changed.append(replace(key, naming=change(key.naming)))
            return [changed[0] if each is key else each for each in keys.values()]

        self._ring.change(keys_with)
        return _shown(changed[0])


def _find(keys: Mapping[str, RingKey], name: str) -> RingKey:
    arn = _ARN.fullmatch(name)
    wanted = arn[1] if arn else name
    if wanted.startswith(ALIAS):
        alias = wanted.removeprefix(ALIAS)
        key = next((key for key in keys.values() if key.naming and alias in key.naming.aliases), None)
    else:
        key = keys.get(wanted)
    if key is None or key.is_gone:
        raise _not_found(name)
    return key


def _not_found(name: str) -> KMSNotFound:
    return KMSNotFound(f"Key '{name}' does not exist")


def _pending(name: str) -> KMSInvalidState:
    return KMSInvalidState(f"{name} is pending deletion.")


def _shown(key: RingKey) -> NamedKey:
    naming = key.naming or Naming()
    state = "Enabled" if naming.is_enabled else "Disabled"
    state = state if naming.deletion_ns is None else "PendingDeletion"
    return NamedKey(key.id, naming.aliases, state, key.created_ns, naming.deletion_ns)
