"""The commands that look after a store: what they count and find, and the exit code a script can rely on."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.limits import MIB, Limits
from engine.native import kernels
from engine.native.ffi import cpu_features, libcrypto_version
from tests.support.command_line import CommandLine

KEY = ("--bucket", "photos", "--key", "cat.raw")


def blobs(partwright: CommandLine) -> list[Path]:
    return [path for path in (partwright.store / "blobs").rglob("*") if path.is_file()]


@pytest.fixture
def stored(partwright: CommandLine, tmp_path: Path) -> CommandLine:
    """A store with one object of 1 MiB and an open upload that holds one part of 2 MiB."""
    (tmp_path / "object").write_bytes(os.urandom(MIB))
    (tmp_path / "part").write_bytes(os.urandom(2 * MIB))
    partwright.output("put-object", *KEY, "--body", tmp_path / "object")
    upload_id = partwright.new_upload("photos", "dog.raw")
    place = ("--bucket", "photos", "--key", "dog.raw", "--upload-id", upload_id)
    partwright.output("upload-part", *place, "--part-number", 3, "--body", tmp_path / "part")
    partwright.output("create-bucket", "--bucket", "films")
    return partwright


def test_stat_counts_objects_and_what_open_uploads_hold(stored: CommandLine) -> None:
    expected = {
        "buckets": 2,
        "objects": 1,
        "object_bytes": MIB,
        "open_uploads": 1,
        "open_parts": 1,
        "open_bytes": 2 * MIB,
        "trash": 0,
    }
    assert stored.json("stat") == expected
    assert stored.json("stat", "--bucket", "photos")["open_bytes"] == 2 * MIB
    assert stored.json("stat", "--bucket", "films")["objects"] == 0
    assert stored.output("stat", "--query", "open_bytes") == f"{2 * MIB}\n"
    refused = stored("stat", "--bucket", "nowhere")
    assert (refused.code, refused.err) == (255, "partwright: error: The specified bucket does not exist\n")


def test_check_finds_a_sound_store_sound(stored: CommandLine) -> None:
    for arguments in ((), ("--deep",), ("--repair",), ("--deep", "--repair")):
        found = stored.json("check", *arguments)
        assert found["ok"] is True
        assert (found["parts"], found["files"], found["missing"], found["corrupt"]) == (2, 2, [], [])


def test_check_leaves_with_1_for_a_missing_file(stored: CommandLine) -> None:
    path = blobs(stored)[0]
    away = path.rename(stored.store.parent / "away")
    result = stored("check")
    found = json.loads(result.out)
    assert (result.code, found["ok"], len(found["missing"])) == (1, False, 1)
    assert found["missing"][0] in str(path).replace("/", "")
    away.rename(path)


def test_check_leaves_with_1_for_a_wrong_size(stored: CommandLine) -> None:
    path = blobs(stored)[0]
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1])
    result = stored("check")
    assert (result.code, len(json.loads(result.out)["wrong_size"])) == (1, 1)
    path.write_bytes(content)


def test_only_a_deep_check_reads_the_bytes(stored: CommandLine) -> None:
    path = blobs(stored)[0]
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    assert stored("check").code == 0
    result = stored("check", "--deep")
    assert (result.code, len(json.loads(result.out)["corrupt"])) == (1, 1)
    path.write_bytes(content)


def test_repair_collects_what_nobody_names(stored: CommandLine) -> None:
    stray = blobs(stored)[0].parent / ("ab" * 16)
    stray.write_bytes(bytes(1000))
    found = stored.json("check")
    assert (found["ok"], found["unnamed_files"], found["unnamed_bytes"]) == (True, 1, 1000)
    assert stray.exists()
    repaired = stored.json("check", "--repair")
    assert (repaired["collected_files"], repaired["collected_bytes"], repaired["unnamed_files"]) == (1, 1000, 0)
    assert not stray.exists()


def test_a_backup_is_a_store_and_told_as_json(stored: CommandLine, tmp_path: Path) -> None:
    told = stored.json("backup", tmp_path / "backup")
    files = told["linked_files"] + told["copied_files"]
    assert (told["ok"], told["parts"], files, told["has_key_ring"]) == (True, 2, 2, False)
    checked = stored.json("check", "--deep", "--store", tmp_path / "backup")
    assert (checked["ok"], checked["parts"], checked["files"]) == (True, 2, 2)
    assert stored.json("stat", "--store", tmp_path / "backup") == stored.json("stat")
    refused = stored("backup", tmp_path / "backup")
    assert refused.code == 255
    assert "not empty; a backup is made in an empty directory or a new one: name another, or remove it" in refused.err


def test_a_backup_of_a_damaged_store_leaves_with_1(stored: CommandLine, tmp_path: Path) -> None:
    path = blobs(stored)[0]
    away = path.rename(tmp_path / "away")
    result = stored("backup", tmp_path / "backup")
    told = json.loads(result.out)
    assert (result.code, told["ok"], len(told["missing"]), told["parts"]) == (1, False, 1, 2)
    away.rename(path)


def test_reap_aborts_what_is_old_enough(stored: CommandLine) -> None:
    assert stored.json("reap", "--older-than", "1h")["aborted_uploads"] == 0
    assert stored.json("stat")["open_uploads"] == 1
    reaped = stored.json("reap", "--older-than", "0s")
    assert (reaped["aborted_uploads"], reaped["aborted_bytes"]) == (1, 2 * MIB)
    assert stored.json("stat")["open_bytes"] == 0
    assert stored.json("head-object", *KEY)["ContentLength"] == MIB


def test_info_shows_the_kernels_with_a_star_at_the_chosen_row(partwright: CommandLine) -> None:
    lines = partwright.output("info").splitlines()
    rows = [line.split() for line in lines if line.startswith("  * ")]
    chosen = [
        (row.algorithm, row.name)
        for row in (*kernels.kernels(), *kernels.lanes(), *kernels.ciphers(), *kernels.fused_passes())
        if row.chosen
    ]
    assert [(row[1], row[2]) for row in rows] == chosen
    assert any(line.startswith("libcrypto") and libcrypto_version() in line for line in lines)
    assert any("part_number_max" in line and "10,000" in line for line in lines)


def test_info_as_json_says_the_same(no_store: CommandLine) -> None:
    facts = no_store.json("info", "--json")
    assert [(row["algorithm"], row["name"]) for row in facts["kernels"]] == [
        (row.algorithm, row.name)
        for row in (*kernels.kernels(), *kernels.lanes(), *kernels.ciphers(), *kernels.fused_passes())
    ]
    assert facts["cpu_features"] == list(cpu_features())
    assert facts["limits"]["part_size_bytes_max"] == Limits().part_size_bytes_max
    assert no_store.output("info", "--query", "libcrypto") == json.dumps(libcrypto_version()) + "\n"


@pytest.mark.parametrize(
    ("arguments", "read_only"),
    [
        (("list-buckets",), True),
        (("head-object", *KEY), True),
        (("get-object", *KEY, "/dev/null"), True),
        (("cp", "s3://photos/cat.raw", "/dev/null"), True),
        (("stat",), True),
        (("check", "--deep"), True),
        (("check", "--repair"), False),
        (("cp", __file__, "s3://photos/k"), False),
        (("delete-object", *KEY), False),
    ],
)
def test_what_only_reads_opens_the_store_to_read(
    stored: CommandLine, arguments: tuple[str, ...], read_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []
    open_store = engine.open

    def noted(*places: str, read_only: bool, **options: Any) -> engine.Store:
        opened.append(read_only)
        return open_store(*places, read_only=read_only, **options)

    monkeypatch.setattr(engine, "open", noted)
    stored.output(*arguments)
    assert opened == [read_only]


def test_keys_are_rotated_and_everything_is_wrapped_anew(partwright: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"body")
    partwright.output("put-object", *KEY, "--body", tmp_path / "body", "--server-side-encryption", "AES256")
    report = json.loads(partwright.output("keys", "rotate"))
    assert (report["keys"], report["objects"], report["uploads"]) == (2, 1, 0)
    assert json.loads(partwright.output("keys", "rewrap")) == report | {"objects": 0}
    partwright.output("get-object", *KEY, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"body"
    elsewhere = tmp_path / "ring"
    (partwright.store / "keys").rename(elsewhere)
    assert "no key from the key ring" in partwright("get-object", *KEY, tmp_path / "none").err
    partwright.output("stat", "--key-ring", elsewhere)
    assert json.loads(partwright.output("keys", "rotate", "--key-ring", elsewhere))["keys"] == 3
    assert not (partwright.store / "keys").exists()


def test_keys_of_sse_kms_are_made_and_changed_by_name(partwright: CommandLine, tmp_path: Path) -> None:
    def keys(*arguments: str) -> Any:
        return json.loads(partwright.output("keys", *arguments))

    assert keys("list") == []
    made = keys("create", "--kms", "team", "--alias", "photos", "--alias", "pictures")
    assert (made["name"], made["aliases"], made["state"]) == ("team", ["photos", "pictures"], "Enabled")
    (tmp_path / "body").write_bytes(b"body")
    sealed = ("--server-side-encryption", "aws:kms", "--ssekms-key-id", "alias/photos")
    partwright.output("put-object", *KEY, "--body", tmp_path / "body", *sealed)
    assert keys("disable", "--kms", "team")["state"] == "Disabled"
    refused = partwright("get-object", *KEY, tmp_path / "back")
    assert "(KMS.DisabledException)" in refused.err
    assert "team is disabled." in refused.err
    assert keys("enable", "--kms", "alias/photos")["state"] == "Enabled"
    partwright.output("get-object", *KEY, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"body"
    assert keys("schedule-deletion", "--kms", "team", "--days", "7")["state"] == "PendingDeletion"
    assert "(KMS.KMSInvalidStateException)" in partwright("get-object", *KEY, tmp_path / "back").err
    assert keys("cancel-deletion", "--kms", "team")["deletion"] is None
    assert keys("list", "--query", "[].state") == ["Disabled"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("create",), "create needs --kms NAME"),
        (("list", "--kms", "a"), "--kms goes with create"),
        (("disable", "--kms", "a", "--days", "7"), "--days goes with schedule-deletion"),
        (("rotate", "--alias", "a"), "--alias goes with create"),
        (("schedule-deletion", "--kms", "a", "--days", "x"), "invalid int value"),
        (("delete", "--kms", "a"), "invalid choice"),
    ],
)
def test_keys_says_what_goes_with_what(partwright: CommandLine, arguments: tuple[str, ...], complaint: str) -> None:
    refused = partwright("keys", *arguments)
    assert refused.code == 252
    assert complaint in refused.err
    assert not (partwright.store / "keys").exists()
