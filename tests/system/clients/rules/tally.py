"""The tally of rules: how many of each section are tested and pass, and why the others do not; printed at the end of a run."""

from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.system.clients.rules.register import LEFT_OUT, SECTIONS

_WORST = ("failed", "skipped", "passed")


class RuleTally:
    """A pytest plugin: a rule passes when every test that is marked with it does."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._tests: dict[str, int] = defaultdict(int)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("rule"):
                section, slug = mark.args
                assert slug in SECTIONS[section], f"{item.nodeid}: {section} has no rule {slug}"
                assert (section, slug) not in LEFT_OUT, (
                    f"{item.nodeid}: the rule {section} {slug} is listed in LEFT_OUT"
                )
                item.user_properties.append(("rule", (section, slug)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        for name, value in report.user_properties:
            if name == "rule" and isinstance(value, tuple):
                self._outcomes[value].add(report.outcome)
                self._tests[value[0]] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._outcomes:
            terminalreporter.section("rules of S3")
            terminalreporter.write("\n".join((*self._table(), *self._remainder())) + "\n")

    def _worst(self, rule: tuple[str, str]) -> str:
        return next((outcome for outcome in _WORST if outcome in self._outcomes[rule]), "untested")

    def _table(self) -> Iterator[str]:
        yield f"{'section':<18}{'rules':>6}{'tested':>8}{'passing':>9}{'tests':>7}"
        for section, slugs in SECTIONS.items():
            worst = [self._worst((section, slug)) for slug in slugs]
            tested, passing = len(worst) - worst.count("untested"), worst.count("passed")
            yield f"{section:<18}{len(slugs):>6}{tested:>8}{passing:>9}{self._tests[section]:>7}"

    def _remainder(self) -> Iterator[str]:
        for section, slugs in SECTIONS.items():
            for slug in slugs:
                worst = self._worst((section, slug))
                if worst != "passed":
                    yield f"{section}, {slug}: {LEFT_OUT.get((section, slug), worst)}"
