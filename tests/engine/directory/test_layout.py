"""A store as a directory: made, recognised, and refused where it is none, is too new or is not ours."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.directory import layout
from engine.errors import NewerFormat, NotAStore, StoreError, UnsafeFileSystem
from engine.native.ffi import file_system_type
from tests.support.requirements import need, need_strace
from tests.support.stores import FILE_BODY, snapshot


def test_open_makes_a_store_where_there_is_none(place: Path) -> None:
    with engine.open(place / "a" / "b" / "store") as store:
        store.create_bucket("bucket")
    root = place / "a" / "b" / "store"
    assert {"FORMAT", "LOCK", "meta", "blobs", "leases", "ballast"} == set(os.listdir(root))
    assert len(os.listdir(root / "blobs")) == 256
    assert json.loads((root / "FORMAT").read_text())["format"] == layout.FORMAT_VERSION
    with engine.open(root, create=False) as store:
        store.head_bucket("bucket")


def test_a_store_is_for_its_owner_only(place: Path) -> None:
    with engine.open(place / "store") as store:
        store.create_bucket("bucket")
        store.put_object("bucket", "key", FILE_BODY)
    for directory, names, files in os.walk(place / "store"):
        for name in [*names, *files]:
            mode = stat.S_IMODE(os.lstat(os.path.join(directory, name)).st_mode)
            assert mode & 0o077 == 0, f"{name} has mode {mode:o}"


def test_a_store_keeps_its_owner_id(place: Path) -> None:
    with engine.open(place / "one") as first, engine.open(place / "two") as second:
        ids = [store.list_buckets().owner.id for store in (first, second)]
    with engine.open(place / "one") as again:
        assert again.list_buckets().owner.id == ids[0] != ids[1]
    assert all(len(bytes.fromhex(each)) == 32 for each in ids)


def test_an_empty_directory_becomes_a_store_and_one_with_other_things_does_not(place: Path) -> None:
    (place / "empty").mkdir()
    engine.open(place / "empty").close()
    (place / "full").mkdir(mode=0o700)
    (place / "full" / "letter").write_text("dear")
    with pytest.raises(NotAStore, match="it has no FORMAT file"):
        engine.open(place / "full")
    assert os.listdir(place / "full") == ["letter"]


@pytest.mark.parametrize("options", [{"create": False}, {"read_only": True}])
def test_open_makes_no_store_unasked(place: Path, options: dict[str, bool]) -> None:
    for path in (place / "nothing", place):
        with pytest.raises(NotAStore):
            engine.open(path, **options)  # type: ignore[arg-type]
    assert os.listdir(place) == []


def test_a_file_is_no_store(place: Path) -> None:
    (place / "file").write_text("text")
    for path in (place / "file", place / "file" / "below"):
        with pytest.raises(NotAStore, match="there is no store here"):
            engine.open(path)
    assert (place / "file").read_text() == "text"


def test_a_store_whose_making_was_cut_short_is_made_again(place: Path, empty_store: Path) -> None:
    """FORMAT is written last: a directory without it is no store yet."""
    for removed in (["FORMAT"], ["FORMAT", "meta"], ["FORMAT", "meta", "leases", "ballast"]):
        path = place / "-".join(removed)
        shutil.copytree(empty_store, path)
        path.chmod(0o700)
        shutil.rmtree(path / "blobs" / "ff")
        for name in removed:
            shutil.rmtree(path / name) if (path / name).is_dir() else (path / name).unlink(missing_ok=True)
        with pytest.raises(NotAStore):
            engine.open(path, create=False)
        with engine.open(path) as store:
            store.create_bucket("bucket")
        assert (path / "blobs" / "ff").is_dir()


def test_a_store_of_a_newer_format_is_refused_and_left_alone(store_path: Path) -> None:
    (store_path / "FORMAT").write_text('{"format": 99, "owner_id": "x", "novelty": [1, 2]}\n')
    before = snapshot(store_path)
    for options in ({}, {"read_only": True}, {"create": False}):
        with pytest.raises(NewerFormat, match=f"has format 99, this partwright reads format {layout.FORMAT_VERSION}"):
            engine.open(store_path, **options)  # type: ignore[arg-type]
    assert snapshot(store_path) == before


def test_a_store_of_an_older_format_is_refused_and_left_alone(store_path: Path) -> None:
    (store_path / "FORMAT").write_text('{"format": 1, "owner_id": "x"}\n')
    before = snapshot(store_path)
    with pytest.raises(
        NotAStore, match=f"has format 1 of an unreleased partwright, this one reads format {layout.FORMAT_VERSION}"
    ):
        engine.open(store_path)
    assert snapshot(store_path) == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "1"}', "\x00" * 100])
def test_a_store_whose_format_cannot_be_read_is_refused_and_left_alone(store_path: Path, text: str) -> None:
    (store_path / "FORMAT").write_text(text)
    before = snapshot(store_path)
    with pytest.raises(NotAStore, match="its FORMAT file can't be read"):
        engine.open(store_path)
    assert snapshot(store_path) == before


def test_a_store_that_others_may_write_to_is_refused(store_path: Path) -> None:
    store_path.chmod(0o720)
    with pytest.raises(StoreError, match=r"others may write there \(mode 720\); chmod go-w it first"):
        engine.open(store_path)


def test_a_store_of_somebody_else_is_refused(store_path: Path) -> None:
    need(os.geteuid() == 0, "root, to give a directory away")
    os.chown(store_path, 12345, -1)
    with pytest.raises(StoreError, match="belongs to user 12345, not to us"):
        engine.open(store_path)


def test_a_network_file_system_is_refused_unless_forced(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The magic number of the file system that is here is declared to be a network's."""
    fd = os.open(place, os.O_RDONLY)
    magic = file_system_type(fd) & 0xFFFFFFFF
    os.close(fd)
    monkeypatch.setitem(layout._NETWORK_FILE_SYSTEMS, magic, "NFS")
    with pytest.raises(UnsafeFileSystem, match="on NFS, where locks and syncs can't be relied on"):
        engine.open(place / "store")
    assert not (place / "store" / "FORMAT").exists()
    engine.open(place / "store", allow_network_file_system=True).close()


