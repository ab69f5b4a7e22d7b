"""pyarrow: S3FileSystem, which is aws-sdk-cpp."""

from collections.abc import Callable

import pytest

from tests.system.clients.programs import Answer, Program

PROGRAM = Program(
    "pyarrow",
    "python",
    {
        "abort": "It shows no upload under way.",
        "copy of parts": "It copies whole objects alone.",
        "checksums": "It offers no algorithm.",
        "customer key": "It has no customers' keys.",
        "presigned get": "It signs no URLs.",
        "presigned put": "It signs no URLs.",
        "presigned part": "It signs no URLs.",
        "create only": "It sends no conditions.",
        "replace only": "It sends no conditions.",
        "versions": "It knows of no versions.",
        "metadata": "It sends no metadata of one's own.",
        "refused upload": "It has no call for a part.",
        "tags": "It has no tags.",
        "retention": "It has no object lock.",
    },
)
pytestmark = pytest.mark.slow


@PROGRAM.each_operation
def test_operation(answers: Callable[[Program, str], dict[str, Answer]], over: str, operation: str) -> None:
    answers(PROGRAM, over)[operation].check(operation)
