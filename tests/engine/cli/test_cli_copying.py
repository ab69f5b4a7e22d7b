"""`cp`: what goes in comes out, in parts and at once; a copy that was killed goes on where it was; nothing half done is left."""

import hashlib
import json
import os
import pty
import random
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from engine.limits import MIB
from tests.support.command_line import CommandLine

URL = "s3://photos/cat.raw"
KEY = ("--bucket", "photos", "--key", "cat.raw")
PART = ("--part-size", "5MiB")
KILLED_AFTER = """
import os, signal, sys, engine
from engine.cli import main
limit, upload_part, done = int(sys.argv.pop(1)), engine.Store.upload_part, []
def counted(*arguments, **keywords):
    answer = upload_part(*arguments, **keywords)
    done.append(answer)
    if len(done) == limit:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
engine.Store.upload_part = counted
sys.exit(main())
"""


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A file of five parts of 5 MiB and a bit."""
    path = tmp_path / "big"
    path.write_bytes(random.Random(3).randbytes(25 * MIB + 777))
    return path


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the parts that are uploaded in this process, as they are."""
    import engine

    numbers: list[int] = []
    upload_part = engine.Store.upload_part

    def noted(
        store: engine.Store, bucket: str, key: str, upload_id: str, part_number: int, *rest: object, **more: object
    ):
        numbers.append(part_number)
        return upload_part(store, bucket, key, upload_id, part_number, *rest, **more)

    monkeypatch.setattr(engine.Store, "upload_part", noted)
    return numbers


def multipart_etag(data: bytes, part_size: int) -> str:
    md5s = [hashlib.md5(data[offset : offset + part_size]).digest() for offset in range(0, len(data), part_size)]
    return f'"{hashlib.md5(b"".join(md5s)).hexdigest()}-{len(md5s)}"'


def assert_back(partwright: CommandLine, data: bytes, target: Path) -> str:
    """Copy out and compare; what was printed."""
    printed = partwright.output("cp", URL, target)
    assert target.read_bytes() == data
    return printed


def uploads(partwright: CommandLine) -> list[str]:
    listed = partwright.json("list-multipart-uploads", "--bucket", "photos")
    return [row["UploadId"] for row in listed.get("Uploads", [])]


def test_a_large_file_goes_in_parts_and_comes_back(partwright: CommandLine, big: Path, tmp_path: Path) -> None:
    data, etag = big.read_bytes(), multipart_etag(big.read_bytes(), 5 * MIB)
    lines = partwright.output("cp", big, URL, *PART).splitlines()
    assert lines[0] == f"upload: {big} to {URL}"
    assert lines[1].startswith("25.0 MiB in ")
    assert lines[1].endswith(f"iB/s, 6 parts, ETag {etag}")
    lines = assert_back(partwright, data, tmp_path / "back").splitlines()
    assert lines[0] == f"download: {URL} to {tmp_path}/back"
    assert lines[1].endswith(f"iB/s, 6 parts, ETag {etag}")
    assert uploads(partwright) == []


