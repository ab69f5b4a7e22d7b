"""aws-sdk-go-v2, with its manager of uploads and downloads."""

from collections.abc import Callable

import pytest

from tests.system.clients.programs import Answer, Program

PROGRAM = Program("aws-sdk-go", "aws_sdk_go")
pytestmark = pytest.mark.slow


BROKEN_OFF = (
    "a known fault: the SDK expects 100 Continue, and goes on to send without it; over TLS always, and in clear on a busy machine, "
    "granian has closed the connection by then"
)


@PROGRAM.each_operation
def test_operation(
    request: pytest.FixtureRequest, answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str
) -> None:
    if operation == "refused upload":
        request.applymarker(pytest.mark.xfail(reason=BROKEN_OFF, strict=False))
    answers(PROGRAM, over)[operation].check(operation)
