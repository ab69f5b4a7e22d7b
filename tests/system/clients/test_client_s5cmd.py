"""s5cmd."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.clients.commands import s5cmd
from tests.system.clients.conftest import bucket_name, new_bucket
from tests.system.clients.hosts import Host

BODY = bytes(range(256)) * (11 * 4096)
"""11 MiB: three parts of 5 MiB."""


def test_copy_up_and_down(every_server: Host, tmp_path: Path) -> None:
    command, bucket = s5cmd(every_server, tmp_path), bucket_name()
    (tmp_path / "source").write_bytes(BODY)
    command("mb", f"s3://{bucket}")
    command("cp", "--part-size", 5, "source", f"s3://{bucket}/dir/key")
    command("cp", "--part-size", 5, f"s3://{bucket}/dir/key", "target")
    assert (tmp_path / "target").read_bytes() == BODY
    command("rm", f"s3://{bucket}/*")
    command("rb", f"s3://{bucket}")


def test_ls_cat_du_pipe_mv_sync_presign(served: Host, tmp_path: Path) -> None:
    command, bucket = s5cmd(served, tmp_path), bucket_name()
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "a b").write_text("one")
    (tmp_path / "tree" / "sub" / "ü").write_text("second")
    command("mb", f"s3://{bucket}")
    command("sync", "tree/", f"s3://{bucket}/tree/")
    assert command("sync", "tree/", f"s3://{bucket}/tree/") == ""
    listed = [line.split(maxsplit=3)[2:] for line in command("ls", f"s3://{bucket}/*").splitlines()]
    assert listed == [["3", "tree/a b"], ["6", "tree/sub/ü"]]
    assert command("du", f"s3://{bucket}/*").startswith("9 bytes in 2 objects")
    command("pipe", f"s3://{bucket}/piped", stdin=b"from a pipe")
    assert command("cat", f"s3://{bucket}/piped") == "from a pipe"
    command("mv", f"s3://{bucket}/piped", f"s3://{bucket}/moved")
    command("cp", f"s3://{bucket}/moved", f"s3://{bucket}/copied")
    assert command("cat", f"s3://{bucket}/copied") == "from a pipe"
    assert command("ls").count(f"s3://{bucket}\n") == 1
    assert "X-Amz-Signature=" in command("presign", f"s3://{bucket}/moved")
    command("rm", f"s3://{bucket}/*")
    command("rb", f"s3://{bucket}")


@pytest.mark.parametrize("every_server", ["serve-tls"], indirect=True)
def test_encryption(every_server: Host, clients: Callable[..., Any], tmp_path: Path) -> None:
    command, s3 = s5cmd(every_server, tmp_path), clients(every_server)
    bucket = new_bucket(s3)
    (tmp_path / "source").write_bytes(BODY)
    command("cp", "--part-size", 5, "--sse", "aws:kms", "source", f"s3://{bucket}/kms")
    key_id = s3.head_object(Bucket=bucket, Key="kms")["SSEKMSKeyId"]
    command("cp", "--part-size", 5, "--sse", "AES256", "source", f"s3://{bucket}/s3")
    command("cp", "--sse", "aws:kms", "--sse-kms-key-id", key_id, f"s3://{bucket}/s3", f"s3://{bucket}/copy")
    for key, kind in (("s3", "AES256"), ("kms", "aws:kms"), ("copy", "aws:kms")):
        head = s3.head_object(Bucket=bucket, Key=key)
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (kind, key_id if kind == "aws:kms" else None)
        command("cp", "--part-size", 5, f"s3://{bucket}/{key}", "target")
        assert (tmp_path / "target").read_bytes() == BODY
    ended = command.ended("cp", "--sse", "aws:kms", "--sse-kms-key-id", "gone", "source", f"s3://{bucket}/gone")
    assert (ended.code, "KMS.NotFoundException: Key 'gone' does not exist" in ended.err) == (1, True)


def test_refused_upload_is_told_as_it_is(served: Host, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(BODY)
    ended = s5cmd(served, tmp_path).ended("cp", "--part-size", 50, "source", "s3://no-such-bucket-here/key")
    assert (ended.code, "NoSuchBucket: The specified bucket does not exist" in ended.err) == (1, True)
