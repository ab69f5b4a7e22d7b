"""aws-sdk-go-v2, with its manager of uploads and downloads."""

from collections.abc import Callable

import pytest

from tests.system.clients.programs import Answer, Program

PROGRAM = Program(
    "aws-sdk-go",
    "aws_sdk_go",
    {
        "refused upload": "lost under granian: test_one_that_expects_to_be_asked_and_does_not_wait_loses_the_answer holds the limit"
    },
)
pytestmark = pytest.mark.slow


@PROGRAM.each_operation
def test_operation(answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str) -> None:
    answers(PROGRAM, over)[operation].check(operation)
