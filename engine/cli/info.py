"""`partwright info`: the version, the kernels and features of this processor, and the limits of a store."""

import platform
from importlib.metadata import version
from typing import Any

from engine.cli.failures import Exit
from engine.cli.output import print_json
from engine.cli.parser import Parser, add_query
from engine.limits import Limits
from engine.native import kernels
from engine.native.ffi import cpu_features, libcrypto_version
from engine.record import asdict


def run(command: str, arguments: list[str]) -> int:
    """Run `partwright info <arguments>`."""
    parser = Parser(command=command, description="Show version, kernels, CPU features and limits.")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_query(parser)
    options = parser.parse_args(arguments)
    if options.json or options.query is not None:
        print_json(_facts(), options.query)
    else:
        print("\n".join(_lines(_facts())))
    return Exit.SUCCESS


def _facts() -> dict[str, Any]:
    return {
        "version": version("partwright"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libcrypto": libcrypto_version(),
        "lmdb": version("lmdb"),
        "cpu_features": list(cpu_features()),
        "kernels": [
            asdict(row) for row in (*kernels.kernels(), *kernels.lanes(), *kernels.ciphers(), *kernels.fused_passes())
        ],
        "limits": asdict(Limits()),
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    """Return the facts as lines for people; a star marks the chosen kernels."""
    heads = [f"{name:14}{facts[name]}" for name in ("version", "python", "machine", "libcrypto", "lmdb")]
    features = f"{'cpu features':14}{' '.join(facts['cpu_features']) or '(none used)'}"
    limits = [f"  {name:28}{value:>18,}" for name, value in facts["limits"].items()]
    return [*heads, features, "", "kernels (* chosen)", *map(_kernel_line, facts["kernels"]), "", "limits", *limits]


def _kernel_line(row: dict[str, Any]) -> str:
    star = "*" if row["chosen"] else " "
    note = " ".join(row["needs"]) or "any CPU"
    return f"  {star} {row['algorithm']:36}{row['name']:20}{note}{'' if row['usable'] else '  (not usable here)'}"
