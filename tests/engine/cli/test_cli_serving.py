"""The options of `partwright serve`: one table for command line, environment and record, and the record's own defaults."""

import dataclasses
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from engine.cli.configuration import of_environment, of_file
from engine.cli.failures import CommandError
from engine.cli.serve_options import CONFIG, OPTIONS, THREADS_MAX
from engine.cli.serving import parser_of_serve, settle
from engine.errors import StoreError
from engine.server.access import AccessLog
from engine.server.credentials import Credentials
from engine.server.options import ServerKeywords, ServerOptions
from engine.server.serve import ServeOptions, make_options

TABLE = {option.name: option for option in OPTIONS}
GIVEN: dict[str, tuple[str, str, Any]] = {
    "store": ("elsewhere", "store", "elsewhere"),
    "key-ring": ("ring", "key_ring", "ring"),
    "alias": ("AP-1.example=photos", "aliases", {"ap-1.example": "photos"}),
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
IN_FILE = {
    "domain": '["s3.test"]',
    "alias": '{"AP-1.example" = "photos"}',
    "workers": "3",
    "threads": "7",
}
"""What a configuration file says for GIVEN, where it isn't the text."""


def settled(*arguments: str) -> ServeOptions:
    """The record that `partwright serve` would serve by."""
    parameters = {"store": "data"} | settle(parser_of_serve(), arguments)
    record, _ = make_options(**parameters)
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
    for option in (CONFIG, *OPTIONS):
        monkeypatch.delenv(option.variable, raising=False)


def configuration(folder: Path, text: str) -> str:
    """Write a configuration file, and return its path."""
    file = folder / "partwright.toml"
    file.write_text(text)
    return str(file)


def test_every_option_of_the_table_is_tried_here() -> None:
    assert {*GIVEN, "credentials", "default-cors"} == set(TABLE)


@pytest.mark.parametrize("name", GIVEN)
def test_an_option_its_variable_and_its_line_set_one_member(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text, member, value = GIVEN[name]
    by_default = settled()
    assert changed(by_default, settled(f"--{name}", text)) == {member: value}
    file = configuration(tmp_path, f"{name} = {IN_FILE.get(name, repr(text))}\n")
    in_file = str(tmp_path / value) if TABLE[name].metavar in ("FILE", "DIR") else value
    assert changed(by_default, settled("--config", file)) == {member: in_file}
    monkeypatch.setenv(TABLE[name].variable, text)
    assert changed(by_default, settled()) == {member: value}


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = configuration(tmp_path, "threads = 1\nworkers = 1\nregion = 'a'\nalias = {a = 'one-one', b = 'two-two'}\n")
    monkeypatch.setenv("PARTWRIGHT_CONFIG", file)
    monkeypatch.setenv("PARTWRIGHT_THREADS", "2")
    monkeypatch.setenv("PARTWRIGHT_WORKERS", "2")
    monkeypatch.setenv("PARTWRIGHT_ALIAS", "c=three,d=four")
    record = settled("--workers", "3")
    assert (record.region, record.threads, record.workers) == ("a", 2, 3)
    assert record.aliases == {"c": "three", "d": "four"}
    monkeypatch.setenv("PARTWRIGHT_ALIAS", "")
    assert settled().aliases == {"a": "one-one", "b": "two-two"}
    assert settled("--alias", "e=five", "--alias", "f=six-six").aliases == {"e": "five", "f": "six-six"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("threds = 2", "threds: there is no such option: did you mean threads?"),
        ("tls_cert = 'a'", "tls_cert: there is no such option: did you mean tls-cert?"),
        ("zebra = 1", "zebra: there is no such option"),
        ("config = 'other.toml'", "config: there is no such option"),
        ("threads = '2'", "threads: it must be a whole number"),
        ("threads = true", "threads: it must be a whole number"),
        ("threads = 0", f"threads: '0' is not a number from 1 to {THREADS_MAX}"),
        ("threads = -1", "threads: '-1' is not"),
        ("region = 7", "region: it must be a text"),
        ("region = ''", "region: it is empty"),
        ("domain = 'a'", "domain: it must be a list of texts"),
        ("domain = ['a', 1]", "domain: it must be a list of texts"),
        ("alias = ['a=bucket']", "alias: it must be a table of texts"),
        ("alias = {a = 1}", "alias: it must be a table of texts"),
        ("alias = {'a:80' = 'bucket'}", "alias: 'a:80=bucket' is not HOST=BUCKET"),
        ("alias = {a = 'one-one', A = 'two-two'}", "alias: a host is given twice"),
        ("listen = 'everywhere'", "listen: 'everywhere' is not HOST:PORT"),
        ("presigned-sigv2 = 'no'", "presigned-sigv2: 'no' is not one of refuse, allow"),
        ("[[credentials]]\naccess_key = 'A'\nsecret_key = 's3cr3t'", "credentials: it must be a text"),
    ],
)
def test_a_file_is_refused_by_the_name_that_is_wrong(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        of_file(configuration(tmp_path, text))
    assert f"partwright.toml: {told}" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_all_that_is_wrong_is_told_at_once_even_where_another_value_wins(tmp_path: Path) -> None:
    file = configuration(tmp_path, "threads = 0\nregoin = 'a'\n")
    with pytest.raises(CommandError, match=r"(?s)threads: .*\n.*regoin: .*region"):
        settled("--config", file, "--threads", "7")


@pytest.mark.parametrize("content", [b"threads = ", b"\xff", b"a = " + b"[" * 100_000, b"a = 1\na = 2"])
def test_what_is_no_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "partwright.toml"
    file.write_bytes(content)
    with pytest.raises(CommandError, match="can't be read"):
        of_file(str(file))
    with pytest.raises(CommandError, match="can't be read: No such file"):
        of_file(str(tmp_path / "absent.toml"))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("PARTWRIGHT_THREADS", "many", "PARTWRIGHT_THREADS: 'many' is not a number"),
        ("PARTWRIGHT_TREADS", "7", "PARTWRIGHT_TREADS is no option: did you mean PARTWRIGHT_THREADS?"),
        ("PARTWRIGHT_ALIAS", "a=bucket,b", "PARTWRIGHT_ALIAS: 'b' is not HOST=BUCKET"),
    ],
)
def test_a_variable_is_refused_by_its_name(name: str, text: str, told: str) -> None:
    with pytest.raises(CommandError) as caught:
        of_environment({name: text})
    assert told in str(caught.value)


