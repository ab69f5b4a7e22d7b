"""How the command line begins and ends: finding the store, exit codes, what is imported, and never a traceback."""

import json
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.catalogue import OPERATIONS, OTHERS
from tests.support.command_line import CommandLine

ROOT = Path(__file__).parents[3]


def usage_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 252
    return capsys.readouterr().err


def test_the_console_script_is_main() -> None:
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["partwright"]
    module, _, name = script.partition(":")
    assert getattr(import_module(module), name) is main


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert set(capsys.readouterr().out.split()) >= {*OPERATIONS, *OTHERS}


def test_version_is_printed_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("partwright ")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("upload-prat",), "argument COMMAND: invalid choice: 'upload-prat'"),
        (("stat",), "no store is named: give --store DIR or set PARTWRIGHT_STORE"),
        (("list-buckets",), "no store is named: give --store DIR or set PARTWRIGHT_STORE"),
        (("cp", "a", "b"), "one of SOURCE and TARGET is a file and the other is s3://BUCKET/KEY"),
        (("cp", "s3://a/b", "s3://c/d"), "one of SOURCE and TARGET is a file and the other is s3://BUCKET/KEY"),
        (("cp", "a", "s3://", "--store", "x"), "s3:// is not s3://BUCKET/KEY"),
        (("cp", "s3://b", "x", "--store", "x"), "s3://b is not s3://BUCKET/KEY"),
        (("cp", "a", "s3://b/k", "--part-size", "5MB"), "argument --part-size: a part has 5.0 MiB to 5.0 GiB"),
        (("cp", "a", "s3://b/k", "--part-size", "6GiB"), "argument --part-size: a part has 5.0 MiB to 5.0 GiB"),
        (("cp", "a", "s3://b/k", "--part-size", "much"), "argument --part-size: not a size: 'much'"),
        (("cp", "a", "s3://b/k", "--jobs", "0"), "argument --jobs: not a number from 1 up: '0'"),
        (("reap",), "no store is named: give --store DIR or set PARTWRIGHT_STORE"),
        (("reap", "--older-than", "7"), "argument --older-than: not a span of time: '7'"),
    ],
)
def test_wrong_usage_leaves_with_252_and_the_usage(
    arguments: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PARTWRIGHT_STORE", raising=False)
    printed = usage_error(capsys, *arguments)
    assert printed.startswith("usage: partwright")
    assert f"\npartwright: error: {error}" in printed


def test_a_store_that_does_not_exist_is_a_clear_error_and_is_not_made(no_store: CommandLine) -> None:
    for arguments in (["list-buckets"], ["stat"], ["check"], ["cp", "/etc/hostname", "s3://photos/k"]):
        result = no_store(*arguments)
        assert result.code == 255
        assert result.err.startswith("partwright: error: ")
        assert str(no_store.store) in result.err
        assert not no_store.store.exists()


def test_a_folder_of_something_else_is_no_store(no_store: CommandLine) -> None:
    no_store.store.mkdir()
    (no_store.store / "letter.txt").write_text("dear")
    for arguments in (["list-buckets"], ["create-bucket", "--bucket", "photos"]):
        result = no_store(*arguments)
        assert result.code == 255
        assert result.err.startswith("partwright: error: ")
        assert [path.name for path in no_store.store.iterdir()] == ["letter.txt"]


def test_the_first_create_bucket_makes_the_store(no_store: CommandLine) -> None:
    assert no_store.json("create-bucket", "--bucket", "photos") == {
        "Location": "/photos",
        "BucketArn": "arn:aws:s3:::photos",
    }
    assert [bucket["Name"] for bucket in no_store.json("list-buckets")["Buckets"]] == ["photos"]


def test_the_option_wins_over_the_environment_and_may_stand_first(partwright: CommandLine, tmp_path: Path) -> None:
    other = tmp_path / "other"
    partwright.output("--store", other, "create-bucket", "--bucket", "films")
    for arguments in (["--store", other, "list-buckets"], ["list-buckets", "--store", other]):
        assert [bucket["Name"] for bucket in partwright.json(*arguments)["Buckets"]] == ["films"]


IMPORTED = (
    "import sys; {}; print(sorted({{name.split('.')[0] for name in sys.modules}} & {{'botocore', 'jmespath', 'tqdm'}}))"
)


@pytest.mark.parametrize("code", ["import engine", "from engine.cli import main; main(['stat'])"])
def test_what_needs_no_model_loads_none(partwright: CommandLine, code: str) -> None:
    assert partwright.process(code=IMPORTED.format(code)).out.splitlines()[-1] == "[]"


def test_a_missing_extra_is_named(partwright: CommandLine) -> None:
    code = "import sys; sys.modules['botocore'] = None; from engine.cli import main; sys.exit(main())"
    result = partwright.process("list-buckets", code=code)
    assert (result.code, result.out) == (255, "")
    assert result.err == "partwright: error: this needs botocore: pip install 'partwright[cli]'\n"


def test_what_nobody_foresaw_is_a_message_too(partwright: CommandLine) -> None:
    code = """import sys, engine, engine.cli
def broken(*_, **__): raise RuntimeError("the sky fell")
engine.Store.list_buckets = broken
sys.exit(engine.cli.main())"""
    result = partwright.process("list-buckets", code=code)
    assert (result.code, result.err) == (255, "partwright: error: RuntimeError: the sky fell\n")


def test_a_reader_that_leaves_is_no_traceback(partwright: CommandLine) -> None:
    process = partwright.start("list-buckets")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 255


def test_interruption_is_a_message_and_130(partwright: CommandLine) -> None:
    code = """import sys, engine, engine.cli
def interrupted(*_, **__): raise KeyboardInterrupt
engine.Store.list_buckets = interrupted
sys.exit(engine.cli.main())"""
    result = partwright.process("list-buckets", code=code)
    assert (result.code, result.err) == (130, "partwright: interrupted\n")


def test_names_that_are_not_ascii_are_printed_as_they_are(partwright: CommandLine) -> None:
    partwright.output("put-object", "--bucket", "photos", "--key", "grüße/猫.raw")
    out = partwright.output("list-objects-v2", "--bucket", "photos")
    assert "grüße/猫.raw" in out
    assert json.loads(out)["Contents"][0]["Key"] == "grüße/猫.raw"
