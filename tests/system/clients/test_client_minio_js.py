"""minio-js, which signs no Content-Type."""

from collections.abc import Callable

import pytest

from tests.system.clients.programs import Answer, Program

PROGRAM = Program("minio-js", "minio_js", {"checksums": "It sends none but Content-MD5."})
pytestmark = pytest.mark.slow


@PROGRAM.each_operation
def test_operation(answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str) -> None:
    answers(PROGRAM, over)[operation].check(operation)
