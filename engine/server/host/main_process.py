"""The main process of a server: it starts the workers, replaces those that die, and hands on the signals.

SIGTERM and SIGINT let requests under way finish, and a second one ends at once. SIGHUP reloads credentials and certificate. A worker
ends when the main process does: it holds one end of a pipe, and sees the other end closed.
"""

import logging
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from engine.errors import StoreError
from engine.server.host.systemd import notify, watchdog_interval_s

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
QUICK_S = 1.0
"""A worker that lives shorter died of its start."""
QUICK_DEATHS_MAX = 5
RETRY_S = 1.0
"""So long after it failed, starting a worker is tried again."""
END_S_MAX = 35.0
"""How long workers may take to end; they give up by themselves before."""
_log = logging.getLogger("partwright.server")


@dataclass(frozen=True, slots=True)
class _Process:
    number: int
    started_s: float
    ready: int
    """The end of a pipe on which the worker says that it serves."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A worker's ends of the pipes to the main process."""

    ready: int
    """To be written to and closed when the worker serves."""
    life: int
    """Is at its end when the main process has ended."""


class _Signals:
    """The signals that have come, one after the other. Handlers put them into a pipe, whichever thread they come to."""

    def __enter__(self) -> Self:
        self._earlier = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        self._come, self._going = os.pipe()
        os.set_blocking(self._going, False)
        signal.set_wakeup_fd(self._going)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._come)
        os.close(self._going)
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def next(self, wait_s: float) -> int | None:
        """Return the number of the next signal, or None if none comes in time."""
        ready, _, _ = select.select([self._come], [], [], max(0.0, wait_s))
        return os.read(self._come, 1)[0] if ready else None


class MainProcess:
    """Keeps `count` worker processes, each of which executes `work(lines)`, until it is told to stop.

    `work` begins with SIGHUP blocked, and unblocks it once it can obey: one that comes before waits.
    """

    def __init__(self, count: int, work: Callable[[Lines], None], reload: Callable[[], None]) -> None:
        """`reload` is called before a SIGHUP is handed on, and raises StoreError if what it reads is wrong.

        What it changes is inherited by the workers that are started later.
        """
        self._count = count
        self._work = work
        self._reload = reload
        self._processes: dict[int, _Process] = {}
        self._life = (-1, -1)
        self._signals = _Signals()
        self._quick_deaths = 0
        self._missing: list[int] = []

    def run(self, announce: Callable[[], None]) -> None:
        """Run the workers; `announce` is called when all of them serve.

        Raises:
            StoreError: workers die as soon as they are started.
        """
        self._life = os.pipe()
        with self._signals:
            try:
                for number in range(1, self._count + 1):
                    self._start(number)
                self._wait_until_ready()
                announce()
                notify(f"READY=1\nMAINPID={os.getpid()}")
                self._watch()
            finally:
                self._end()

    def _start(self, number: int) -> None:
        ready_end, worker_end = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
                os.close(worker_end)
            if pid < 0:
                os.close(ready_end)
        if pid:
            self._processes[pid] = _Process(number, time.monotonic(), ready_end)
            return
        code = 1
        try:
            for process in self._processes.values():
                os.close(process.ready)
            os.close(ready_end)
            os.close(self._life[1])
            self._signals.__exit__()
            _log.info("worker process %s started as number %s", os.getpid(), number)
            self._work(Lines(worker_end, self._life[0]))
            code = 0
        except StoreError as error:
            _log.error("worker process %s ends: %s", os.getpid(), error)
        except BaseException:
            _log.exception("worker process %s ends", os.getpid())
        finally:
            logging.shutdown()
            os._exit(code)

    def _wait_until_ready(self) -> None:
        for process in tuple(self._processes.values()):
            if not os.read(process.ready, 1):
                raise StoreError("a worker process could not start; standard error says why")

    def _watch(self) -> None:
        interval_s = watchdog_interval_s()
        wait_s = interval_s / 2 if interval_s else 60.0
        while True:
            match self._signals.next(min(wait_s, RETRY_S) if self._missing else wait_s):
                case None:
                    notify("WATCHDOG=1")
                    self._start_missing()
                case signal.SIGCHLD:
                    self._replace_dead()
                case signal.SIGHUP:
                    self._hand_on_reload()
                case _:
                    return

    def _hand_on_reload(self) -> None:
        try:
            self._reload()
        except StoreError as error:
            _log.error("nothing was reloaded: %s", error)
            return
        self._send(signal.SIGHUP)
        _log.info("credentials and certificate are reloaded")

    def _reap(self) -> list[_Process]:
        dead = []
        while self._processes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            process = self._processes.pop(pid, None)
            if process is not None:
                os.close(process.ready)
                dead.append(process)
                if status:
                    _log.error("worker process %s ended with status %s", pid, os.waitstatus_to_exitcode(status))
        return dead

    def _replace_dead(self) -> None:
        for process in self._reap():
            is_quick = time.monotonic() - process.started_s < QUICK_S
            self._quick_deaths = self._quick_deaths + 1 if is_quick else 0
            if self._quick_deaths >= QUICK_DEATHS_MAX:
                raise StoreError("worker processes die as soon as they are started; standard error says why")
            self._missing.append(process.number)
        self._start_missing()

    def _start_missing(self) -> None:
        """Start the workers that are missing; those that the system has no room for now are started later."""
        while self._missing:
            try:
                self._start(self._missing[0])
            except OSError as error:
                _log.error("a worker process can't be started now: %s", error.strerror)
                return
            del self._missing[0]

    def _send(self, number: signal.Signals) -> None:
        for pid in self._processes:
            os.kill(pid, number)

    def _end(self) -> None:
        """Stop all workers, and wait for them; a further signal kills them."""
        notify("STOPPING=1")
        self._send(signal.SIGTERM)
        deadline_s = time.monotonic() + END_S_MAX
        while self._processes:
            received = self._signals.next(deadline_s - time.monotonic())
            if received in (None, signal.SIGTERM, signal.SIGINT):
                self._send(signal.SIGKILL)
                deadline_s = time.monotonic() + END_S_MAX
            self._reap()
        for end in self._life:
            os.close(end)
