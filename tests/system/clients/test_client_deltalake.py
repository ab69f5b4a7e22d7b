"""deltalake: tables whose commits are conditional puts."""

from collections.abc import Callable

import pytest

from tests.system.clients.operations import OPERATIONS
from tests.system.clients.programs import Answer, Program

HAS = {"multipart up", "create only", "versions", "listing", "delete many", "errors"}
PROGRAM = Program("deltalake", "python", dict.fromkeys(OPERATIONS.keys() - HAS, "It reads and writes tables alone."))
pytestmark = pytest.mark.slow


@PROGRAM.each_operation
def test_operation(answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str) -> None:
    answers(PROGRAM, over)[operation].check(operation)
