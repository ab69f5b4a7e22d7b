"""rclone."""

from pathlib import Path

from tests.system.clients.commands import rclone
from tests.system.clients.conftest import bucket_name
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
