"""s3cmd."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.uploads import part_etag_of
from tests.system.clients.commands import s3cmd
from tests.system.clients.conftest import bucket_name, new_bucket
from tests.system.clients.hosts import Host

pytestmark = pytest.mark.slow

BODY = bytes(range(256)) * (11 * 4096)
"""11 MiB: three parts of 5 MiB."""


def test_copy_up_and_down(every_server: Host, tmp_path: Path) -> None:
    command, bucket = s3cmd(every_server, tmp_path), bucket_name()
    (tmp_path / "source").write_bytes(BODY)
    command("mb", f"s3://{bucket}")
    command("put", "source", f"s3://{bucket}/dir/key")
    command("get", f"s3://{bucket}/dir/key", "target")
    assert (tmp_path / "target").read_bytes() == BODY
    command("rb", "--recursive", "--force", f"s3://{bucket}")


def test_ls_info_cp_mv_modify_sync_du_del(served: Host, tmp_path: Path) -> None:
    command, bucket = s3cmd(served, tmp_path), bucket_name()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a b").write_text("one")
    (tmp_path / "tree" / "ü").write_text("second")
    command("mb", f"s3://{bucket}")
    command("sync", "tree/", f"s3://{bucket}/tree/")
    listed = [line.split(maxsplit=2)[2] for line in command("ls", "--recursive", f"s3://{bucket}").splitlines()]
    assert listed == [f"3  s3://{bucket}/tree/a b", f"6  s3://{bucket}/tree/ü"]
    command("cp", f"s3://{bucket}/tree/ü", f"s3://{bucket}/copied")
    command("mv", f"s3://{bucket}/copied", f"s3://{bucket}/moved")
    command("modify", "--add-header=x-amz-meta-colour:red", f"s3://{bucket}/moved")
    info = command("info", f"s3://{bucket}/moved")
    assert "File size: 6" in info
    assert "x-amz-meta-colour: red" in info
    assert "Location:  us-east-1" in command("info", f"s3://{bucket}")
    assert command("du", f"s3://{bucket}").split()[:2] == ["15", "3"]
    command("del", f"s3://{bucket}/moved")
    command("rb", "--recursive", "--force", f"s3://{bucket}")
    assert bucket not in command("ls")


@pytest.mark.parametrize("every_server", ["serve-tls"], indirect=True)
def test_encryption(every_server: Host, clients: Callable[..., Any], tmp_path: Path) -> None:
    command, s3 = s3cmd(every_server, tmp_path), clients(every_server)
    bucket = new_bucket(s3)
    key_id = s3.put_object(Bucket=bucket, Key="any", Body=b"", ServerSideEncryption="aws:kms")["SSEKMSKeyId"]
    (tmp_path / "source").write_bytes(BODY)
    for kind, options in (
        ("AES256", ("--server-side-encryption",)),
        ("aws:kms", ("--server-side-encryption-kms-id", key_id)),
    ):
        command("put", *options, "source", f"s3://{bucket}/{kind}")
        command("cp", *options, f"s3://{bucket}/{kind}", f"s3://{bucket}/copy")
        for key in (kind, "copy"):
            assert s3.head_object(Bucket=bucket, Key=key)["ServerSideEncryption"] == kind
            command("get", "--force", f"s3://{bucket}/{key}", "target")
            assert (tmp_path / "target").read_bytes() == BODY


def test_multipart_listing_and_abort(served: Host, clients: Callable[..., Any], tmp_path: Path) -> None:
    command, s3 = s3cmd(served, tmp_path), clients(served)
    bucket = new_bucket(s3)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="key", UploadId=upload_id, PartNumber=1, Body=b"part")
    assert upload_id in command("multipart", f"s3://{bucket}")
    listed = command("listmp", f"s3://{bucket}/key", upload_id).splitlines()[-1]
    assert listed.split()[1:3] == ["1", part_etag_of(b"part")]
    command("abortmp", f"s3://{bucket}/key", upload_id)
    assert upload_id not in command("multipart", f"s3://{bucket}")


def test_refused_upload_is_told_as_it_is(served: Host, tmp_path: Path) -> None:
    """s3cmd sends the whole body without waiting for `100 Continue`, and hears the refusal all the same."""
    (tmp_path / "source").write_bytes(BODY)
    ended = s3cmd(served, tmp_path).ended("put", "--disable-multipart", "source", "s3://no-such-bucket-here/key")
    assert (ended.code, "404 (NoSuchBucket): The specified bucket does not exist" in ended.err) == (12, True)
