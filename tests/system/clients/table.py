"""The table of clients: what each of them did over each host, filled from the tests' own names and printed at the end of a run."""

from collections import defaultdict
from pathlib import Path

import pytest

from tests.system.clients.hosts import HOSTS

_PREFIX = "test_client_"
_HOST_FIXTURES = ("host", "any_server", "every_server")
_CELLS = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}
_WORST = ("failed", "skipped", "passed")


class ClientTable:
    """A pytest plugin. Row: client (in the file's name) and operation (the test's name); column: host."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if item.path.name.startswith(_PREFIX) and not hasattr(getattr(item, "module", None), "PROGRAM"):
                parameters = getattr(getattr(item, "callspec", None), "params", {})
                host = next((parameters[name] for name in _HOST_FIXTURES if name in parameters), "serve")
                item.user_properties += [("host", host), ("operation", getattr(item, "originalname", item.name))]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if "host" in properties and (report.when == "call" or report.outcome != "passed"):
            client = Path(report.nodeid.partition("::")[0]).stem.removeprefix(_PREFIX).partition("_")[0]
            operation = str(properties["operation"]).removeprefix("test_").replace("_", " ")
            self._outcomes[client, operation][str(properties["host"])].append(report.outcome)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._outcomes:
            terminalreporter.section("clients")
            terminalreporter.write("\n".join(self._lines()) + "\n")

    def _lines(self) -> list[str]:
        rows: list[tuple[str, ...]] = [("client", "operation", *HOSTS)]
        for (client, operation), outcomes in sorted(self._outcomes.items()):
            rows.append((client, operation, *(cell(outcomes.get(host, [])) for host in HOSTS)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def cell(outcomes: list[str]) -> str:
    if not outcomes:
        return "-"
    worst = next(outcome for outcome in _WORST if outcome in outcomes)
    return _CELLS[worst] + (f" x{len(outcomes)}" if len(outcomes) > 1 else "")
