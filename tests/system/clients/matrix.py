"""The table of what each client that is a program did, filled from its tests and printed at the end of a run."""

from collections import defaultdict

import pytest

from tests.system.clients.operations import OPERATIONS
from tests.system.clients.table import cell


class OperationTable:
    """A pytest plugin. Row: operation; column: client; over all hosts that the client did it over."""

    def __init__(self) -> None:
        self._outcomes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            program = getattr(getattr(item, "module", None), "PROGRAM", None)
            if program is not None:
                operation = item.callspec.params["operation"]  # type: ignore[attr-defined]
                item.user_properties += [("program", program.client), ("done", operation)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if "program" in properties and (report.when == "call" or report.outcome != "passed"):
            self._outcomes[str(properties["program"])][str(properties["done"])].append(report.outcome)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._outcomes:
            terminalreporter.section("operations of clients")
            terminalreporter.write("\n".join(self._lines()) + "\n")

    def _lines(self) -> list[str]:
        clients = sorted(self._outcomes)
        rows = [("operation", *clients)]
        rows += [(each, *(cell(self._outcomes[client].get(each, [])) for client in clients)) for each in OPERATIONS]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
