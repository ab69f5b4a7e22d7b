"""The server's processor time for requests over HTTP, beside other servers and the bare engine: UploadPart, reads, small requests.

Every part of an upload has 16 MiB, is signed beforehand and sent by sendfile from memory. What is compared takes turns in one run;
the cost of the wire is the server's processor time less the engine's for the same parts, mode and number at once.

python -m benchmarks.http [--place disk] [--rounds N] [--parts N] [--connections 1,4,16] [--modes ...] [--servers ...] [--name NAME]
"""

import argparse
import signal
import sys
from collections import defaultdict
from contextlib import ExitStack
from statistics import median

from benchmarks.harness import GIB, MIB, Report
from benchmarks.http_client import (
    MODES,
    Body,
    Mode,
    arguments_at_create,
    arguments_of,
    body_of,
    plain_bytes,
    prepare,
)
from benchmarks.http_objects import OURS, PEER, measure_objects, report_objects
from benchmarks.http_servers import SERVERS, Server, running, versions
from benchmarks.http_turns import Figures, Measure, Taken, in_turns, measured, upload_on
from benchmarks.load import in_flight
from benchmarks.places import PLACES, scratch, store_at
from engine import Store

PART_SIZE = 16 * MIB
ENGINE = "bare engine"
SOCKET_SHOWN = "gunicorn+WSGI"
CONNECTIONS = (1, 4, 16)


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
        report.goal(
            f"{name}: cost of the wire, CPU s/GiB, worst of modes and connections", max(costs[name]), at_most=0.4
        )
    for name, *rest in taken:
        if name == PEER and (OURS, *rest) in taken:
            ours, theirs = (min(figure.cpu_seconds for figure in taken[each, *rest]) for each in (OURS, PEER))
            report.goal(f"{', '.join(rest)}: CPU / {PEER}", ours / theirs, at_most=0.3)


def main() -> None:
    """Parts, then everything else."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # so that servers end and stores go
    options = _options()
    facts = {"place": options.place, "parts": options.parts, "rounds": options.rounds, **versions(options.servers)}
    if "parts" in options.what:
        report = Report(options.name, f"UploadPart of 16 MiB over HTTP, store on {options.place}", facts)
        report_parts(measure_parts(options, report), options.parts, report)
        report.finish()
    if "objects" in options.what:
        report = Report(
            f"{options.name}_objects", f"objects, listings and small requests, store on {options.place}", facts
        )
        report_objects(measure_objects(options, report), report)
        report.finish()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http")
    parser.add_argument("--place", choices=PLACES, default="tmpfs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", type=int, default=32)
    parser.add_argument("--connections", type=_list, default=CONNECTIONS)
    parser.add_argument("--modes", type=_list, default=MODES)
    parser.add_argument("--servers", type=_list, default=tuple(SERVERS))
    parser.add_argument("--what", type=_list, default=("parts", "objects"))
    parser.add_argument("--name", default="http")
    options = parser.parse_args()
    options.connections = tuple(map(int, options.connections))
    return options


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


if __name__ == "__main__":
    main()