@pytest.mark.parametrize("size", [0, 1, 20_000, 5 * MIB])
def test_a_small_file_goes_in_one_piece(partwright: CommandLine, tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    (tmp_path / "small").write_bytes(data)
    printed = partwright.output("cp", tmp_path / "small", URL, *PART)
    assert printed.endswith(f', ETag "{hashlib.md5(data).hexdigest()}"\n')
    assert_back(partwright, data, tmp_path / "back")


def test_one_byte_more_than_a_part_goes_in_two(partwright: CommandLine, tmp_path: Path) -> None:
    data = random.Random(9).randbytes(5 * MIB + 1)
    (tmp_path / "small").write_bytes(data)
    assert ", 2 parts, " in partwright.output("cp", tmp_path / "small", URL, *PART)
    assert_back(partwright, data, tmp_path / "back")


def test_an_object_of_one_empty_part_comes_out(partwright: CommandLine, tmp_path: Path) -> None:
    upload_id = partwright.new_upload("photos", "cat.raw")
    etag = partwright.json("upload-part", *KEY, "--upload-id", upload_id, "--part-number", 9)["ETag"].strip('"')
    parts = f"Parts=[{{ETag={etag},PartNumber=9}}]"
    partwright.output("complete-multipart-upload", *KEY, "--upload-id", upload_id, "--multipart-upload", parts)
    assert '-1"' in assert_back(partwright, b"", tmp_path / "back")


def test_names_are_taken_from_the_source_where_the_target_is_a_folder(partwright: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "cat.raw"
    source.write_bytes(b"meow")
    for url, key in (("s3://photos", "cat.raw"), ("s3://photos/", "cat.raw"), ("s3://photos/a/", "a/cat.raw")):
        partwright.output("cp", source, url)
        assert partwright.json("head-object", "--bucket", "photos", "--key", key)["ContentLength"] == 4
    folder = tmp_path / "folder"
    folder.mkdir()
    partwright.output("cp", "s3://photos/a/cat.raw", folder)
    assert (folder / "cat.raw").read_bytes() == b"meow"


@pytest.mark.parametrize(("limit", "jobs"), [(1, 1), (3, 1), (4, 4), (6, 1)])
def test_a_killed_copy_is_resumed_and_finished_parts_are_not_sent_again(
    partwright: CommandLine, big: Path, tmp_path: Path, sent: list[int], limit: int, jobs: int
) -> None:
    killed = partwright.process(limit, "cp", big, URL, *PART, "--jobs", jobs, code=KILLED_AFTER)
    assert killed.code == -signal.SIGKILL
    (upload_id,) = uploads(partwright)
    listed = partwright.json("list-parts", *KEY, "--upload-id", upload_id)["Parts"]
    there = {row["PartNumber"] for row in listed}
    assert len(there) >= limit
    printed = partwright.output("cp", big, URL, *PART)
    assert sorted(sent) == sorted(set(range(1, 7)) - there)
    assert f", 6 parts ({len(there)} were already there), ETag " in printed
    assert printed.endswith(multipart_etag(big.read_bytes(), 5 * MIB) + "\n")
    assert uploads(partwright) == []
    assert_back(partwright, big.read_bytes(), tmp_path / "back")


def test_a_part_that_differs_from_the_file_is_sent_again(
    partwright: CommandLine, big: Path, tmp_path: Path, sent: list[int]
) -> None:
    data = big.read_bytes()
    upload_id = partwright.new_upload("photos", "cat.raw")
    for number, piece in (
        (1, data[: 5 * MIB]),
        (2, bytes(5 * MIB)),
        (3, data[10 * MIB : 14 * MIB]),
        (99, b"not of this file"),
    ):
        (tmp_path / "piece").write_bytes(piece)
        arguments = ("--upload-id", upload_id, "--part-number", number, "--body", tmp_path / "piece")
        partwright.output("upload-part", *KEY, *arguments)
    sent.clear()
    assert "(1 were already there)" in partwright.output("cp", big, URL, *PART, "--jobs", 1)
    assert sent == [2, 3, 4, 5, 6]
    assert_back(partwright, data, tmp_path / "back")


def test_the_newest_upload_of_exactly_that_key_is_resumed(partwright: CommandLine, big: Path, sent: list[int]) -> None:
    older, newest, other = (partwright.new_upload("photos", name) for name in ("cat.raw", "cat.raw", "cat.raw2"))
    (big.parent / "piece").write_bytes(big.read_bytes()[: 5 * MIB])
    for upload_id, key in ((newest, "cat.raw"), (other, "cat.raw2")):
        arguments = ("--upload-id", upload_id, "--part-number", 1, "--body", big.parent / "piece")
        partwright.output("upload-part", "--bucket", "photos", "--key", key, *arguments)
    sent.clear()
    partwright.output("cp", big, URL, *PART)
    assert sorted(sent) == [2, 3, 4, 5, 6]
    assert sorted(uploads(partwright)) == sorted([older, other])


def test_a_copy_with_another_part_size_starts_over_in_the_same_upload(
    partwright: CommandLine, big: Path, tmp_path: Path, sent: list[int]
) -> None:
    partwright.process(2, "cp", big, URL, *PART, "--jobs", 1, code=KILLED_AFTER)
    printed = partwright.output("cp", big, URL, "--part-size", "6MiB")
    assert sorted(sent) == [1, 2, 3, 4, 5]
    assert multipart_etag(big.read_bytes(), 6 * MIB) in printed
    assert uploads(partwright) == []
    assert_back(partwright, big.read_bytes(), tmp_path / "back")


def test_a_file_that_changes_on_the_way_is_not_completed(
    partwright: CommandLine, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import engine

    upload_part = engine.Store.upload_part

    def meddling(*arguments: object, **keywords: object) -> object:
        os.utime(big, ns=(1, 1))
        return upload_part(*arguments, **keywords)

    monkeypatch.setattr(engine.Store, "upload_part", meddling)
    result = partwright("cp", big, URL, *PART, "--jobs", 1)
    assert result.code == 255
    assert result.err == f"partwright: error: {big} changed while it was copied; run the command again\n"
    assert partwright("head-object", *KEY).code == 254


@pytest.mark.parametrize(
    ("source", "target", "code", "error"),
    [
        ("/no/such/file", URL, 255, "partwright: error: /no/such/file: No such file or directory\n"),
        ("/dev/null", URL, 255, "partwright: error: /dev/null is not a regular file\n"),
        ("/", "s3://photos/x", 255, "partwright: error: / is not a regular file\n"),
        (__file__, "s3://nowhere/k", 254, "\nAn error occurred (NoSuchBucket) when calling the PutObject operation: The specified "),
        (URL, "back", 254, "\nAn error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist.\n"),
        ("s3://nowhere/k", "back", 254, "\nAn error occurred (NoSuchBucket) when calling the GetObject operation: The specified buc"),
    ],
)  # fmt: skip
def test_what_cannot_be_copied_is_refused(
    partwright: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    target: str,
    code: int,
    error: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = partwright("cp", source, target)
    assert result.err.startswith(error)
    assert result.code == code
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert partwright.json("stat")["objects"] == 0


def test_a_large_file_to_no_bucket_begins_nothing(partwright: CommandLine, big: Path) -> None:
    result = partwright("cp", big, "s3://nowhere/k", *PART)
    assert result.code == 254
    assert "(NoSuchBucket)" in result.err


def test_a_damaged_object_is_noticed_and_the_old_file_stays(partwright: CommandLine, big: Path, tmp_path: Path) -> None:
    partwright.output("cp", big, URL, *PART)
    blob = max(
        (path for path in (partwright.store / "blobs").rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    blob.chmod(0o600)
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    target = tmp_path / "back"
    target.write_text("old")
    result = partwright("cp", URL, target)
    assert result.code == 254
    assert "does not match its checksum" in result.err
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "big", "store"]
    assert partwright.json("check")["ok"] is True
    assert partwright("check", "--deep").code == 1
    blob.write_bytes(content)


def test_a_download_replaces_a_file_and_keeps_its_mode_and_links(partwright: CommandLine, tmp_path: Path) -> None:
    partwright.output("put-object", *KEY, "--body", __file__)
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    partwright.output("cp", URL, link)
    assert link.is_symlink()
    assert target.read_bytes() == Path(__file__).read_bytes()
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_download_may_go_to_a_device(partwright: CommandLine) -> None:
    partwright.output("put-object", *KEY, "--body", __file__)
    assert "ETag" in partwright.output("cp", URL, "/dev/null")


def test_progress_is_shown_on_a_terminal_only(partwright: CommandLine, big: Path) -> None:
    assert partwright.process("cp", big, URL, *PART).err == ""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    code = "import sys; from engine.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "cp", str(big), URL, *PART]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = read_all(ours)
    assert process.returncode == 0
    assert "big: 100%" in shown
    assert "25.0M/25.0M" in shown


def read_all(descriptor: int) -> str:
    """What a terminal shows until its last writer leaves."""
    shown = b""
    with os.fdopen(descriptor, "rb", buffering=0) as terminal:
        try:
            while piece := terminal.read(4096):
                shown += piece
        except OSError:  # EIO: no writer is left
            pass
    return shown.decode()


def test_copies_in_and_out_move_no_more_than_they_must(partwright: CommandLine, big: Path) -> None:
    partwright.output("cp", big, URL, *PART)
    held = json.loads(partwright.output("stat"))
    assert (held["objects"], held["object_bytes"], held["open_uploads"], held["open_bytes"]) == (
        1,
        25 * MIB + 777,
        0,
        0,
    )
