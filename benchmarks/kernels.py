"""Every native row beside libcrypto, and streams in threads.

Rows are measured by their best call. The yardsticks of streams are libcrypto's MD5, SHA-256 and AES-256-GCM alone and one after the
other, in the same process and just before, over as many bytes as an update takes, for as long and with the same clock: a mean beside a
mean, since the best call is a few per cent faster than the usual one.
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import kernel_plots, kernel_streams
from benchmarks.harness import MIB, Report, Samples, take_turns
from benchmarks.kernel_streams import ALL, BOTH, GCM, MD5, SHA256, Feature
from engine.native import kernels
from engine.native.ffi import CData, ffi, lib

KIB = 1024
SIZES = {"16 KiB": 16 * KIB, "256 KiB": 256 * KIB, "16 MiB": 16 * MIB}
ROUNDS = {"16 KiB": 1000, "256 KiB": 100, "16 MiB": 8}
ROUNDS_QUICK = {"16 KiB": 100, "256 KiB": 20, "16 MiB": 2}
SEGMENT = 64 * KIB
STREAMS = (1, 2, 4, 8, 16, 32)
PAGE = 4096
KEY, NONCE, AAD = bytes(32), bytes(12), b""

Rates = dict[str, dict[str, float]]
Timed = tuple[Callable[[], object], int]


class Room:
    """Bytes at a new random offset in their page each time, so that a fluke of alignment is not what is measured."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.source = ffi.from_buffer("uint8_t[]", random.Random(1).randbytes(size + PAGE))
        self.out = ffi.new("uint8_t[]", size + PAGE)
        self.draw = random.Random(2)

    def data(self) -> CData:
        return self.source + self.draw.randrange(PAGE)


def digest_call(algorithm: int, row: int, room: Room) -> Callable[[], object]:
    return lambda: lib.engine_digest_row_run(algorithm, row, room.data(), room.size, room.out)


def seal_call(row: int, room: Room) -> Callable[[], object]:
    return lambda: lib.engine_gcm_row_seal(row, KEY, NONCE, AAD, 0, room.data(), room.size, room.out)


def fused_call(row: int, room: Room) -> Callable[[], object]:
    digests = ffi.new("uint8_t[]", 512)
    return lambda: lib.engine_fused_row_run(row, KEY, NONCE, AAD, 0, room.data(), room.size, room.out, digests)


