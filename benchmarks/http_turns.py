"""What the benchmarks over HTTP share: requests measured in turns, and uploads to measure on."""

import itertools
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.harness import Report
from benchmarks.http_client import NO_BODY, Body, Failed, Prepared, ask, connections_to, send_all
from benchmarks.http_servers import Server

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
