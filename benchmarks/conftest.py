"""What the pytest-benchmark files share: how a run describes itself, and what of it is kept in the JSON."""

from typing import Any

import pytest

from benchmarks.harness import machine


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """Our facts in place of the plugin's, which name the host."""
    machine_info.clear()
    machine_info.update(machine())


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: list[Any], output_json: dict[str, Any]) -> None:
    """Keep the spread, not each sample."""
    output_json.pop("commit_info", None)
    for row in output_json["benchmarks"]:
        row["stats"].pop("data", None)
