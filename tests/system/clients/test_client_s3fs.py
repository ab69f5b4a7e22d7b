"""s3fs, which is aiobotocore."""

from collections.abc import Callable

import pytest

from tests.system.clients.programs import Answer, Program

PROGRAM = Program("s3fs", "python")
pytestmark = pytest.mark.slow


@PROGRAM.each_operation
def test_operation(answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str) -> None:
    answers(PROGRAM, over)[operation].check(operation)