def lanes_call(row: int, size: int) -> Timed:
    """As many messages of this size as the row takes, or of so much less that they are 16 MiB together."""
    width = kernels.rows(lib.ENGINE_ROW_LANES)[row].streams
    each = min(size, 16 * MIB // width)
    room, out = Room(each * width), ffi.new("uint8_t[]", 64 * width)
    sizes = ffi.new("size_t[]", [each] * width)

    def call() -> object:
        start = room.data()
        data = ffi.new("uint8_t *[]", [start + i * each for i in range(width)])
        return lib.engine_lanes_row_run(row, width, data, sizes, out, out + 16 * width)

    return call, each * width


def calls(size: int) -> dict[str, Timed]:
    """Every usable row by its names, libcrypto's three one after the other, and how many bytes a call takes."""
    room = Room(size)
    found: dict[str, Callable[[], object]] = {
        f"{row.algorithm} {row.name}": digest_call(row.digests.bit_length() - 1, row.index, room)
        for row in kernels.rows(lib.ENGINE_ROW_DIGEST)
        if row.usable
    }
    for rows, make in ((kernels.ciphers(), seal_call), (kernels.fused_passes(), fused_call)):
        found |= {f"{row.algorithm} {row.name}": make(i, room) for i, row in enumerate(rows) if row.usable}
    sequence = [found[f"{name} libcrypto"] for name in ("MD5", "SHA256", "AES-256-GCM")]
    found["sequence libcrypto"] = lambda: [call() for call in sequence]
    lanes = {f"{row.algorithm} {row.name}": lanes_call(i, size) for i, row in enumerate(kernels.lanes()) if row.usable}
    return {name: (call, size) for name, call in found.items()} | lanes


def measure_rows(rounds: Mapping[str, int]) -> Rates:
    """GB/s of every row by size; of the rows of lanes, of all lanes together."""
    rates: Rates = {}
    for label, size in SIZES.items():
        timed = calls(size)
        for name, samples in take_turns({name: call for name, (call, _) in timed.items()}, rounds[label]).items():
            rates.setdefault(name, {})[label] = timed[name][1] / samples.values[0] / 1e9
    return rates


class Yardsticks:
    """libcrypto's calls on one pinned core, GB/s: over what an update takes, AES-256-GCM in segments of it too.

    What a call without bytes takes is not counted: to us a context and a key's schedule are made for each, to others once for many.
    """

    def __init__(self, core: int) -> None:
        self.core = core
        updates, empty = calls(MIB), calls(0)
        self.timed: dict[str, Timed] = {
            name: updates[f"{name} libcrypto"] for name in ("MD5", "SHA256", "AES-256-GCM", "sequence")
        }
        nothing = {name: empty[f"{name} libcrypto"][0] for name in self.timed}
        segment, no_segment = calls(SEGMENT)["AES-256-GCM libcrypto"][0], nothing["AES-256-GCM"]
        self.timed[GCM.name] = (lambda: [segment() for _ in range(MIB // SEGMENT)], MIB)
        nothing[GCM.name] = lambda: [no_segment() for _ in range(MIB // SEGMENT)]
        self.rates: dict[str, list[float]] = {name: [] for name in self.timed}
        self.empty_seconds = {name: samples.values[0] for name, samples in take_turns(nothing, 200).items()}

    def measure(self, name: str, seconds: float) -> float:
        """GB/s over so many seconds."""
        call, size = self.timed[name]
        taken, end = 0, time.perf_counter() + seconds
        with kernel_streams.pinned({self.core}):
            began = kernel_streams.seconds_ours({self.core})
            while time.perf_counter() < end:
                call()
                taken += 1
            spent = kernel_streams.seconds_ours({self.core}) - began
        rate = taken * size / (spent - taken * self.empty_seconds[name]) / 1e9
        self.rates[name].append(rate)
        return rate

    def medians(self) -> dict[str, float]:
        """Of all that was measured."""
        return {name: statistics.median(rates) for name, rates in self.rates.items()}


YARDSTICKS_OF = {MD5: ("MD5",), SHA256: ("SHA256",), BOTH: (), ALL: ("MD5", "sequence"), GCM: (GCM.name,)}
"""Beside what the streams of a feature are measured."""

Streams = dict[tuple[str, str, int], float]
Paired = dict[tuple[str, int, str], float]


def measure_streams(
    places: Mapping[str, set[int]], yardsticks: Yardsticks, windows: int, seconds: float
) -> tuple[Streams, Paired]:
    """GB/s of n streams of each feature, on one core and on all: medians of the windows.

    And the medians of their ratios to the yardsticks, on one core: so a clock that changes is the same for both.
    """
    rates: dict[tuple[str, str, int], list[float]] = {}
    pairs: dict[tuple[str, int, str], list[float]] = {}
    for _ in range(windows):
        for feature in (MD5, SHA256, BOTH, ALL, GCM):
            for place, cores in places.items():
                for streams in STREAMS if feature is not GCM else STREAMS[:1]:
                    yards = YARDSTICKS_OF[feature] if place == ONE_CORE else ()
                    base = {name: yardsticks.measure(name, seconds) for name in yards}
                    rate = kernel_streams.rate(feature, streams, cores, seconds) / 1e9
                    rates.setdefault((feature.name, place, streams), []).append(rate)
                    for name, yard in base.items():
                        pairs.setdefault((feature.name, streams, name), []).append(rate / yard)
    medians = {key: statistics.median(values) for key, values in rates.items()}
    return medians, {key: statistics.median(values) for key, values in pairs.items()}


def measure_latency(feature: Feature, cores: set[int], rounds: int, updates: int) -> dict[str, float]:
    """Microseconds of a 64 KiB update among fifteen streams that make such too: medians of some rounds; and alone, in the quietest."""
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, others in (("alone", 0), ("among 15", 15)):
            samples: Samples = kernel_streams.latencies(feature, others, cores, updates, 64 * KIB)
            taken.setdefault(f"{name} mean us", []).append(statistics.fmean(samples.values) * 1e6)
            for quantile, fraction in (("p50", 0.5), ("p99", 0.99)):
                taken.setdefault(f"{name} {quantile} us", []).append(samples.quantile(fraction) * 1e6)
    return {
        name: min(values) if name.startswith("alone") else statistics.median(values) for name, values in taken.items()
    }


def ratios(rates: Rates, paired: Paired, latencies: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """What the goals are about."""
    crc = max((max(sizes.values()) for name, sizes in rates.items() if name.startswith("CRC64NVME ")), default=0.0)
    return {
        "fused_one_stream_vs_md5": paired[ALL.name, 1, "MD5"],
        "fused_one_stream_vs_sequence": paired[ALL.name, 1, "sequence"],
        "md5_one_stream_vs_md5": paired[MD5.name, 1, "MD5"],
        "md5_16_streams_vs_md5": paired[MD5.name, 16, "MD5"],
        "md5_32_streams_vs_md5": paired[MD5.name, 32, "MD5"],
        "sha256_16_streams_vs_sha256": paired[SHA256.name, 16, "SHA256"],
        "all_16_streams_vs_sequence": paired[ALL.name, 16, "sequence"],
        "all_32_streams_vs_sequence": paired[ALL.name, 32, "sequence"],
        "gcm_64k_vs_libcrypto": paired[GCM.name, 1, GCM.name],
        "crc64nvme_gb_s": crc,
        "latency_p99_vs_alone": latency_ratio(latencies[MD5.name]),
        "latency_p99_vs_alone_all_features": latency_ratio(latencies[ALL.name]),
    }


def latency_ratio(latency: Mapping[str, float]) -> float:
    return latency["among 15 p99 us"] / latency["alone p99 us"]


GOALS = {
    "fused_one_stream_vs_md5": 1.0,
    "fused_one_stream_vs_sequence": 1.7,
    "md5_one_stream_vs_md5": 1.05,
    "md5_16_streams_vs_md5": 7.0,
    "md5_32_streams_vs_md5": 10.0,
    "sha256_16_streams_vs_sha256": 2.2,
    "all_16_streams_vs_sequence": 4.0,
    "all_32_streams_vs_sequence": 5.0,
    "gcm_64k_vs_libcrypto": 3.0,
    "crc64nvme_gb_s": 15.0,
}

ONE_CORE = "one core"


def parsed() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="under half a minute")
    options.add_argument("--json", type=Path, metavar="FILE", help="where the JSON goes, instead of results/")
    options.add_argument("--plots", type=Path, metavar="DIRECTORY", help="draw the figures there")
    return options.parse_args()


def main() -> None:
    options = parsed()
    quick = options.quick
    cores = os.sched_getaffinity(0)
    core, every = max(cores), f"all {len(cores)} cores"
    places = {ONE_CORE: {core}, every: cores}

    yardsticks = Yardsticks(core)
    for name in yardsticks.timed:
        yardsticks.measure(name, 0.05 if quick else 0.3)
    with kernel_streams.pinned({core}):
        rates = measure_rows(ROUNDS_QUICK if quick else ROUNDS)
    streams, paired = measure_streams(places, yardsticks, *((2, 0.05) if quick else (6, 0.3)))
    latencies = {
        (feature.name, place): measure_latency(feature, where, *((2, 200) if quick else (20, 500)))
        for feature in (MD5, ALL)
        for place, where in places.items()
    }
    report = Report("kernels", "what do rows do beside libcrypto, and streams together?", {"quick": quick})
    add_rows(report, rates, yardsticks, streams, latencies)
    on_all_cores = {feature: columns for (feature, place), columns in latencies.items() if place == every}
    report.ratios = ratios(rates, paired, on_all_cores)
    if not quick:  # windows so short tell little
        add_goals(report)
    report.finish(options.json)
    if options.plots is not None:
        kernel_plots.draw(options.plots, yardsticks.medians(), streams, places)


def add_goals(report: Report) -> None:
    """What must be reached."""
    for name, bound in GOALS.items():
        report.goal(name, report.ratios[name], at_least=bound)
    for name in ("latency_p99_vs_alone", "latency_p99_vs_alone_all_features"):
        report.goal(name, report.ratios[name], at_most=4.0)


def add_rows(
    report: Report,
    rates: Rates,
    yardsticks: Yardsticks,
    streams: Streams,
    latencies: Mapping[tuple[str, str], Mapping[str, float]],
) -> None:
    """GB/s; of streams, the columns are how many there are."""
    for name, value in yardsticks.medians().items():
        report.row(f"libcrypto {name}", **{"1 MiB": value})
    for name, sizes in rates.items():
        report.row(name, **sizes)
    for feature, place in dict.fromkeys((feature, place) for feature, place, _ in streams):
        report.row(
            f"streams: {feature}, {place}",
            **{f"{n}": rate for (what, where, n), rate in streams.items() if (what, where) == (feature, place)},
        )
    for (feature, place), columns in latencies.items():
        report.row(f"update of 64 KiB, {feature}, {place}", **columns)


if __name__ == "__main__":
    main()
