"""Servers started for real: in a process of their own, on a free loopback port, with all they print kept."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.system.clients import hosted

ADDRESS = "127.0.0.1"
START_S_MAX = 60.0
STOP_S_MAX = 40.0
PARTWRIGHT = str(Path(sys.executable).with_name("partwright"))
_LISTENING = re.compile(r"listens on|Listening at|Uvicorn running on", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """An access key and its secret."""

    access_key: str
    secret_key: str
    account_id: str = "123456789012"

    @property
    def stranger(self) -> "Pair":
        """Somebody else, of another account, whom every server knows too."""
        return Pair(f"{self.access_key}X", f"{self.secret_key}x", "210987654321")


class Printed:
    """The lines a process prints on its two outputs, as they come."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self._more = threading.Condition()
        self._open = 2
        assert process.stdout is not None
        assert process.stderr is not None
        for stream, lines in ((process.stdout, self.out), (process.stderr, self.err)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._more:
                    lines.append(line.rstrip("\n"))
                    self._more.notify_all()
        with self._more:
            self._open -= 1
            self._more.notify_all()

    def wait_for(self, pattern: re.Pattern[str], timeout_s: float) -> str:
        """The first line that has the pattern; fails with all lines if the outputs end without one."""
        with self._more:
            self._more.wait_for(lambda: not self._open or self._first(pattern) is not None, timeout_s)
            line = self._first(pattern)
        assert line is not None, f"no line has {pattern.pattern!r}:\n{self.text}"
        return line

    def _first(self, pattern: re.Pattern[str]) -> str | None:
        return next((line for line in (*self.out, *self.err) if pattern.search(line)), None)

    def wait_for_end(self, timeout_s: float) -> None:
        """Wait until both outputs are closed."""
        with self._more:
            assert self._more.wait_for(lambda: not self._open, timeout_s), self.text

    @property
    def text(self) -> str:
        return "\n".join((*self.out, *self.err))


@dataclass(slots=True)
class Server:
    """A running server; `name` is what the table of clients calls it."""

    name: str
    process: "subprocess.Popen[str]"
    printed: Printed
    port: int
    store: Path
    pair: Pair
    scheme: str = "http"
    certificate: Path | None = None
    stops_by_signal: bool = field(default=False)
    """It hands on the signal it was stopped by, so that its exit code is not 0."""

    @property
    def endpoint(self) -> str:
        return f"{self.scheme}://{ADDRESS}:{self.port}"

    def workers(self, count: int) -> list[int]:
        """Return the process ids of the first workers that `partwright serve` started; their lines may still be on the way."""
        lines = [self.printed.wait_for(re.compile(rf" started as number {each}\b"), 60) for each in range(1, count + 1)]
        return [int(line.partition("worker process ")[2].partition(" ")[0]) for line in lines]

    def stop(self) -> None:
        """Stop by SIGTERM and demand a good end, with nothing printed that should not be."""
        self.process.terminate()
        code = self.process.wait(STOP_S_MAX)
        self.printed.wait_for_end(STOP_S_MAX)
        assert code == 0 or self.stops_by_signal, (code, self.printed.text)
        check_printed(self.printed.text, self.pair)


def check_printed(text: str, *pairs: Pair) -> None:
    """Demand that a server's outputs hold neither a traceback nor a secret, a signature or a query."""
    assert "Traceback" not in text, text
    assert not [word for word in ("X-Amz-Signature", "Signature=", "uploadId=", "partNumber=") if word in text], text
    assert not [pair.access_key for pair in pairs if pair.secret_key in text], "a secret was printed"


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


def write_credentials(path: Path, *pairs: Pair, more: str = "") -> Path:
    """A credentials file of pairs that may do everything; `more` goes to its end."""
    entries = (
        f'[[credentials]]\naccess_key = "{pair.access_key}"\nsecret_key = "{pair.secret_key}"\n'
        f'account_id = "{pair.account_id}"\n'
        for pair in pairs
    )
    path.touch(mode=0o600)
    path.write_text("".join(entries) + more)
    return path


def start(name: str, command: Sequence[str], port: int, store: Path, pair: Pair, **environment: str) -> Server:
    """Start a server and wait until it takes connections."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(
        list(command),
        env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(name, process, Printed(process), port, store, pair)
    try:
        server.printed.wait_for(_LISTENING, START_S_MAX)
        wait_until_connected(server)
    except BaseException:
        _end(process)
        raise
    return server


def wait_until_connected(server: Server) -> None:
    """Granian says that it listens before its workers do, and says nothing then: trying is the only way to know."""
    deadline = time.monotonic() + START_S_MAX
    while True:
        try:
            socket.create_connection((ADDRESS, server.port), timeout=START_S_MAX).close()
        except ConnectionRefusedError:
            assert server.process.poll() is None, server.printed.text
            assert time.monotonic() < deadline, server.printed.text
            time.sleep(0.02)
        else:
            return


def serve(
    folder: Path,
    pair: Pair,
    *options: str,
    name: str = "serve",
    credentials: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Server:
    """`partwright serve`; `environment` goes over this process's."""
    port, store = free_port(), folder / "store"
    file = credentials or write_credentials(folder / "credentials.toml", pair, pair.stranger)
    command = [PARTWRIGHT, "serve", "--store", str(store), "--listen", f"{ADDRESS}:{port}", "--credentials", str(file)]
    server = start(name, [*command, "--domain", hosted.DOMAIN, *options], port, store, pair, **(environment or {}))
    if "--tls-cert" in options:
        server.scheme = "https"
        server.certificate = Path(options[options.index("--tls-cert") + 1])
    return server


def serve_foreign(name: str, folder: Path, pair: Pair, **options: float) -> Server:
    """The application, with options of its own, on a server that is not ours: one of FOREIGN."""
    port, store = free_port(), folder / "store"
    file = write_credentials(folder / "credentials.toml", pair, pair.stranger)
    command = [word.format(address=ADDRESS, port=port) for word in FOREIGN[name]]
    environment = {
        hosted.STORE: str(store),
        hosted.CREDENTIALS: str(file),
        hosted.OPTIONS: " ".join(f"{option}={value}" for option, value in options.items()),
    }
    server = start(name, [sys.executable, "-m", *command], port, store, pair, **environment)
    server.stops_by_signal = name == "uvicorn"
    return server


FOREIGN: dict[str, tuple[str, ...]] = {
    "granian-wsgi": ("tests.system.clients.hosted", "wsgi", "{address}", "{port}"),
    "granian-asgi": ("tests.system.clients.hosted", "asgi", "{address}", "{port}"),
    "gunicorn": (
        "gunicorn", "--worker-class", "gthread", "--threads", str(hosted.THREADS), "--bind", "{address}:{port}",
        "--no-control-socket", "--limit-request-fields", "1000", "--limit-request-field_size", "16384",
        "--limit-request-line", "8190", "tests.system.clients.hosted:wsgi()",
    ),
    "uvicorn": (
        "uvicorn", "--factory", "--host", "{address}", "--port", "{port}", "--no-access-log", "tests.system.clients.hosted:asgi",
    ),
}  # fmt: skip


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Stop a server at the end, whatever happened, and hold it to a good end if nothing did."""
    try:
        yield server
        server.stop()
    finally:
        _end(server.process)


@contextlib.contextmanager
def ending(server: Server) -> Iterator[Server]:
    """Have nothing left of a server that the test itself is to end."""
    try:
        yield server
    finally:
        _end(server.process)


def _end(process: "subprocess.Popen[str]") -> None:
    """Have no process left, neither this one nor the workers that it alone can stop."""
    process.terminate()
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
