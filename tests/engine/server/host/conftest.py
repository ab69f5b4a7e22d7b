"""A worker of the host in a thread of the test, over a real store and real sockets."""

import contextlib
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.s3.sigv4 import Credential
from engine.server.application import Application
from engine.server.credentials import Credentials, Grant
from engine.server.host.worker import Worker
from engine.server.options import ServerOptions
from tests.system.clients.raw import Raw
from tests.system.clients.servers import ADDRESS, Pair

PAIR = Pair("PWHOST", "the host's secret")
BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class Hosted:
    """A running worker, its store, and a signer of requests to it."""

    worker: Worker
    store: engine.Store
    raw: Raw
    place: Path

    def connection(self) -> contextlib.AbstractContextManager[socket.socket]:
        return self.raw.connection()


def resident_bytes() -> int:
    """The memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


Start = Callable[..., Hosted]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker with options of its own; all are stopped at the end, which must leave no connection."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Hosted:
            store = stack.enter_context(engine.open(tmp_path / "store"))
            store.acting_as(PAIR.account_id).create_bucket(BUCKET)
            credentials = Credentials([Grant(Credential(PAIR.access_key, PAIR.secret_key, PAIR.account_id))])
            application = Application.of_credentials(store, credentials, None, ServerOptions(idle_timeout_s=5))
            listener = socket.create_server((ADDRESS, 0), backlog=1024)
            listener.setblocking(False)
            settled = {"threads": 4, "connections_max": 4096, "idle_timeout_s": 5.0} | options
            worker = Worker(application, listener, **settled)
            raw = Raw(listener.getsockname()[1], PAIR)
            thread = threading.Thread(target=worker.run)
            thread.start()
            stack.callback(thread.join)
            stack.callback(worker.stop)
            return Hosted(worker, store, raw, tmp_path / "store")

        yield start


@pytest.fixture
def hosted(start: Start) -> Hosted:
    return start()
