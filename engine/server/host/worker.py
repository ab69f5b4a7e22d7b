"""One worker process: a few threads take turns at connections that are ready, others do what may wait for a client or a disk."""

import errno
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.server.application import Application
from engine.server.host.connection import Connection, Phase
from engine.server.host.pace import Paces
from engine.server.host.transport import accept

TURNS = 1
"""Threads that take turns. More would fight for the interpreter's lock; processors beyond one are for other workers."""
TURNS_MAX = 64
STUCK_S = 0.1
"""A turn that takes longer, at a slow disk, gets a substitute until it is over."""
WRITE_WAIT_S_MAX = 0.002
"""How long small writes may wait for the disk on average, and still be worked on in a turn."""
_LOOKED_BACK = 8
_LOOK_EVERY = 32
WAITING_MAX = 1024
"""Requests that may wait for one of the threads that may wait; more are answered with SlowDown."""
DRAIN_S_MAX = 30.0
"""How long requests under way may take to finish when the server is stopped."""
TICK_S = 0.1
DESCRIPTORS_APART = 512
"""Descriptors that are left to the store, for the files of requests under way."""
_ACCEPTED_IN_A_TURN = 16
_log = logging.getLogger("partwright.server")


class Writes:
    """Decides whether small writes are worked on in a turn, or handed over, as the waits for the disk of recent ones were.

    Handing over costs about as much as the write itself, since threads then fight for the interpreter's lock; it is worth that only
    where others' turns would come much later.
    """

    __slots__ = ("_count", "_mean_s")

    def __init__(self) -> None:
        self._mean_s = 0.0
        self._count = 0

    def fit_in_a_turn(self) -> bool:
        """Tell whether the next write is to be done in this turn; now and then one is, to see whether the disk is still slow."""
        self._count += 1
        return self._mean_s < WRITE_WAIT_S_MAX or self._count % _LOOK_EVERY == 0

    def in_a_turn(self, work: Callable[[], None]) -> None:
        """Do a write in this turn, and remember how long it waited for the disk."""
        wall_s, busy_s = time.perf_counter(), time.thread_time()
        work()
        waited_s = time.perf_counter() - wall_s - (time.thread_time() - busy_s)
        self._mean_s += (waited_s - self._mean_s) / _LOOKED_BACK


class _Turn:
    """One of the threads that take turns."""

    __slots__ = ("busy_since_s", "is_replaced")

    def __init__(self) -> None:
        self.busy_since_s: float | None = None
        self.is_replaced = False


class Worker:
    """Serves connections of one listening socket, which other processes may share."""

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        *,
        threads: int,
        connections_max: int,
        idle_timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.application = application
        self.paces = Paces()
        self.writes = Writes()
        self.idle_timeout_s = idle_timeout_s
        self.is_draining = False
        self._listener = listener
        self.tls = tls
        self._threads = threads
        self._connections_max = connections_max
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._is_listening = False
        self._is_over = False
        self._turns: list[_Turn] = []
        self._lock = threading.Lock()
        self._handed_over = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="partwright-work")
        self._stopping = threading.Event()
        self._scanned_s = 0.0

    def run(self, alive: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`, then let requests under way finish; `alive` is called several times a second while turns are taken."""
        self._listen()
        for _ in range(TURNS):
            self._add_turn()
        while not self._stopping.wait(TICK_S):
            self._tick()
            alive()
        self._drain()

    def stop(self) -> None:
        """Make `run` end; for signal handlers."""
        self._stopping.set()

    def hand_over(self, connection: Connection) -> bool:
        with self._lock:
            if self._handed_over >= self._threads + WAITING_MAX:
                return False
            self._handed_over += 1
        self._pool.submit(self._work, connection)
        return True

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection.fileno(), None)

    def _work(self, connection: Connection) -> None:
        try:
            self._go_on(connection, connection.work)
        finally:
            with self._lock:
                self._handed_over -= 1

    def _go_on(self, connection: Connection, go_on: Callable[[], int]) -> None:
        try:
            events = go_on()
            if events:
                self._epoll.modify(connection.fileno(), events | select.EPOLLONESHOT)
        except Exception:
            _log.exception("a connection failed")
            connection.close()

    def _add_turn(self) -> None:
        turn = _Turn()
        self._turns.append(turn)
        threading.Thread(target=self._take_turns, args=(turn,), name="partwright-turn", daemon=True).start()

    def _take_turns(self, turn: _Turn) -> None:
        while not turn.is_replaced and not self._is_over:
            for descriptor, _ in self._epoll.poll(1.0, 1):
                turn.busy_since_s = time.monotonic()
                connection = self._connections.get(descriptor)
                if connection is not None:
                    self._go_on(connection, connection.step)
                elif descriptor == self._listener.fileno():
                    self._accept()
                turn.busy_since_s = None
        self._turns.remove(turn)

    def _listen(self) -> None:
        if not self._is_listening and not self.is_draining and len(self._connections) < self._connections_max:
            self._is_listening = True
            self._epoll.register(self._listener.fileno(), select.EPOLLIN | select.EPOLLEXCLUSIVE)

    def _listen_no_more(self) -> None:
        if self._is_listening:
            self._is_listening = False
            self._epoll.unregister(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_IN_A_TURN):
            if len(self._connections) >= self._connections_max:
                return self._listen_no_more()
            try:
                accepted, address = self._listener.accept()
            except BlockingIOError:
                return None
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._listen_no_more()  # until the next tick
                return None
            self._welcome(accepted, str(address[0]))
        return None

    def _welcome(self, accepted: socket.socket, remote: str) -> None:
        try:
            connection = Connection(accept(accepted, self.tls), remote, self)
        except OSError:
            accepted.close()
            return
        self._connections[connection.fileno()] = connection
        self._epoll.register(connection.fileno(), select.EPOLLIN | select.EPOLLONESHOT)

    def _tick(self) -> None:
        self._listen()
        now_s = time.monotonic()
        for turn in tuple(self._turns):
            since_s = turn.busy_since_s
            is_stuck = since_s is not None and now_s - since_s > STUCK_S
            if is_stuck and not turn.is_replaced and len(self._turns) < TURNS_MAX:
                turn.is_replaced = True
                self._add_turn()
        if now_s - self._scanned_s >= 1:
            self._scanned_s = now_s
            self.paces.judge(self._handed_over > self._threads)
            for connection in tuple(self._connections.values()):
                if connection.deadline_s <= now_s:
                    connection.expire()

    def _drain(self) -> None:
        self.is_draining = True
        self._listen_no_more()
        self._listener.close()
        deadline_s = time.monotonic() + DRAIN_S_MAX
        while self._connections and time.monotonic() < deadline_s:
            for connection in tuple(self._connections.values()):
                if connection.phase in (Phase.HANDSHAKE, Phase.IDLE) and not connection.is_overdue:
                    connection.expire()
            self._tick()
            time.sleep(TICK_S / 4)
        self._is_over = True
        self._pool.shutdown(wait=not self._connections, cancel_futures=True)
