"""obstore, which is object_store, in Rust."""

from collections.abc import Callable

import pytest

from tests.system.clients.programs import Answer, Program

PROGRAM = Program(
    "obstore",
    "python",
    {
        "abort": "It shows no upload under way.",
        "copy of parts": "It copies whole objects alone.",
        "presigned part": "It signs no URLs of parts.",
        "versions": "It neither sets nor lists them.",
        "refused upload": "It has no call for a part.",
        "control characters": "It takes no such keys.",
        "tags": "It reads no tags.",
        "retention": "It has no object lock.",
    },
)
pytestmark = pytest.mark.slow


@PROGRAM.each_operation
def test_operation(answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str) -> None:
    answers(PROGRAM, over)[operation].check(operation)
