"""restic, with a repository in a bucket."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.requirements import need
from tests.system.clients.commands import Command
from tests.system.clients.conftest import bucket_name
from tests.system.clients.hosts import REGION, Host

pytestmark = pytest.mark.slow


@pytest.fixture
def restic(every_server: Host, tmp_path: Path) -> Command:
    program = shutil.which("restic")
    need(program is not None, "restic (Debian package restic)")
    server = every_server.server
    assert server is not None
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": every_server.pair.access_key,
        "AWS_SECRET_ACCESS_KEY": every_server.pair.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "RESTIC_PASSWORD": "the repository's own",
        "RESTIC_REPOSITORY": f"s3:{server.endpoint}/{bucket_name()}/deep/in",
        "RESTIC_CACHE_DIR": str(tmp_path / "cache"),
        **({"SSL_CERT_FILE": str(server.certificate)} if server.certificate else {}),
    }
    return Command((str(program), "-o", "s3.bucket-lookup=path"), environment, tmp_path)


def contents(place: Path) -> dict[str, bytes]:
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("every_server", ["serve", "serve-tls"], indirect=True)
def test_init_backup_restore_check_forget_prune(restic: Command, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "ü & +").mkdir(parents=True)
    (tree / "large").write_bytes(os.urandom(40 * 1024 * 1024))
    for number in range(50):
        (tree / "ü & +" / f"small {number}").write_bytes(os.urandom(number))
    restic("init")
    restic("backup", "tree")
    first = contents(tree)
    (tree / "large").write_bytes(os.urandom(3 * 1024 * 1024))
    restic("backup", "tree")
    older, newer = restic.json("snapshots", "--json")
    for snapshot, wanted in ((older, first), (newer, contents(tree))):
        restic("restore", snapshot["id"], "--target", tmp_path / snapshot["short_id"])
        restored = contents(tmp_path / snapshot["short_id"])
        assert {path.removeprefix("tree/"): data for path, data in restored.items()} == wanted
    restic("check", "--read-data")
    restic("forget", "--keep-last", "1", "--prune")
    assert [each["id"] for each in restic.json("snapshots", "--json")] == [newer["id"]]
    assert restic.json("stats", "--json", "--mode", "raw-data")["total_size"] < 10 * 1024 * 1024
    restic("check", "--read-data")
    wrong = Command(restic.words, {**restic.environment, "RESTIC_PASSWORD": "another"}, tmp_path)
    assert "wrong password" in wrong.ended("snapshots").err
