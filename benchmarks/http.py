"""UploadPart over HTTP: GiB/s and the server's processor time, beside other servers and the bare engine; and small requests a second.

Every part has 16 MiB, is signed beforehand and sent by sendfile from memory. What is compared takes turns in one run; the cost of
the wire is the server's processor time less the engine's for the same parts, mode and number at once.

python -m benchmarks.http [--place disk] [--rounds N] [--parts N] [--connections 1,4,16] [--modes ...] [--servers ...] [--name NAME]
"""

import argparse
import itertools
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.harness import GIB, MIB, Report
from benchmarks.http_client import (
    MODES,
    NO_BODY,
    Body,
    Failed,
    Mode,
    Prepared,
    arguments_at_create,
    arguments_of,
    ask,
    body_of,
    connections_to,
    plain_bytes,
    prepare,
    send_all,
)
from benchmarks.http_servers import SERVERS, Server, running, versions
from benchmarks.load import in_flight
from benchmarks.places import PLACES, scratch, store_at
from engine import Store

PART_SIZE = 16 * MIB
ENGINE = "bare engine"
OURS = "granian+ASGI"
SOCKET_SHOWN = "gunicorn+WSGI"
CONNECTIONS = (1, 4, 16)
SMALL_REQUESTS = 3000
SMALL_CONNECTIONS = (1, 8)
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a number of parts or requests took; of the server, and of the client that sent them."""

    seconds: float
    cpu_seconds: float
    client_cpu_seconds: float


Measure = Callable[[], Figures]
Taken = dict[tuple[str, ...], list[Figures]]


def in_turns(work: dict[tuple[str, ...], Measure], rounds: int, report: Report) -> Taken:
    """Measure everything once a round; what a server refuses is reported, and not tried again."""
    taken: Taken = defaultdict(list)
    refused: set[tuple[str, ...]] = set()
    for _, (key, measure) in itertools.product(range(rounds), work.items()):
        if key[:2] not in refused:
            try:
                figures = measure()
                taken[key].append(figures)
            except Failed as error:
                refused.add(key[:2])
                report.row(", ".join(key[:2]), refused=str(error)[:90])
    return taken


def measured(server: Server, count: int, requests: list[Prepared]) -> Figures:
    """Send everything once, on so many connections; the first request of each does not count."""
    with connections_to(server.port, count) as connections:
        for connection, request in zip(connections, requests, strict=False):
            connection.send(request)
        before = server.cpu_seconds()
        sent = send_all(connections, requests[count:])
        return Figures(sent.seconds, server.cpu_seconds() - before, sent.client_cpu_seconds)


@contextmanager
def upload_on(server: Server, body: Body = NO_BODY) -> Iterator[str]:
    """An upload in a bucket of its own: the targets of its parts, but for the number at their end.

    Both are removed afterwards; only with its bucket does SeaweedFS give the room back.
    """
    bucket = f"/bench-{time.monotonic_ns()}"
    ask(server.port, "PUT", bucket)
    found = _UPLOAD_ID.search(ask(server.port, "POST", bucket + "/key?uploads=", body.at_create))
    assert found, "CreateMultipartUpload answers with an upload id"
    upload = f"{bucket}/key?uploadId={found[1].decode()}"
    try:
        yield upload + "&partNumber="
    finally:
        ask(server.port, "DELETE", upload)
        ask(server.port, "DELETE", bucket)


def parts_over_http(server: Server, body: Body, connections: int, count: int) -> Figures:
    """Upload so many parts."""
    with upload_on(server, body) as target:
        numbers = range(1, connections + count + 1)
        requests = [prepare(server.port, "PUT", target + str(number), body) for number in numbers]
        return measured(server, connections, requests)


def parts_by_library(store: Store, mode: Mode, connections: int, count: int) -> Figures:
    """The same parts, as many at once, by library call from memory."""
    data = plain_bytes(PART_SIZE)
    arguments = arguments_of(mode, data)
    upload_id = store.create_multipart_upload("bench", "key", **arguments_at_create(mode)).upload_id

    def put(number: int) -> None:
        store.upload_part("bench", "key", upload_id, number + 1, data, **arguments)

    put(count)
    outcome = in_flight(connections, count, put)
    store.abort_multipart_upload("bench", "key", upload_id)
    return Figures(outcome.seconds, outcome.cpu_seconds, 0.0)


def measure_parts(options: argparse.Namespace, report: Report) -> Taken:
    """All servers, modes and numbers of connections."""
    with ExitStack() as stack:
        path = stack.enter_context(scratch(options.place))
        store = stack.enter_context(store_at(path))
        servers = [stack.enter_context(running(name, f"{path}/{i}")) for i, name in enumerate(options.servers)]
        work: dict[tuple[str, ...], Measure] = {}
        for mode in options.modes:
            body = stack.enter_context(body_of(mode, PART_SIZE))
            for count in options.connections:
                key = mode, str(count)
                work[ENGINE, *key] = lambda mode=mode, count=count: parts_by_library(store, mode, count, options.parts)
                for server in servers:
                    work[server.name, *key] = lambda server=server, body=body, count=count: parts_over_http(
                        server, body, count, options.parts
                    )
        return in_turns(work, options.rounds, report)


def report_parts(taken: Taken, count: int, report: Report) -> None:
    """One row a server, mode and number of connections.

    The wire's cost is judged by the least of the rounds, of server and engine alike: others on the machine only add to it.
    """
    gib = count * PART_SIZE / GIB
    costs: dict[str, list[float]] = defaultdict(list)
    for key, figures in taken.items():
        name, *rest = key
        cpu = [figure.cpu_seconds / gib for figure in figures]
        bare = [figure.cpu_seconds / gib for figure in taken[ENGINE, *rest]]
        wire = min(cpu) - min(bare)
        costs[name].append(wire)
        report.row(
            ", ".join(key),
            **{
                "GiB/s": median(gib / figure.seconds for figure in figures),
                "cpu s/GiB": median(cpu),
                "least": min(cpu),
                "most": max(cpu),
                "wire, least": wire,
                "wire, median": median(mine - theirs for mine, theirs in zip(cpu, bare, strict=False)),
                "client s/GiB": median(figure.client_cpu_seconds / gib for figure in figures),
            },
        )
    for name in filter(costs.__contains__, (OURS, SOCKET_SHOWN)):
        report.goal(f"{name}: cost of the wire, CPU s/GiB, median", median(costs[name]), at_most=0.6)
        report.goal(f"{name}: the same, worst of modes and connections", max(costs[name]), at_most=0.6)


def measure_small(options: argparse.Namespace, report: Report) -> Taken:
    """Requests without a body, and a part of one byte, on one worker."""
    with ExitStack() as stack:
        path = stack.enter_context(scratch(options.place))
        byte = stack.enter_context(body_of("unsigned", 1))
        work: dict[tuple[str, ...], Measure] = {}
        for i, name in enumerate(options.servers):
            server = stack.enter_context(running(name, f"{path}/{i}"))
            target = stack.enter_context(upload_on(server))
            ask(server.port, "PUT", "/bench/object")
            kinds = {
                "HeadObject": prepare(server.port, "HEAD", "/bench/object", NO_BODY),
                "ListParts": prepare(server.port, "GET", target.replace("&partNumber=", ""), NO_BODY),
                "UploadPart, 1 byte": prepare(server.port, "PUT", target + "1", byte),
            }
            for (kind, request), count in itertools.product(kinds.items(), SMALL_CONNECTIONS):
                work[name, kind, str(count)] = lambda server=server, request=request, count=count: measured(
                    server, count, [request] * (count + SMALL_REQUESTS)
                )
        return in_turns(work, options.rounds, report)


def report_small(taken: Taken, report: Report) -> None:
    """One row a server, kind of request and number of connections."""
    for key, figures in taken.items():
        rates = sorted(SMALL_REQUESTS / figure.seconds for figure in figures)
        report.row(
            ", ".join(key),
            **{
                "requests/s": median(rates),
                "slowest run": rates[0],
                "fastest run": rates[-1],
                "cpu us each": median(figure.cpu_seconds / SMALL_REQUESTS * 1e6 for figure in figures),
                "client us each": median(figure.client_cpu_seconds / SMALL_REQUESTS * 1e6 for figure in figures),
            },
        )
    for kind in ("HeadObject", "ListParts"):
        runs = [figure for key, figures in taken.items() if key[:2] == (OURS, kind) for figure in figures]
        if runs:
            best = max(SMALL_REQUESTS / figure.seconds for figure in runs)
            report.goal(f"{kind} requests/s on one worker", best, at_least=1500)


def main() -> None:
    """Parts, then small requests."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # so that servers end and stores go
    options = _options()
    facts = {"place": options.place, "parts": options.parts, "rounds": options.rounds, **versions(options.servers)}
    if "parts" in options.what:
        report = Report(options.name, f"UploadPart of 16 MiB over HTTP, store on {options.place}", facts)
        report_parts(measure_parts(options, report), options.parts, report)
        report.finish()
    if "small" in options.what:
        report = Report(f"{options.name}_small", f"small requests over HTTP, store on {options.place}", facts)
        report_small(measure_small(options, report), report)
        report.finish()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http")
    parser.add_argument("--place", choices=PLACES, default="tmpfs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", type=int, default=32)
    parser.add_argument("--connections", type=_list, default=CONNECTIONS)
    parser.add_argument("--modes", type=_list, default=MODES)
    parser.add_argument("--servers", type=_list, default=tuple(SERVERS))
    parser.add_argument("--what", type=_list, default=("parts", "small"))
    parser.add_argument("--name", default="http")
    options = parser.parse_args()
    options.connections = tuple(map(int, options.connections))
    return options


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


if __name__ == "__main__":
    main()
