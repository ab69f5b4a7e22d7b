"""What every script shares: interleaved timing, rows and goals printed side by side, and a JSON of them with the machine they ran on.

Figures are compared as ratios of one run: what is compared takes turns, so that a busy machine slows all of it alike.
"""

import json
import math
import platform
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from engine.native import kernels
from engine.native.ffi import libcrypto_version

RESULTS = Path(__file__).parent / "results"
MIB = 1024 * 1024
GIB = 1024 * MIB


def machine() -> dict[str, Any]:
    """The machine, compiler, commit and versions behind a figure; names no host and no path."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_name(),
        "cores": len(_proc_lines("cpuinfo", "processor")),
        "load": Path("/proc/loadavg").read_text().split()[0],
        "kernel": f"{platform.system()} {platform.release()}",
        "compiler": _first_line([sysconfig.get_config_var("CC").split()[0], "--version"]),
        "commit": _commit(),
        "python": platform.python_version(),
        "libcrypto": libcrypto_version(),
        **{name: version(name) for name in ("partwright", "lmdb", "cffi", "msgspec")},
        "kernels": {row.algorithm: row.name for row in kernels.kernels() if row.chosen},
    }


def _proc_lines(name: str, key: str) -> list[str]:
    lines = Path("/proc", name).read_text().splitlines()
    return [line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == key]


def _cpu_name() -> str:
    names, families = _proc_lines("cpuinfo", "model name"), _proc_lines("cpuinfo", "cpu family")
    return f"{names[0]}, family {families[0]}" if names and families else platform.processor()


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.splitlines()[0] if done.stdout else "unknown"


def _commit() -> str:
    changed = _first_line(["git", "status", "--porcelain", "--untracked-files=no", "--", "../engine", "../csrc"])
    return _first_line(["git", "rev-parse", "--short=12", "HEAD"]) + ("" if changed == "unknown" else " + changes")


@dataclass(frozen=True, slots=True)
class Samples:
    """Repeated measurements of one thing, sorted, in seconds."""

    values: tuple[float, ...]

    @staticmethod
    def of(values: list[float]) -> "Samples":
        return Samples(tuple(sorted(values)))

    def quantile(self, fraction: float) -> float:
        """The value that `fraction` of the samples do not exceed."""
        return self.values[max(0, math.ceil(fraction * len(self.values)) - 1)]

    @property
    def median(self) -> float:
        return self.quantile(0.5)

    def columns(self, unit: str = "ms") -> dict[str, float]:
        """The spread, as columns of a row."""
        scale = {"s": 1, "ms": 1e3, "us": 1e6}[unit]
        quantiles = {"best": 0.0, "p50": 0.5, "p90": 0.9, "worst": 1.0}
        return {f"{name} {unit}": self.quantile(fraction) * scale for name, fraction in quantiles.items()}


def take_turns(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    clock: Callable[[], float] = time.perf_counter,
    between: Callable[[], object] = lambda: None,
) -> dict[str, Samples]:
    """Time the functions in turn, `rounds` times each after one round that does not count; `between` cleans up, untimed."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds + 1):
        for name, function in functions.items():
            start = clock()
            function()
            taken[name].append(clock() - start)
            between()
    return {name: Samples.of(values[1:]) for name, values in taken.items()}


def in_fresh_process(function: Callable[..., Any], *arguments: object) -> Any:
    """Run a module-level function in a new interpreter, which shares no memory with this one, and return its result."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def peak_rss_bytes() -> int:
    """The most memory this process ever had resident; not ru_maxrss, which a child inherits from its parent."""
    return int(_proc_lines("self/status", "VmHWM")[0].split()[0]) * 1024


class Report:
    """The rows and goals of one benchmark: printed as a table, kept as `results/<name>.json`."""

    def __init__(self, name: str, question: str, facts: Mapping[str, Any] | None = None) -> None:
        """`facts`: what there is to say about this run beside the machine's own."""
        self.name = name
        self.question = question
        self.facts = dict(facts or {})
        self.rows: list[dict[str, Any]] = []
        self.goals: list[dict[str, Any]] = []
        self.ratios: Mapping[str, float] = {}

    def row(self, label: str, **columns: object) -> None:
        """Add a line of figures."""
        self.rows.append({"what": label, **columns})

    def goal(self, label: str, value: float, *, at_most: float | None = None, at_least: float | None = None) -> None:
        """Add a figure with the bound it must keep."""
        met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        bound = f"<= {at_most:g}" if at_most is not None else f">= {at_least:g}"
        self.goals.append({"what": label, "value": value, "goal": bound, "met": met})

    def finish(self, path: Path | None = None) -> None:
        """Print everything and write the JSON, to results/ if no path is named."""
        facts = machine() | self.facts
        print(f"\n{self.name}: {self.question}")
        print(f"  {facts['cpu']}, {facts['cores']} cores, load {facts['load']}; {facts['compiler']}; {facts['commit']}")
        for line in _table(self.rows) + _table(self.goals):
            print("  " + line)
        RESULTS.mkdir(exist_ok=True)
        content = {
            "name": self.name,
            "question": self.question,
            "machine": facts,
            "rows": self.rows,
            "goals": self.goals,
            **({"ratios": self.ratios} if self.ratios else {}),
        }
        (path or RESULTS / f"{self.name}.json").write_text(json.dumps(content, indent=1) + "\n")


def _table(rows: list[dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_shown(row.get(name, "")) for name in names] for row in rows)] if rows else []
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    return [
        line[0].ljust(widths[0]) + "".join("  " + cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        for line in cells
    ]  # fmt: skip


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


@contextmanager
def elapsed() -> Iterator[Callable[[], float]]:
    """Seconds since the block began; stands still once it is left."""
    start = time.perf_counter()
    end: list[float] = []
    yield lambda: (end[0] if end else time.perf_counter()) - start
    end.append(time.perf_counter())
