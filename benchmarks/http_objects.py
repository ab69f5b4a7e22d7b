"""Objects, listings and small requests over HTTP: the server's processor time, beside other servers in the same run."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from benchmarks.harness import GIB, MIB, Report
from benchmarks.http_client import NO_BODY, Body, Failed, Prepared, ask, body_of, prepare
from benchmarks.http_servers import Server, running
from benchmarks.http_turns import Measure, Taken, in_turns, measured, upload_on
from benchmarks.places import scratch

OURS = "partwright serve"
PEER = "SeaweedFS"
CONNECTIONS = 16
OBJECT_SIZE = 64 * MIB
GETS = 16
SMALL_SIZE = 4096
LISTED = 1000
LISTED_PARTS = 100
GOALS = {
    "GET 64 MiB": (0.35, 0.6),
    "GET 64 MiB, SSE-C": (0.6, None),
    "HeadObject": (0.45, None),
    "ListParts of 100": (0.8, None),
    "PutObject 4 KiB": (1.0, 1.0),
    "ListObjectsV2 of 1,000": (10.0, 0.6),
}
"""For each kind, the most it may take here (CPU s/GiB of bodies, else CPU ms), and at most so many times what the peer takes."""
COUNTS = {"GET 64 MiB": GETS, "GET 64 MiB, SSE-C": GETS, "ListObjectsV2 of 1,000": 100}
REQUESTS = 2000


@contextmanager
def _prepared(server: Server, bodies: dict[str, Body]) -> Iterator[dict[str, Prepared]]:
    """Fill a server with what is read, and give the requests by kind; a server that refuses customers' keys lacks that kind."""
    port = server.port
    with upload_on(server) as target:
        ask(port, "PUT", "/bench/large", bodies["large"])
        ask(port, "PUT", "/bench/small", bodies["small"])
        ask(port, "PUT", "/bench-listed")
        for number in range(LISTED):
            ask(port, "PUT", f"/bench-listed/directory/of/some/depth/key-{number:06}", bodies["byte"])
        for number in range(1, LISTED_PARTS + 1):
            ask(port, "PUT", target + str(number), bodies["byte"])
        kinds = {
            "GET 64 MiB": prepare(port, "GET", "/bench/large"),
            "HeadObject": prepare(port, "HEAD", "/bench/small"),
            "ListParts of 100": prepare(port, "GET", target.replace("&partNumber=", "")),
            "PutObject 4 KiB": prepare(port, "PUT", "/bench/put", bodies["small"]),
            "ListObjectsV2 of 1,000": prepare(port, "GET", "/bench-listed?list-type=2&max-keys=1000"),
        }
        try:
            ask(port, "PUT", "/bench/sealed", bodies["sealed"])
        except Failed:
            pass
        else:
            sealed = Body(-1, 0, NO_BODY.content_sha256, bodies["sealed"].headers)
            kinds["GET 64 MiB, SSE-C"] = prepare(port, "GET", "/bench/sealed", sealed)
        yield kinds


def measure_objects(options: argparse.Namespace, report: Report) -> Taken:
    """All servers and kinds, on 16 connections."""
    with ExitStack() as stack:
        path = stack.enter_context(scratch(options.place))
        sizes = {"large": OBJECT_SIZE, "small": SMALL_SIZE, "byte": 1}
        bodies = {name: stack.enter_context(body_of("unsigned", size)) for name, size in sizes.items()}
        bodies["sealed"] = stack.enter_context(body_of("sse-c", OBJECT_SIZE))
        work: dict[tuple[str, ...], Measure] = {}
        for i, name in enumerate(options.servers):
            server = stack.enter_context(running(name, f"{path}/{i}"))
            for kind, request in stack.enter_context(_prepared(server, bodies)).items():
                count = COUNTS.get(kind, REQUESTS)
                work[name, kind] = lambda server=server, request=request, count=count: measured(
                    server, CONNECTIONS, [request] * (CONNECTIONS + count)
                )
        return in_turns(work, options.rounds, report)


def report_objects(taken: Taken, report: Report) -> None:
    """One row a server and kind, and the goals of our own server by the least of the rounds: others on the machine only add."""
    least: dict[tuple[str, ...], float] = {}
    for (name, kind), figures in taken.items():
        count = COUNTS.get(kind, REQUESTS)
        units = count * OBJECT_SIZE / GIB if kind.startswith("GET") else count / 1e3
        unit = "cpu s/GiB" if kind.startswith("GET") else "cpu ms"
        least[name, kind] = min(figure.cpu_seconds for figure in figures) / units
        report.row(
            f"{name}, {kind}",
            **{
                f"{unit}, least": least[name, kind],
                f"{unit}, median": median(figure.cpu_seconds for figure in figures) / units,
                "requests/s": count / median(figure.seconds for figure in figures),
                "client cpu ms": median(figure.client_cpu_seconds for figure in figures) / count * 1e3,
            },
        )
    for kind, (most, times) in GOALS.items():
        if (OURS, kind) in least:
            report.goal(kind, least[OURS, kind], at_most=most)
            if times is not None and (PEER, kind) in least:
                report.goal(f"{kind} / {PEER}", least[OURS, kind] / least[PEER, kind], at_most=times)
