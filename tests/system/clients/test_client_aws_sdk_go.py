"""aws-sdk-go-v2, with its manager of uploads and downloads."""

from collections.abc import Callable

import pytest

from tests.system.clients.programs import Answer, Program

PROGRAM = Program("aws-sdk-go", "aws_sdk_go")
pytestmark = pytest.mark.slow


@PROGRAM.each_operation
def test_operation(answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str) -> None:
    answers(PROGRAM, over)[operation].check(operation)
