"""Shares one object a directory between all Stores of a process; it is closed before a fork and reopened after it."""

import os
import threading
from collections.abc import Callable
from typing import Any

from engine.undisturbed import later, shielded


class Reference:
    """A counted reference to a shared object, released by `close` or when dropped; the last one closes the object."""

    __slots__ = ("_is_released", "_release", "target")

    def __init__(self, target: Any, release: Callable[[], None]) -> None:
        self.target = target
        self._release = release
        self._is_released = False

    def close(self) -> None:
        """Release the reference; closing twice is harmless."""
        self._release()
        self._is_released = True

    def __del__(self) -> None:
        if not self._is_released:
            later(self._release)  # not on this thread: it may hold any lock


class Registry:
    """The shared objects of this process by (device, inode): LMDB allows a process to open an environment only once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[int, int], tuple[Any, set[object]]] = {}
        self._forker: int | None = None

    @shielded
    def acquire(self, path: str, make: Callable[[], Any]) -> Reference:
        """Return a reference to the shared object of a directory, made by `make` if there is none yet."""
        status = os.stat(path)
        identity, token = (status.st_dev, status.st_ino), object()
        with self._lock:
            if identity not in self._entries:
                self._entries[identity] = make(), set()
            target, tokens = self._entries[identity]
            tokens.add(token)
        return Reference(target, lambda: self._release(identity, token))

    @shielded
    def _release(self, identity: tuple[int, int], token: object) -> None:
        with self._lock:
            target, tokens = self._entries.get(identity, (None, set()))
            if tokens == {token}:
                target.close()
                del self._entries[identity]
            tokens.discard(token)

    @shielded
    def _close_for_fork(self, forker: int) -> None:
        if self._forker != forker:
            self._lock.acquire()
            self._forker = forker
            for target, _ in self._entries.values():
                target.close_for_fork()

    @shielded
    def _admit_after_fork(self, forker: int) -> None:
        if self._forker == forker:
            for target, _ in self._entries.values():
                target.admit_after_fork()
            self._forker = None
            self._lock.release()

    @shielded
    def _renew_in_child(self) -> None:
        if self._forker is not None:
            self._lock = threading.Lock()
            self._forker = None
            for target, _ in self._entries.values():
                target.renew_in_child()

    def watch_forks(self) -> None:
        """Register the three fork hooks. Call this once.

        Each is registered twice: a fork goes on when a hook is interrupted, and the second call waits until the first one has ended.
        """
        for _ in range(2):
            os.register_at_fork(
                before=lambda: self._close_for_fork(threading.get_ident()),
                after_in_parent=lambda: self._admit_after_fork(threading.get_ident()),
                after_in_child=self._renew_in_child,
            )
