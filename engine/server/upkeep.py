"""A thread executes lifecycle rules while a store is served, in one of the processes that serve the store."""

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
"""Rules take effect at midnight (UTC); within an hour of it is soon enough."""
STOP_S_MAX = 5.0
"""How long to wait for the step under way. The end of the process cuts a longer one off, which does no harm to any step."""
_log = logging.getLogger("partwright.server")


class Upkeep:
    """Reaps a store at once and then every `interval_s`, from entering until leaving, SIGTERM or SIGINT.

    The first process to take the upkeep lease keeps it until it ends. Then another takes over, and collects what a crash left.
    To be entered in the main thread, for it adds to the handlers of the two signals.
    """

    def __init__(self, store: Store, interval_s: float) -> None:
        self._store = store
        self._interval_s = interval_s
        self._lease: Lease | None = None
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
        if self._lease is not None:
            self._lease.close()

    def _reap(self) -> None:
        self._lease = self._lease or self._store.acquire_upkeep_lease()
        if self._lease is None:
            return
        for _ in self._store.reap_in_steps(collect=not self._has_collected):
            if self._stopping.is_set():
                return
        self._has_collected = True


def _also_at(number: signal.Signals, then: Callable[[], None]) -> None:
    """Call `then` when the signal comes, before the handler that was set earlier."""
    earlier = signal.getsignal(number)

    def handle(number: int, frame: FrameType | None) -> None:
        then()
        if callable(earlier):
            earlier(number, frame)

    signal.signal(number, handle)
