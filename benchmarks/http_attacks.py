"""Clients that mean no good, beside one that asks for heads: how long it waits (p99), and what the server's processes hold.

python -m benchmarks.http_attacks [--name NAME]
"""

import argparse
import contextlib
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import MIB, Report
from benchmarks.http_client import NO_BODY, Body, Prepared, ask, body_of, prepare
from benchmarks.http_servers import Server, running, tree
from benchmarks.places import scratch

SECONDS = 8.0
TRICKLING, UNREAD, IDLE, COPIES = 64, 200, 10_000, 160
OBJECT_SIZE = 64 * MIB
ITEMS = 32_000
CHUNKED_SIZE = MIB


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the answers to HeadObject took, in milliseconds; `failed` were none."""

    median_ms: float
    p99_ms: float
    answered: int
    failed: int


def heads(server: Server, seconds: float = SECONDS) -> Waits:
    """Ask for a head every 5 ms, on a connection of its own, for some seconds."""
    request = prepare(server.port, "HEAD", "/bench/small").head
    taken, failed, end_s = [], 0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        begun_s = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
                client.sendall(request)
                failed += not client.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            failed += 1
        taken.append(time.perf_counter() - begun_s)
        time.sleep(0.005)
    taken.sort()
    return Waits(taken[len(taken) // 2] * 1000, taken[int(len(taken) * 0.99)] * 1000, len(taken), failed)


def resident_mib(server: Server) -> float:
    """The memory that its processes have of their own."""
    total = 0
    for pid in tree(server.pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    return total / 1024


@contextlib.contextmanager
def connected(
    server: Server, count: int, request: Callable[[int], bytes], receive_size: int = 0
) -> Iterator[list[socket.socket]]:
    """So many connections that have sent something."""
    with contextlib.ExitStack() as stack:
        clients = []
        for at in range(count):
            client = stack.enter_context(socket.socket())
            if receive_size:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_size)
            client.settimeout(30)
            client.connect(("127.0.0.1", server.port))
            client.sendall(request(at))
            clients.append(client)
        yield clients


@contextlib.contextmanager
def trickling(server: Server, head: bytes) -> Iterator[None]:
    """Bodies of which a byte comes every second."""
    over = threading.Event()

    def drip(clients: list[socket.socket]) -> None:
        while not over.wait(1):
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(b"a")

    with connected(server, TRICKLING, lambda _: head) as clients:
        thread = threading.Thread(target=drip, args=(clients,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def put_head(server: Server, size: int) -> bytes:
    """The head of a PutObject whose body does not come."""
    with body_of("unsigned", size) as body:
        return prepare(server.port, "PUT", "/bench/trickled", body).head


def copy_of(server: Server, at: int) -> Prepared:
    said = {"x-amz-copy-source": "/bench/large", "x-amz-checksum-algorithm": "SHA256"}
    return prepare(server.port, "PUT", f"/bench/copy-{at}", Body(-1, 0, NO_BODY.content_sha256, said))


def measure(report: Report, server: Server) -> None:
    with body_of("unsigned", OBJECT_SIZE) as large, body_of("unsigned", 4096) as small:
        ask(server.port, "PUT", "/bench/large", large)
        ask(server.port, "PUT", "/bench/small", small)
    show(report, server, "nobody else", contextlib.nullcontext())
    show(report, server, f"{TRICKLING} bodies of 1 MiB, a byte a second", trickling(server, put_head(server, MIB)))
    show(report, server, f"{TRICKLING} bodies of 4 KiB, a byte a second", trickling(server, put_head(server, 4096)))
    document = prepare(server.port, "POST", "/bench?delete").head.replace(
        b"Content-Length: 0", b"Content-Length: 99999"
    )
    show(report, server, f"{TRICKLING} documents, a byte a second", trickling(server, document))
    get = prepare(server.port, "GET", "/bench/large").head
    show(report, server, f"{UNREAD} objects that nobody reads", connected(server, UNREAD, lambda _: get, 4096))
    show(report, server, f"{IDLE:,} idle connections", connected(server, IDLE, lambda _: b""))
    show(report, server, f"{COPIES} slow copies by one key, left at once", left_copies(server))
    report.row(f"a query of {ITEMS:,} items", cpu_ms=per_query_ms(server))
    report.row("HTTP chunks of one byte", cpu_s_per_mb=chunks_s(server))


@contextlib.contextmanager
def left_copies(server: Server) -> Iterator[None]:
    with connected(server, COPIES, lambda at: copy_of(server, at).head):
        pass
    yield


def show(report: Report, server: Server, name: str, attack: contextlib.AbstractContextManager[object]) -> None:
    before = resident_mib(server)
    try:
        with attack:
            time.sleep(1)
            waits = heads(server)
            more = resident_mib(server) - before
    except OSError as error:
        report.row(name, failed=str(error)[:60])
        return
    report.row(name, median_ms=waits.median_ms, p99_ms=waits.p99_ms, failed=waits.failed, more_mib=more)
    time.sleep(2)


def per_query_ms(server: Server) -> float:
    """Processor time of one request without a signature."""
    request = b"GET /bench/small?" + b"a&" * ITEMS + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    before = server.cpu_seconds()
    for _ in range(20):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(request)
            while client.recv(65536):
                pass
    return (server.cpu_seconds() - before) / 20 * 1000


def chunks_s(server: Server) -> float:
    """Processor time of a megabyte in HTTP chunks of one byte each."""
    said = {"x-amz-decoded-content-length": str(CHUNKED_SIZE), "content-encoding": "aws-chunked"}
    body = Body(-1, 0, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", said)
    head = prepare(server.port, "PUT", "/bench/chunked", body).head
    inner = b"%x\r\n%b\r\n0\r\n\r\n" % (CHUNKED_SIZE, bytes(CHUNKED_SIZE))
    framed = b"".join(b"1\r\n%c\r\n" % byte for byte in inner) + b"0\r\n\r\n"
    before = server.cpu_seconds()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + framed)
        answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return server.cpu_seconds() - before


def main() -> None:
    """Run every attack once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="http_attacks")
    options = parser.parse_args()
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    report = Report(options.name, "how long does HeadObject wait beside clients that mean no good?")
    with scratch("tmpfs") as path, running("partwright serve", f"{path}/0") as server:
        measure(report, server)
    report.finish()


if __name__ == "__main__":
    main()
