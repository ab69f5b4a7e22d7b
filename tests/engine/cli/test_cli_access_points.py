"""Access points on the command line: `--bucket ARN` leads where the alias of its host does."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

POINT = "arn:aws:s3:us-east-1:123456789012:accesspoint/ap"
OUTPOST = "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-1/accesspoint/ap"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PARTWRIGHT_ALIAS", "PARTWRIGHT_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("arn", "alias"),
    [
        (POINT, "ap-123456789012=photos"),
        (POINT.replace("/", ":"), "ap-123456789012.s3-accesspoint.us-east-1.example.com=photos"),
        (OUTPOST, "AP-123456789012.op-1=photos"),
    ],
)
def test_an_arn_leads_to_the_bucket_of_its_alias(
    partwright: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arn: str, alias: str
) -> None:
    upload = partwright.json(
        "create-multipart-upload", "--bucket", arn, "--key", "a", "--alias", "x=other", "--alias", alias
    )
    assert upload["Bucket"] == "photos"
    monkeypatch.setenv("PARTWRIGHT_ALIAS", alias)
    assert len(partwright.json("list-multipart-uploads", "--bucket", arn)["Uploads"]) == 1
    monkeypatch.delenv("PARTWRIGHT_ALIAS")
    host, _, bucket = alias.partition("=")
    file = tmp_path / "partwright.toml"
    file.write_text(f'threads = 3\n[alias]\n"{host}" = "{bucket}"\n')
    monkeypatch.setenv("PARTWRIGHT_CONFIG", str(file))
    assert len(partwright.json("list-multipart-uploads", "--bucket", arn)["Uploads"]) == 1


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        (POINT, f"no alias leads from {POINT} to a bucket: give --alias ap-123456789012=BUCKET"),
        (POINT.replace("ap", "ap-1"), "ap-1-123456789012=BUCKET"),
        (OUTPOST, "give --alias ap-123456789012.op-1=BUCKET"),
        ("arn:aws:s3:::photos", "arn:aws:s3:::photos is not the ARN of an access point"),
        (POINT.replace("123456789012", "12"), "is not the ARN of an access point"),
        (f"{POINT}/object/key", "is not the ARN of an access point"),
    ],
)
def test_an_arn_that_leads_nowhere_is_refused(partwright: CommandLine, arn: str, told: str) -> None:
    done = partwright(
        "create-multipart-upload", "--bucket", arn, "--key", "a", "--alias", "another-123456789012=photos"
    )
    assert (done.code, told in done.err) == (255, True), done
    assert partwright.output("list-multipart-uploads", "--bucket", "photos", "--query", "Uploads") == "null\n"
