"""Metadata in many header lines: up to S3's 2 KB on hosts that take them, and as many lines as granian lets through on its own."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.system.clients.conftest import new_bucket
from tests.system.clients.hosts import Host
from tests.system.clients.raw import Answer, Call, Raw

LINES_MAX = {"granian-wsgi": 100}
"""What hyper takes, which granian leaves as it is; docs/server.md names it."""


@pytest.fixture
def put(any_server: Host, clients: Callable[..., Any]) -> Callable[[int], tuple[Answer, dict[str, str]]]:
    assert any_server.server is not None
    raw, s3 = Raw(any_server.server.port, any_server.pair), clients(any_server)
    path = f"/{new_bucket(s3)}/key"

    def put(lines: int) -> tuple[Answer, dict[str, str]]:
        """Store an object by a request of so many header lines; what metadata it has then."""
        others = len(Call("PUT", path).signed(raw.pair, "host"))
        metadata = {f"{at:03x}": "v" for at in range(lines - others)}
        headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        return raw.send(Call("PUT", path, headers=headers, body=b"body")), metadata

    return put


def test_metadata_in_a_hundred_lines_is_kept(
    any_server: Host, put: Callable[[int], tuple[Answer, dict[str, str]]]
) -> None:
    answer, metadata = put(100)
    assert answer.status == 200
    assert len(metadata) > 90


def test_two_kilobytes_of_metadata_are_kept_in_however_many_lines(
    any_server: Host, put: Callable[[int], tuple[Answer, dict[str, str]]]
) -> None:
    if any_server.name in LINES_MAX:
        answer, _ = put(LINES_MAX[any_server.name] + 1)
        assert (answer.status, answer.body) == (431, b"")  # granian's own; docs/server.md tells of it
        return
    answer, metadata = put(500)
    assert answer.status == 200
    assert sum(len(name) + len(value) for name, value in metadata.items()) < 2048
    answer, _ = put(600)
    assert (answer.status, answer.error["Code"]) == (400, "MetadataTooLarge")
