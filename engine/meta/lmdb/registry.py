"""What one process has open once a directory, for all Stores that use it; it is closed before a fork, and again open after it."""

import os
import threading
from collections.abc import Callable
from typing import Any

from engine.undisturbed import later, shielded


class Hold:
    """A hold on a shared thing, given back when it is closed or dropped; the last one closes the thing."""

    __slots__ = ("_give_back", "_is_given_back", "thing")

    def __init__(self, thing: Any, give_back: Callable[[], None]) -> None:
        self.thing = thing
        self._give_back = give_back
        self._is_given_back = False

    def close(self) -> None:
        """Give it back; again is harmless."""
        self._give_back()
        self._is_given_back = True

    def __del__(self) -> None:
        if not self._is_given_back:
            later(self._give_back)  # not here: whoever drops the last reference may hold any lock


class Registry:
    """The environments of this process by (device, inode): LMDB allows one a process, so Stores on one directory share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[int, int], tuple[Any, set[object]]] = {}
        self._forker: int | None = None

    @shielded
    def acquire(self, path: str, make: Callable[[], Any]) -> Hold:
        """A hold on the shared thing of a directory, made if nobody has one."""
        status = os.stat(path)
        identity, token = (status.st_dev, status.st_ino), object()
        with self._lock:
            if identity not in self._held:
                self._held[identity] = make(), set()
            thing, tokens = self._held[identity]
            tokens.add(token)
        return Hold(thing, lambda: self._release(identity, token))

    @shielded
    def _release(self, identity: tuple[int, int], token: object) -> None:
        with self._lock:
            thing, tokens = self._held.get(identity, (None, set()))
            if tokens == {token}:
                thing.close()
                del self._held[identity]
            tokens.discard(token)

    @shielded
    def _close_for_fork(self, forker: int) -> None:
        if self._forker != forker:
            self._lock.acquire()
            self._forker = forker
            for thing, _ in self._held.values():
                thing.close_for_fork()

    @shielded
    def _admit_after_fork(self, forker: int) -> None:
        if self._forker == forker:
            for thing, _ in self._held.values():
                thing.admit_after_fork()
            self._forker = None
            self._lock.release()

    @shielded
    def _renew_in_child(self) -> None:
        if self._forker is not None:
            self._lock = threading.Lock()
            self._forker = None
            for thing, _ in self._held.values():
                thing.renew_in_child()

    def watch_forks(self) -> None:
        """Register the three hooks; to be called once.

        Each of them twice: a fork goes on when a hook is interrupted, and the second call waits for the end of what the first began.
        """
        for _ in range(2):
            os.register_at_fork(
                before=lambda: self._close_for_fork(threading.get_ident()),
                after_in_parent=lambda: self._admit_after_fork(threading.get_ident()),
                after_in_child=self._renew_in_child,
            )
