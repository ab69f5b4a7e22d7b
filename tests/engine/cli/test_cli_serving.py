"""The options of `partwright serve`: one table for command line, environment and record, and the record's own defaults."""

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from engine.cli.serving import OPTIONS, VARIABLE_PREFIX, Option, parser_of_serve
from engine.server.access import AccessLog
from engine.server.credentials import Credentials
from engine.server.options import ServerKeywords, ServerOptions
from engine.server.serve import ServeOptions, make_options

TABLE = {option.name: option for option in OPTIONS if isinstance(option, Option)}
GIVEN: dict[str, tuple[str, str, Any]] = {
    "listen": ("[::1]:9001", "listen", ("::1", 9001)),
    "region": ("eu-central-1", "region", "eu-central-1"),
    "presigned-sigv2": ("refuse", "presigned_sigv2", False),
    "domain": ("s3.test", "domains", ("s3.test",)),
    "tls-cert": ("cert.pem", "tls_cert", "cert.pem"),
    "tls-key": ("key.pem", "tls_key", "key.pem"),
    "customer-keys-in-clear": ("allow", "customer_keys_in_clear", True),
    "customer-keys-in-new-buckets": ("allow", "customer_keys_in_new_buckets", True),
    "key-provider": ("aws", "key_provider", "aws"),
    "kms-key-id": ("alias/a", "kms_key_id", "alias/a"),
    "workers": ("3", "workers", 3),
    "reap-interval": ("30m", "reap_interval_s", 1800.0),
    "threads": ("7", "threads", 7),
    "log-format": ("none", "access_log", None),
}
"""Option -> a text that is not its default, and the member of the record that it sets, to what."""


def settled(*arguments: str) -> ServeOptions:
    """The record that `partwright serve` would serve by."""
    options = parser_of_serve().parse_args(["--store", "data", *arguments])
    record, _ = make_options(**{name: value for name, value in vars(options).items() if value is not None})
    return record


def changed(record: ServeOptions, other: ServeOptions) -> dict[str, Any]:
    """The members of `other` that differ, but for what is made anew each time."""
    names = [field.name for field in dataclasses.fields(record) if field.name != "credentials"]
    pairs = {name: (getattr(record, name), getattr(other, name)) for name in names}
    return {
        name: after
        for name, (before, after) in pairs.items()
        if after != before and not (isinstance(before, AccessLog) and isinstance(after, AccessLog))
    }


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TABLE, "store", "key-ring"):
        monkeypatch.delenv(variable(name), raising=False)


def variable(name: str) -> str:
    return VARIABLE_PREFIX + name.upper().replace("-", "_")


def test_every_option_of_the_table_is_tried_here() -> None:
    assert {*GIVEN, "credentials"} == set(TABLE)


@pytest.mark.parametrize("name", GIVEN)
def test_an_option_and_its_variable_set_one_member(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, member, value = GIVEN[name]
    by_default = settled()
    assert changed(by_default, settled(f"--{name}", text)) == {member: value}
    monkeypatch.setenv(variable(name), text)
    assert changed(by_default, settled()) == {member: value}


def test_credentials_are_read_from_their_file(tmp_path: Path) -> None:
    file = tmp_path / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text('[[credentials]]\naccess_key = "AKIAONE"\nsecret_key = "secret"\n')
    assert [pair.access_key for pair in settled("--credentials", str(file)).credentials] == ["AKIAONE"]


def test_defaults_of_the_command_line_are_those_of_the_record() -> None:
    plain = ServeOptions(store="data", listen=("127.0.0.1", 9000), credentials=Credentials.random())
    assert changed(dataclasses.replace(plain, access_log=AccessLog()), settled()) == {}


def test_keywords_of_the_applications_are_the_members_of_the_record() -> None:
    assert set(ServerKeywords.__annotations__) == {field.name for field in dataclasses.fields(ServerOptions)}
    keywords, members = get_type_hints(ServerKeywords), get_type_hints(ServerOptions)
    assert keywords == members | {"region": str}
