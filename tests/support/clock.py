"""A store's clock in the hands of the test: days pass without waiting."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import engine

DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    """What the time is; it goes on only when told to."""

    now: datetime = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)

    def __call__(self) -> int:
        return (self.now - _EPOCH) // timedelta(microseconds=1) * 1000

    def go_on(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span


def clocked(store: engine.Store) -> Clock:
    """Give a store such a clock."""
    clock = Clock()
    store._context._clock = clock
    return clock