def test_variables_of_others_and_empty_ones_are_left_alone() -> None:
    """Source: Kubernetes' documentation, "Environment variables" of services."""
    others = {"PARTWRIGHT_SERVICE_HOST": "10.0.0.1", "PARTWRIGHT_PORT": "tcp://10.0.0.1:9000", "HOME": "/"}
    assert of_environment(others | {"PARTWRIGHT_TLS_CERT": ""}) == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--threds", "7"), "unrecognized argument --threds: did you mean --threads?"),
        (("--zebra=7",), "unrecognized argument --zebra=7\n"),
        (("--credentials", ""), "argument --credentials: it is empty"),
        (("--alias", "a=one-one", "--alias", "A=two-two"), "argument --alias: a host is given twice"),
    ],
)
def test_an_argument_is_refused_by_its_name(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        settled(*arguments)
    assert told in capsys.readouterr().err


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


def test_default_rules_for_other_origins_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cors.json"
    file.write_text('{"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}]}')
    rule = {"allowed_methods": ["GET"], "allowed_origins": ["*"], "max_age_seconds": 5}
    assert settled("--default-cors", str(file)).default_cors == {"cors_rules": [rule]}
    assert settled().default_cors is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        '{"CORSRules": []}',
        '{"CORSRules": [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]}',
        '{"CORSRules": [{"AllowedMethods": ["GET"]}]}',
        '{"Rules": []}',
        '{"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "Colour": "red"}]}',
    ],
)
def test_a_file_without_rules_is_refused_at_the_start(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "cors.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(StoreError, match=rf"{file}: no cross-origin rules: \S"):
        settled("--default-cors", str(file))
