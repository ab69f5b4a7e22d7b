"""The moment at which a lifecycle rule acts on an upload, an object or a version, and that rule's id; pure functions.

Days count from the event, and are rounded up to the next midnight UTC. If several rules match, the one that acts first wins. A rule
also applies to uploads and objects that are older than the rule.

Source: User Guide, "Lifecycle rules: based on an object's age" and "Conflicting lifecycle actions".
"""

import functools
import itertools
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from engine.dates import http_date
from engine.lifecycle.rules import unpack_rules
from engine.record import Record
from engine.shapes.lifecycle import LifecycleExpiration, LifecycleRule, Rules

LIFECYCLES_KEPT_MAX = 64
"""How many buckets' rules stay unpacked in memory: those used last."""
DAY_NS = 24 * 3600 * 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DAY = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).days

Action = TypeVar("Action")


class Deadline(Record, frozen=True):
    """The moment at which a rule acts, in ns since the epoch, and the rule's id."""

    at_ns: int
    rule_id: str

    @property
    def moment(self) -> datetime:
        """Return the moment, to the second; at most the last day that a datetime can hold."""
        beyond = self.at_ns >= _LAST_DAY * DAY_NS
        return _EPOCH + (timedelta(days=_LAST_DAY) if beyond else timedelta(seconds=self.at_ns // 10**9))

    def as_expiration(self) -> str:
        """Return the value of x-amz-expiration."""
        rule_id = urllib.parse.quote(self.rule_id, safe="")
        return f'expiry-date="{http_date(self.moment)}", rule-id="{rule_id}"'


def midnight_after(event_ns: int, days: int) -> int:
    """Return the first midnight UTC after `days` whole days since the event, in ns since the epoch."""
    return (event_ns // DAY_NS + days + 1) * DAY_NS


class _Scope(Record, frozen=True):
    """The keys, sizes (bytes) and tags that an enabled rule applies to; `order` is its index among the rules."""

    order: int
    rule_id: str
    prefix: bytes
    tags: tuple[tuple[str, str], ...]
    size_above: int
    size_below: int | None

    @staticmethod
    def of(order: int, rule: LifecycleRule) -> "_Scope":
        conditions = rule.conditions
        above = conditions.object_size_greater_than
        return _Scope(
            order=order,
            rule_id=rule.id or "",
            prefix=(conditions.prefix or "").encode(),
            tags=tuple((tag.key, tag.value) for tag in conditions.tags or ()),
            size_above=-1 if above is None else above,
            size_below=conditions.object_size_less_than,
        )

    def matches(self, key: bytes, size: int, tags: Mapping[str, str]) -> bool:
        return (
            key.startswith(self.prefix)
            and size > self.size_above
            and (self.size_below is None or size < self.size_below)
            and all(tags.get(name) == value for name, value in self.tags)
        )


class _Effects(Generic[Action]):
    """The enabled rules with one kind of action, indexed by prefix and first tag, so that of a thousand rules few are examined."""

    __slots__ = ("_by_demand", "_sizes")

    def __init__(self, rules: Rules, action_of: Callable[[LifecycleRule], Action | None]) -> None:
        self._by_demand: dict[tuple[bytes, tuple[str, str] | None], list[tuple[_Scope, Action]]] = {}
        for order, rule in enumerate(rules):
            action = action_of(rule)
            if rule.status == "Enabled" and action is not None:
                scope = _Scope.of(order, rule)
                self._by_demand.setdefault((scope.prefix, next(iter(scope.tags), None)), []).append((scope, action))
        self._sizes = sorted({len(prefix) for prefix, _ in self._by_demand})

    def __iter__(self) -> Iterator[tuple[_Scope, Action]]:
        return itertools.chain.from_iterable(self._by_demand.values())

    def on(self, key: bytes, size: int, tags: Mapping[str, str]) -> Iterator[tuple[_Scope, Action]]:
        """Yield the rules that match an object of that key, size and tags."""
        for prefix_size in self._sizes:
            if prefix_size > len(key):
                return
            for tag in (None, *tags.items()):
                for scope, action in self._by_demand.get((key[:prefix_size], tag), ()):
                    if scope.matches(key, size, tags):
                        yield scope, action

    @property
    def prefixes(self) -> frozenset[bytes]:
        return frozenset(prefix for prefix, _ in self._by_demand)


class Lifecycle:
    """The enabled rules of one bucket, by kind of action. Keys are bytes, times ns since the epoch, sizes bytes."""

    __slots__ = ("_aborts", "_expirations", "_removals")

    def __init__(self, rules: Rules) -> None:
        self._aborts = _Effects(rules, lambda rule: rule.abort_incomplete_multipart_upload)
        self._expirations = _Effects(rules, lambda rule: rule.expiration)
        self._removals = _Effects(rules, lambda rule: rule.noncurrent_version_expiration)

    @property
    def upload_prefix(self) -> bytes | None:
        """Return the common prefix of the keys of all uploads that a rule may abort; None if no rule aborts any."""
        return _common_prefix(self._aborts.prefixes)

    @property
    def version_prefix(self) -> bytes | None:
        """Return the common prefix of the keys of all objects and versions that a rule may remove; None if no rule removes any."""
        return _common_prefix(self._expirations.prefixes | self._removals.prefixes)

    @property
    def newer_versions_max(self) -> int:
        """Return the largest NewerNoncurrentVersions of any rule."""
        return max((action.newer_noncurrent_versions or 0 for _, action in self._removals), default=0)

    def abort_of(self, key: bytes, initiated_ns: int) -> Deadline | None:
        """Return the moment at which an open upload is aborted; None for never, as below."""
        return _earliest(
            (midnight_after(initiated_ns, action.days_after_initiation), scope)
            for scope, action in self._aborts.on(key, 0, {})
        )

    def expiration_of(self, key: bytes, size: int, tags: Mapping[str, str], modified_ns: int) -> Deadline | None:
        """Return the moment at which an object, the current version of its key, expires."""
        return _earliest(
            (at_ns, scope)
            for scope, action in self._expirations.on(key, size, tags)
            if (at_ns := _expires(action, modified_ns)) is not None
        )

    def marker_removal_of(self, key: bytes, marked_ns: int) -> Deadline | None:
        """Return the moment at which a delete marker, the only version of its key, is removed: by age as an object, or at once."""
        return _earliest(
            (at_ns, scope)
            for scope, action in self._expirations.on(key, 0, {})
            if (at_ns := marked_ns if action.expired_object_delete_marker else _expires(action, marked_ns)) is not None
        )

    def version_removal_of(
        self, key: bytes, size: int, tags: Mapping[str, str], replaced_ns: int, newer_count: int
    ) -> Deadline | None:
        """Return the moment at which a noncurrent version is removed.

        It was replaced at `replaced_ns`, and `newer_count` noncurrent versions are newer than it.
        """
        return _earliest(
            (midnight_after(replaced_ns, action.noncurrent_days), scope)
            for scope, action in self._removals.on(key, size, tags)
            if newer_count >= (action.newer_noncurrent_versions or 0)
        )


@functools.lru_cache(maxsize=LIFECYCLES_KEPT_MAX)
def lifecycle_of(document: bytes | None) -> Lifecycle:
    """Return the lifecycle of packed rules; None stands for a bucket without rules."""
    return Lifecycle(unpack_rules(document) if document is not None else ())


def _expires(action: LifecycleExpiration, modified_ns: int) -> int | None:
    if action.days is not None:
        return midnight_after(modified_ns, action.days)
    return None if action.date is None else (action.date - _EPOCH).days * DAY_NS


def _common_prefix(prefixes: Iterable[bytes]) -> bytes | None:
    ordered = sorted(prefixes)
    if not ordered:
        return None
    pairs = zip(ordered[0], ordered[-1], strict=False)
    return ordered[0][: sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))]


def _earliest(ends: Iterable[tuple[int, _Scope]]) -> Deadline | None:
    """Return the earliest deadline; of two at one moment the one whose rule comes first."""
    first = min(ends, key=lambda end: (end[0], end[1].order), default=None)
    return Deadline(first[0], first[1].rule_id) if first is not None else None