def test_the_network_file_systems_are_known_by_linux_own_numbers() -> None:
    """linux/magic.h and statfs(2)."""
    assert layout._NETWORK_FILE_SYSTEMS.keys() >= {0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x01021997, 0x65735546}
    assert not layout._NETWORK_FILE_SYSTEMS.keys() & {0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630}


def test_every_directory_on_the_way_to_a_new_store_has_its_name_synced(tmp_path: Path) -> None:
    need_strace()
    trace, script = tmp_path / "trace", "import engine, sys; engine.open(sys.argv[1]).close()"
    command = [
        "strace",
        "-f",  # it is made on the thread that no signal handler disturbs
        "-y",
        "-e",
        "trace=mkdir,fsync,fdatasync,rename",
        "-o",
        str(trace),
        sys.executable,
        "-c",
        script,
    ]
    subprocess.run([*command, str(tmp_path / "a" / "b" / "store")], check=True)
    calls = [re.sub(r"^\d+ +", "", line) for line in trace.read_text().splitlines()]
    for made, parent in (("a", tmp_path), ("a/b", tmp_path / "a"), ("a/b/store", tmp_path / "a" / "b")):
        start = next(place for place, call in enumerate(calls) if call.startswith(f'mkdir("{tmp_path / made}"'))
        assert f"<{parent}>)" in calls[start + 1], "the parent is synced right after"
    store = tmp_path / "a" / "b" / "store"
    order = [
        f"({store}/meta.new/data.mdb", f"fsync(<{store}/meta.new>)", f'rename("{store}/meta.new", "{store}/meta")',
        f"fsync(<{store}>)", f'rename("{store}/FORMAT.new", "{store}/FORMAT")', f"fsync(<{store}>)",
    ]  # fmt: skip
    calls = [re.sub(r"\d+<", "<", call) for call in calls]
    place = -1
    for wanted in order:
        places = [at for at, call in enumerate(calls) if at > place and wanted.replace("(/", "(</") in call]
        assert places, f"after {calls[place]}: {wanted}"
        place = places[0]
