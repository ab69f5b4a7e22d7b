"""Customers' keys on the command line, as `aws` takes them: text, or a file of any 32 bytes."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.customers import RAW, some_bytes

TEXT = "k" * 32
NO_TEXT = bytes(range(128, 160))


@pytest.fixture
def body(place: Path) -> Path:
    path = place / "body"
    path.write_bytes(some_bytes(70_000))
    return path


def written(place: Path, key: bytes) -> str:
    path = place / "secret"
    path.write_bytes(key)
    return f"fileb://{path}"


@pytest.mark.parametrize("key", [TEXT.encode(), RAW, NO_TEXT, b"\r\n" * 16])
def test_a_key_in_a_file_may_have_any_bytes(partwright: CommandLine, place: Path, body: Path, key: bytes) -> None:
    partwright.json("create-bucket", "--bucket", "secrets")
    named = ("--bucket", "secrets", "--key", "a")
    said = ("--sse-customer-algorithm", "AES256", "--sse-customer-key", written(place, key))
    put = partwright.json("put-object", *named, "--body", body, *said)
    got = partwright.json("get-object", *named, *said, place / "out")
    assert (place / "out").read_bytes() == body.read_bytes()
    assert put["SSECustomerAlgorithm"] == got["SSECustomerAlgorithm"] == "AES256"
    assert put["SSECustomerKeyMD5"] == got["SSECustomerKeyMD5"]


def test_a_key_is_text_too_and_a_wrong_one_is_told(partwright: CommandLine, place: Path, body: Path) -> None:
    partwright.json("create-bucket", "--bucket", "secrets")
    named = ("--bucket", "secrets", "--key", "a")
    said = ("--sse-customer-algorithm", "AES256", "--sse-customer-key")
    partwright.json("put-object", *named, "--body", body, *said, TEXT)
    partwright.json("head-object", *named, *said, TEXT)
    for wrong, words in (("x" * 32, "must provide the correct secret key"), ("x", "The secret key was invalid")):
        result = partwright("get-object", *named, *said, wrong, place / "out")
        assert (result.code, result.out) == (254, "")
        assert words in result.err
        assert not (place / "out").exists()
