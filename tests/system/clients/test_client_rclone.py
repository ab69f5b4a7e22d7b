"""rclone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.clients.commands import rclone
from tests.system.clients.conftest import bucket_name, new_bucket
from tests.system.clients.hosts import Host

BODY = bytes(range(256)) * (11 * 4096)
MULTIPART = ("--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M")
"""11 MiB: three parts."""


def test_copy_up_and_down(every_server: Host, tmp_path: Path) -> None:
    command, bucket = rclone(every_server, tmp_path), bucket_name()
    (tmp_path / "source").write_bytes(BODY)
    command("mkdir", f"pw:{bucket}")
    command("copyto", *MULTIPART, "source", f"pw:{bucket}/dir/key")
    command("copyto", f"pw:{bucket}/dir/key", "target")
    assert (tmp_path / "target").read_bytes() == BODY
    command("purge", f"pw:{bucket}")


@pytest.mark.parametrize("every_server", ["serve-tls"], indirect=True)
def test_encryption(every_server: Host, clients: Callable[..., Any], tmp_path: Path) -> None:
    command, s3 = rclone(every_server, tmp_path), clients(every_server)
    bucket, key = new_bucket(s3), "a customer's key of 32 characters"[:32]
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    kinds: dict[str, tuple[str, ...]] = {
        "AES256": ("--s3-server-side-encryption", "AES256"),
        "aws:kms": ("--s3-server-side-encryption", "aws:kms"),
        "customer": ("--s3-sse-customer-algorithm", "AES256", "--s3-sse-customer-key", key),
    }
    (tmp_path / "source").write_bytes(BODY)
    for kind, options in kinds.items():
        command("copyto", *MULTIPART, *options, "source", f"pw:{bucket}/{kind}")
        head = s3.head_object(Bucket=bucket, Key=kind, **(customer if kind == "customer" else {}))
        assert (head.get("ServerSideEncryption"), head["ETag"][-3:]) == (None if kind == "customer" else kind, '-3"')
        command("copyto", *options, f"pw:{bucket}/{kind}", "target")
        assert (tmp_path / "target").read_bytes() == BODY
        command("copyto", *options, f"pw:{bucket}/{kind}", f"pw:{bucket}/copy of {kind}")
        command("copyto", *options, f"pw:{bucket}/copy of {kind}", "copied")
        assert (tmp_path / "copied").read_bytes() == BODY
    assert command.ended("copyto", f"pw:{bucket}/customer", "refused").code != 0
    assert not (tmp_path / "refused").exists()


def test_copy_sync_check_lsjson_purge(served: Host, tmp_path: Path) -> None:
    command, bucket = rclone(served, tmp_path), bucket_name()
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "a b").write_text("one")
    (tmp_path / "tree" / "sub" / "ü").write_text("second")
    (tmp_path / "tree" / "large").write_bytes(BODY)
    command("copy", *MULTIPART, "tree", f"pw:{bucket}/tree")
    command("check", "--download", "tree", f"pw:{bucket}/tree")
    listed = command.json("lsjson", "-R", "--files-only", "--hash", f"pw:{bucket}")
    assert {item["Path"]: item["Size"] for item in listed} == {"tree/a b": 3, "tree/large": len(BODY), "tree/sub/ü": 6}
    (tmp_path / "tree" / "a b").unlink()
    command("sync", "tree", f"pw:{bucket}/tree")
    assert command("lsf", "-R", "--files-only", f"pw:{bucket}").split() == ["tree/large", "tree/sub/ü"]
    command("copyto", f"pw:{bucket}/tree/large", f"pw:{bucket}/copy")
    command("moveto", f"pw:{bucket}/tree/sub/ü", f"pw:{bucket}/moved")
    assert command("cat", f"pw:{bucket}/moved") == "second"
    command("rcat", f"pw:{bucket}/streamed", stdin=b"from a pipe")
    assert command("cat", f"pw:{bucket}/streamed") == "from a pipe"
    assert command.json("backend", "list-multipart-uploads", f"pw:{bucket}") == {bucket: []}
    command("cleanup", f"pw:{bucket}")
    command("purge", f"pw:{bucket}")
    assert bucket not in command("lsf", "pw:")
