"""Keys of SSE-KMS by name: aliases, ARNs, states, deletion, and what objects under them do."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from engine.encryption.key_providers import LocalKeyProvider
from engine.encryption.key_ring import KeyRing
from engine.encryption.named_keys import NamedKeys
from engine.errors import KMSDisabled, KMSInvalidState, KMSNotFound, StoreError
from tests.support.uploads import read

DAY_NS = 24 * 3600 * 10**9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring"


@pytest.fixture
def keys(path: Path) -> Iterator[NamedKeys]:
    with KeyRing(str(path)) as ring:
        yield NamedKeys(ring)


def names(keys: NamedKeys) -> list[str]:
    return [key.name for key in keys.list()]


def test_a_key_is_found_by_its_name_its_aliases_and_the_arns_of_both(keys: NamedKeys) -> None:
    made = keys.create("team/photos", ["photos", "alias/pictures"])
    assert (made.name, made.aliases, made.state) == ("team/photos", ("photos", "pictures"), "Enabled")
    arn = "arn:aws:kms:eu-west-1:123456789012:"
    for name in ("team/photos", "alias/photos", "alias/pictures", f"{arn}key/team/photos", f"{arn}alias/photos"):
        assert keys.usable(name).id == "team/photos"
    for name in ("photos", "alias/team/photos", f"{arn}key/photos", "arn:aws:s3:::team/photos", ""):
        with pytest.raises(KMSNotFound, match=f"^Key '{name}' does not exist$"):
            keys.usable(name)


def test_names_and_aliases_are_taken_once(keys: NamedKeys) -> None:
    keys.create("a", ["x"])
    for name, aliases in (("a", []), ("b", ["x"]), ("b", ["y", "y"])):
        with pytest.raises(StoreError, match="already"):
            keys.create(name, aliases)
    assert keys.create("x", ["a"]).aliases == ("a",), "an alias is no name"
    assert names(keys) == ["a", "x"]


@pytest.mark.parametrize("name", ["", "a b", "ä", "a:b", "alias/a", "a" * 251])
def test_what_is_no_name_is_refused(keys: NamedKeys, name: str) -> None:
    with pytest.raises(StoreError, match="is no name of a key"):
        keys.create(name)
    assert keys.list() == ()
    assert keys.create("a" * 250).name == "a" * 250


def test_states_refuse_use_as_those_of_aws_do(keys: NamedKeys) -> None:
    """Source: AWS KMS Developer Guide, "Key states of AWS KMS keys"."""
    keys.create("a")
    assert keys.disable("a").state == "Disabled"
    with pytest.raises(KMSDisabled, match=r"^a is disabled\.$"):
        keys.usable("a")
    assert keys.enable("a").state == "Enabled"
    assert keys.usable("a").id == "a"
    with pytest.raises(KMSInvalidState, match=r"^a is not pending deletion\.$"):
        keys.cancel_deletion("a")
    before = time.time_ns()
    pending = keys.schedule_deletion("a", 7)
    assert pending.state == "PendingDeletion"
    assert pending.deletion_ns is not None
    assert before + 7 * DAY_NS <= pending.deletion_ns <= time.time_ns() + 7 * DAY_NS
    for change in (keys.usable, keys.enable, keys.disable, keys.schedule_deletion):
        with pytest.raises(KMSInvalidState, match=r"^a is pending deletion\.$"):
            change("a")
    assert keys.cancel_deletion("a").state == "Disabled"
    assert keys.enable("a").state == "Enabled"


@pytest.mark.parametrize("days", [6, 31, 0, -1])
def test_a_deletion_waits_7_to_30_days(keys: NamedKeys, days: int) -> None:
    """Source: AWS KMS API Reference, ScheduleKeyDeletion, PendingWindowInDays."""
    keys.create("a")
    with pytest.raises(StoreError, match="7 to 30 days"):
        keys.schedule_deletion("a", days)
    assert keys.usable("a").id == "a"


def test_a_deleted_key_is_gone_from_the_file_with_the_next_change(
    keys: NamedKeys, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.create("a")
    keys.schedule_deletion("a", 7)
    later_ns = time.time_ns() + 8 * DAY_NS
    monkeypatch.setattr("engine.encryption.key_ring.time.time_ns", lambda: later_ns)
    with pytest.raises(KMSNotFound):
        keys.usable("a")
    with pytest.raises(KMSNotFound):
        keys.cancel_deletion("a")
    assert names(keys) == []
    size = path.stat().st_size
    keys.create("b")
    assert path.stat().st_size < size
    assert b'"a"' not in path.read_bytes()
    assert keys.create("a").state == "Enabled", "its name is free again"


def test_another_process_sees_each_change(keys: NamedKeys, path: Path) -> None:
    with KeyRing(str(path)) as other:
        theirs = NamedKeys(other)
        keys.create("a", ["x"])
        assert theirs.usable("alias/x").id == "a"
        keys.disable("a")
        with pytest.raises(KMSDisabled):
            theirs.usable("a")
        other.rotate()
        assert [key.state for key in keys.list()] == ["Disabled"], "a rotation keeps it as it is"


def test_the_keys_of_sse_s3_have_no_states(keys: NamedKeys, path: Path) -> None:
    with KeyRing(str(path)) as ring:
        assert keys.list() == ()
        for change in (keys.disable, keys.schedule_deletion):
            with pytest.raises(KMSNotFound):
                change(ring.active_id)


def test_a_data_key_opens_by_the_name_that_it_was_sealed_under(keys: NamedKeys, path: Path) -> None:
    keys.create("a", ["x"])
    with KeyRing(str(path)) as ring:
        provider = LocalKeyProvider(ring)
        made = provider.generate_data_key("alias/x", {"team": "a"})
        assert made.key_id == "a"
        with made.secret, provider.unwrap("a", made.blob, {"team": "a"}) as opened:
            assert opened.commitment(b"test") == made.secret.commitment(b"test")
        keys.disable("a")
        with pytest.raises(KMSDisabled):
            provider.unwrap("a", made.blob, {"team": "a"})


def test_an_object_is_read_while_its_key_is_enabled(tmp_path: Path) -> None:
    with engine.open(tmp_path / "store") as store:
        store.create_bucket("photos")
        store.named_keys().create("team", ["photos"])
        put = store.put_object(
            "photos", "cat", b"miaow", server_side_encryption="aws:kms", ssekms_key_id="alias/photos"
        )
        assert put.ssekms_key_id == "team"
        assert read(store, "photos", "cat") == b"miaow"
        store.named_keys().disable("team")
        with pytest.raises(KMSDisabled):
            store.get_object("photos", "cat")
        with pytest.raises(KMSDisabled):
            store.create_multipart_upload("photos", "dog", server_side_encryption="aws:kms", ssekms_key_id="team")
        assert store.list_multipart_uploads("photos").uploads is None
        store.named_keys().enable("team")
        assert read(store, "photos", "cat") == b"miaow"
