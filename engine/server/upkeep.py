"""Upkeep: a thread that executes lifecycle rules while a store is served; of all processes that serve the store, one does it."""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from engine.directory.leases import Lease
from engine.errors import StoreError
from engine.store import Store

INTERVAL_S_DEFAULT = 3600.0
"""Rules act at midnights: within an hour of it is soon enough."""
STOP_S_MAX = 5.0
"""How long a step under way is waited for; one that takes longer is cut off by the end of the process, which every step may be."""
_log = logging.getLogger("partwright.server")


class Upkeep:
    """Reaps a store at once and then every `interval_s`, from entering until leaving or until a signal asks the process to end.

    Whoever comes first has the right to do it until its process ends, then another takes over, and collects the garbage of a crash.
    For the main thread of a process that ends gently by SIGTERM and SIGINT.
    """

    def __init__(self, store: Store, interval_s: float) -> None:
        self._store = store
        self._interval_s = interval_s
        self._right: Lease | None = None
        self._has_collected = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="partwright-upkeep", daemon=True)

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            _also_at(number, self._stopping.set)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(STOP_S_MAX)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._reap()
            except StoreError as error:
                _log.error("reaping failed, and is tried again in %s s: %s", self._interval_s, error)
            except Exception:
                _log.exception("reaping failed, and is tried again in %s s", self._interval_s)
            self._stopping.wait(self._interval_s)
        if self._right is not None:
            self._right.close()

    def _reap(self) -> None:
        self._right = self._right or self._store.acquire_upkeep_lease()
        if self._right is None:
            return
        for _ in self._store.reap_in_steps(collect=not self._has_collected):
            if self._stopping.is_set():
                return
        self._has_collected = True


def _also_at(number: signal.Signals, then: Callable[[], None]) -> None:
    """Do something when a signal comes, before whatever else is done then."""
    earlier = signal.getsignal(number)

    def handle(number: int, frame: FrameType | None) -> None:
        then()
        if callable(earlier):
            earlier(number, frame)

    signal.signal(number, handle)
