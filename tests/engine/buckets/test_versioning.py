"""Versions of objects: stored, hidden by delete markers, read by id, listed; with versioning enabled, suspended, or never set."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import engine
from engine.meta import NULL_VERSION, Version
from engine.objects.version_ids import format_version, parse_version
from tests.support.refusals import refused

ENABLED = {"status": "Enabled"}
SUSPENDED = {"status": "Suspended"}
ABSENT = format_version(Version(1, b"n" * 16))


@pytest.fixture
def versioned(tiny: engine.Store, bucket: str) -> engine.Store:
    """A store with a bucket whose versioning is enabled."""
    tiny.put_bucket_versioning(bucket, versioning_configuration=ENABLED)
    return tiny


def put(store: engine.Store, body: bytes, key: str = "key") -> str:
    version_id = store.put_object("bucket", key, body).version_id
    assert version_id is not None
    return version_id


def read(store: engine.Store, **asked: Any) -> tuple[bytes, str | None]:
    answer = store.get_object("bucket", "key", **asked)
    with answer.body as body:
        return body.read(), answer.version_id


def listed(store: engine.Store, **asked: Any) -> list[tuple[str, str, bool, bool]]:
    """A listing's items: key, version id, whether it is the latest, whether it is a delete marker."""
    answer = store.list_object_versions("bucket", **asked)
    versions = [(each.key, each.version_id, each.is_latest, False) for each in answer.versions or ()]
    return versions + [(each.key, each.version_id, each.is_latest, True) for each in answer.delete_markers or ()]


def test_versions_and_markers_are_one_list_by_key_and_age(versioned: engine.Store) -> None:
    """Source: AWS's answers, in which versions and delete markers are mixed."""
    wanted: list[str] = []
    for key in ("a", "b"):
        ids = [put(versioned, b"1", key), versioned.delete_object("bucket", key).version_id, put(versioned, b"2", key)]
        wanted += [str(each) for each in (*reversed(ids),)]
    wanted[:0] = [str(versioned.delete_object("bucket", "a").version_id)]
    for most in range(1, 8):
        found: list[str] = []
        markers: dict[str, Any] = {}
        while True:
            page = versioned.list_object_versions("bucket", max_keys=most, **markers)
            lists = {"versions": iter(page.versions or ()), "delete_markers": iter(page.delete_markers or ())}
            found += [next(lists[kind]).version_id for kind in page.interleaving]
            assert not [each for left in lists.values() for each in left]
            if not page.is_truncated:
                break
            markers = {"key_marker": page.next_key_marker, "version_id_marker": page.next_version_id_marker}
        assert found == wanted


def test_a_bucket_tells_whether_it_keeps_versions(tiny: engine.Store, bucket: str) -> None:
    seen = [tiny.get_bucket_versioning(bucket).status]
    for configuration in (ENABLED, SUSPENDED, ENABLED | {"mfa_delete": "Disabled"}):
        tiny.put_bucket_versioning(bucket, versioning_configuration=configuration)
        seen.append(tiny.get_bucket_versioning(bucket).status)
    assert seen == [None, "Enabled", "Suspended", "Enabled"]


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({}, "IllegalVersioningConfigurationException"),
        ({"status": "Disabled"}, "MalformedXML"),
        (ENABLED | {"mfa_delete": "Enabled"}, "NotImplemented"),
    ],
)
def test_a_wrong_configuration_changes_nothing(
    tiny: engine.Store, bucket: str, configuration: dict[str, str], code: str
) -> None:
    with pytest.raises(engine.S3Error) as caught:
        tiny.put_bucket_versioning(bucket, versioning_configuration=configuration)
    assert caught.value.code == code
    assert tiny.get_bucket_versioning(bucket).status is None


def test_each_put_makes_a_version_that_can_be_read(versioned: engine.Store) -> None:
    first, second = put(versioned, b"1"), put(versioned, b"2")
    assert re.fullmatch(r"[\w=-]{32}", first)
    assert read(versioned) == (b"2", second)
    assert read(versioned, version_id=first) == (b"1", first)
    assert versioned.head_object("bucket", "key", version_id=first).version_id == first
    assert listed(versioned) == [("key", second, True, False), ("key", first, False, False)]


def test_complete_makes_a_version_and_repeats_its_id(versioned: engine.Store) -> None:
    upload_id = versioned.create_multipart_upload("bucket", "key").upload_id
    parts = [(1, versioned.upload_part("bucket", "key", upload_id, 1, b"part").etag)]
    version_id = versioned.complete_multipart_upload("bucket", "key", upload_id, parts).version_id
    assert read(versioned) == (b"part", version_id)
    put(versioned, b"2")
    assert versioned.complete_multipart_upload("bucket", "key", upload_id, parts).version_id == version_id


def test_never_versioned_buckets_say_nothing_of_versions(tiny: engine.Store, bucket: str) -> None:
    assert tiny.put_object(bucket, "key", b"1").version_id is None
    assert read(tiny) == (b"1", None)
    assert listed(tiny) == [("key", "null", True, False)]
    assert read(tiny, version_id="null") == (b"1", None)
    assert tiny.delete_object(bucket, "key") == engine.DeleteObjectOutput()


def test_a_suspended_bucket_has_one_null_version_beside_those_it_kept(versioned: engine.Store) -> None:
    first = put(versioned, b"1")
    versioned.put_bucket_versioning("bucket", versioning_configuration=SUSPENDED)
    for body in (b"2", b"3"):
        assert versioned.put_object("bucket", "key", body).version_id is None
    assert read(versioned) == (b"3", "null")
    assert read(versioned, version_id="null") == (b"3", "null")
    assert listed(versioned) == [("key", "null", True, False), ("key", first, False, False)]
    assert versioned.delete_object("bucket", "key") == engine.DeleteObjectOutput(True, "null")
    assert listed(versioned) == [("key", first, False, False), ("key", "null", True, True)]


def test_what_was_there_before_versions_is_the_null_version(tiny: engine.Store, bucket: str) -> None:
    tiny.put_object(bucket, "key", b"old")
    tiny.put_bucket_versioning(bucket, versioning_configuration=ENABLED)
    second = put(tiny, b"new")
    assert listed(tiny) == [("key", second, True, False), ("key", "null", False, False)]
    assert read(tiny, version_id="null") == (b"old", "null")


def test_a_delete_marker_hides_an_object_until_it_is_deleted_itself(versioned: engine.Store) -> None:
    first = put(versioned, b"1")
    made = versioned.delete_object("bucket", "key")
    assert made.delete_marker
    marker = made.version_id
    for reader in (versioned.get_object, versioned.head_object):
        with refused("NoSuchKey", Key="key") as caught:
            reader("bucket", "key")
        assert caught.value.headers == {"x-amz-delete-marker": "true", "x-amz-version-id": marker}
    assert versioned.list_objects_v2("bucket").contents is None
    assert listed(versioned) == [("key", first, False, False), ("key", marker, True, True)]
    assert versioned.delete_object("bucket", "key", version_id=marker) == engine.DeleteObjectOutput(True, marker)
    assert read(versioned) == (b"1", first)


def test_a_delete_marker_cannot_be_read(versioned: engine.Store) -> None:
    marker = versioned.delete_object("bucket", "key").version_id
    assert marker is not None
    for reader in (versioned.get_object, versioned.head_object):
        with refused("MethodNotAllowed", Method="GET", ResourceType="DeleteMarker") as caught:
            reader("bucket", "key", version_id=marker)
        headers = caught.value.headers
        assert headers.pop("Last-Modified").endswith(" GMT")
        assert headers == {"Allow": "DELETE", "x-amz-delete-marker": "true", "x-amz-version-id": marker}


def test_a_version_deleted_is_gone_and_one_that_is_not_there_no_error(versioned: engine.Store) -> None:
    first, second = put(versioned, b"1"), put(versioned, b"2")
    assert versioned.delete_object("bucket", "key", version_id=second) == engine.DeleteObjectOutput(None, second)
    assert read(versioned) == (b"1", first)
    assert versioned.delete_object("bucket", "key", version_id=ABSENT) == engine.DeleteObjectOutput(None, ABSENT)
    with refused("NoSuchVersion", Key="key", VersionId=second):
        versioned.get_object("bucket", "key", version_id=second)


def test_many_are_deleted_at_once_by_key_and_by_version(versioned: engine.Store) -> None:
    first, second = put(versioned, b"1"), put(versioned, b"2")
    marker = versioned.delete_object("bucket", "key").version_id
    other = put(versioned, b"3", "other")
    answer = versioned.delete_objects("bucket", ["plain", ("key", first), ("key", marker), ("key", "nonsense")])
    assert answer.deleted is not None
    made = answer.deleted[0].delete_marker_version_id
    assert answer.deleted == (
        engine.DeletedObject("plain", None, True, made),
        engine.DeletedObject("key", first),
        engine.DeletedObject("key", marker, True, marker),
    )
    assert answer.errors == (engine.Error("key", "nonsense", "InvalidArgument", "Invalid version id specified"),)
    assert sorted(listed(versioned)) == [
        ("key", second, True, False), ("other", other, True, False), ("plain", made, True, True),
    ]  # fmt: skip


def test_of_many_only_those_with_their_etag_are_deleted(tiny: engine.Store, bucket: str) -> None:
    etag = tiny.put_object(bucket, "right", b"1").etag
    tiny.put_object(bucket, "wrong", b"2")
    items = [engine.ObjectIdentifier(key, etag=etag) for key in ("right", "wrong")]
    answer = tiny.delete_objects(bucket, items, quiet=True)
    assert answer.deleted is None
    assert [(error.key, error.code) for error in answer.errors or ()] == [("wrong", "PreconditionFailed")]
    assert [each.key for each in tiny.list_objects_v2(bucket).contents or ()] == ["wrong"]


@pytest.mark.parametrize("version_id", ["nonsense", "x" * 32, "A" * 32, "\u00e9", "null "])
def test_a_text_that_is_no_version_id_is_refused(versioned: engine.Store, version_id: str) -> None:
    wanted = {"ArgumentName": "versionId", "ArgumentValue": version_id}
    for method in (versioned.get_object, versioned.head_object, versioned.delete_object):
        with refused("InvalidArgument", "Invalid version id specified", **wanted):
            method("bucket", "key", version_id=version_id)
    with refused(
        "InvalidArgument", "Version id cannot be the empty string", ArgumentName="versionId", ArgumentValue=""
    ):
        versioned.get_object("bucket", "key", version_id="")


def test_version_ids_come_back_as_they_were() -> None:
    for version in (Version(1, b"\x01" * 16), Version(2**63 - 1, b"\xff" * 16)):
        assert parse_version(format_version(version)) == version
    assert parse_version("null") == NULL_VERSION
    assert format_version(Version(7, bytes(16))) == "null"


def test_a_listing_goes_on_where_its_markers_say(versioned: engine.Store) -> None:
    for key in ("a", "a", "b/c", "b/d", "e"):
        put(versioned, b"", key)
    versioned.delete_object("bucket", "a")
    whole = versioned.list_object_versions("bucket", delimiter="/")
    seen: list[Any] = []
    key_marker = version_id_marker = None
    while True:
        page = versioned.list_object_versions(
            "bucket", delimiter="/", max_keys=1, key_marker=key_marker, version_id_marker=version_id_marker
        )
        seen += [*(page.versions or ()), *(page.delete_markers or ()), *(page.common_prefixes or ())]
        if not page.is_truncated:
            break
        assert (page.next_version_id_marker is None) == (page.common_prefixes is not None)
        key_marker, version_id_marker = page.next_key_marker, page.next_version_id_marker
    assert seen == [
        *(whole.delete_markers or ()), *(whole.versions or ())[:2], *(whole.common_prefixes or ()), *(whole.versions or ())[2:],
    ]  # fmt: skip
    assert page.next_key_marker is page.next_version_id_marker is None


def test_a_null_marker_that_is_gone_lists_its_key_again_and_loses_nothing(versioned: engine.Store) -> None:
    first = put(versioned, b"1")
    versioned.put_bucket_versioning("bucket", versioning_configuration=SUSPENDED)
    versioned.put_object("bucket", "key", b"2")
    page = versioned.list_object_versions("bucket", max_keys=1)
    assert page.next_version_id_marker == "null"
    markers = {"key_marker": page.next_key_marker, "version_id_marker": page.next_version_id_marker}
    assert listed(versioned, **markers) == [("key", first, False, False)]
    versioned.delete_object("bucket", "key", version_id="null")
    assert listed(versioned, **markers) == [("key", first, True, False)]


def test_an_entry_says_what_a_listing_of_s3_says(tiny: engine.Store, bucket: str) -> None:
    etag = tiny.put_object(bucket, "a b", b"12345").etag
    answer = tiny.list_object_versions(bucket, encoding_type="url")
    (version,) = answer.versions or ()
    assert (version.key, version.size, version.etag, version.storage_class) == ("a+b", 5, etag, "STANDARD")
    assert version.owner == tiny.list_objects(bucket).contents[0].owner  # type: ignore[index]
    assert (answer.name, answer.prefix, answer.key_marker, answer.version_id_marker) == (bucket, "", "", "")
    assert (answer.max_keys, answer.is_truncated, answer.encoding_type) == (1000, False, "url")


@pytest.mark.parametrize(
    ("markers", "message"),
    [
        ({"version_id_marker": ABSENT}, "A version-id marker cannot be specified without a key marker."),
        ({"version_id_marker": ""}, "A version-id marker cannot be empty."),
        ({"version_id_marker": "nonsense", "key_marker": "key"}, "Invalid version id specified"),
    ],
)
def test_a_wrong_version_id_marker_is_refused(tiny: engine.Store, bucket: str, markers: Any, message: str) -> None:
    named = {"ArgumentName": "version-id-marker", "ArgumentValue": markers["version_id_marker"]}
    with refused("InvalidArgument", message, **named):
        tiny.list_object_versions(bucket, **markers)


def test_a_bucket_with_versions_left_is_not_deleted(versioned: engine.Store) -> None:
    first = put(versioned, b"1")
    marker = versioned.delete_object("bucket", "key").version_id
    text = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    for version_id in (first, marker):
        with refused("BucketNotEmpty", text, 409, BucketName="bucket"):
            versioned.delete_bucket("bucket")
        versioned.delete_object("bucket", "key", version_id=version_id)
    versioned.delete_bucket("bucket")


def test_every_one_of_many_writers_at_once_makes_a_version(versioned: engine.Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: put(versioned, b"%d" % number), range(64)))
    assert len(set(ids)) == 64
    shown = listed(versioned)
    assert {version_id for _, version_id, _, _ in shown} == set(ids)
    assert [is_latest for _, _, is_latest, _ in shown] == [True] + [False] * 63
    assert versioned.head_object("bucket", "key").version_id == shown[0][1]
    assert read(versioned, version_id=ids[7]) == (b"7", ids[7])


def test_a_read_goes_on_while_its_version_is_deleted(versioned: engine.Store) -> None:
    body = bytes(range(256)) * 400
    version_id = put(versioned, body)
    with versioned.get_object("bucket", "key", version_id=version_id).body as opened:
        versioned.delete_object("bucket", "key", version_id=version_id)
        assert opened.read() == body


def test_every_version_is_counted_and_its_bytes_are_freed(versioned: engine.Store) -> None:
    body = bytes(100_000)
    ids = [put(versioned, body) for _ in range(3)]
    versioned.delete_object("bucket", "key")
    assert (versioned.stat("bucket").objects, versioned.stat("bucket").object_bytes) == (3, 300_000)
    for version_id in ids:
        versioned.delete_object("bucket", "key", version_id=version_id)
    assert (versioned.stat("bucket").objects, versioned.stat("bucket").object_bytes) == (0, 0)
    assert versioned.check().files == 0


def test_a_copy_of_a_version_says_which_and_what_it_made(versioned: engine.Store) -> None:
    first, second = put(versioned, b"1"), put(versioned, b"2")
    made = versioned.copy_object("bucket", "copy", f"bucket/key?versionId={first}")
    assert (made.copy_source_version_id, made.version_id) == (first, versioned.head_object("bucket", "copy").version_id)
    assert made.copy_object_result.etag == versioned.head_object("bucket", "key", version_id=first).etag
    assert versioned.copy_object("bucket", "copy", "bucket/key").copy_source_version_id == second


def test_an_old_version_is_restored_by_a_copy_onto_its_key(versioned: engine.Store) -> None:
    first, _ = put(versioned, b"1"), put(versioned, b"2")
    restored = versioned.copy_object("bucket", "key", f"bucket/key?versionId={first}").version_id
    assert read(versioned) == (b"1", restored)


def test_a_copy_onto_itself_need_change_nothing_where_it_is_a_new_version(versioned: engine.Store) -> None:
    first = put(versioned, b"1")
    second = versioned.copy_object("bucket", "key", "bucket/key").version_id
    versioned.put_bucket_versioning("bucket", versioning_configuration=SUSPENDED)
    assert versioned.copy_object("bucket", "key", f"bucket/key?versionId={first}").version_id is None
    for source in ("bucket/key", "bucket/key?versionId=null"):
        with pytest.raises(engine.errors.InvalidRequest, match="copy an object to itself"):
            versioned.copy_object("bucket", "key", source)
    assert [version_id for _, version_id, _, _ in listed(versioned)] == ["null", second, first]


def test_a_copy_of_no_version_id_is_refused(versioned: engine.Store) -> None:
    for text, message in (("", "Version id cannot be the empty string"), ("x", "Invalid version id specified")):
        with refused("InvalidArgument", message, ArgumentName="versionId", ArgumentValue=text):
            versioned.copy_object("bucket", "copy", f"bucket/key?versionId={text}")


def test_a_part_is_copied_from_a_version(versioned: engine.Store) -> None:
    first, _ = put(versioned, b"1"), put(versioned, b"2")
    upload_id = versioned.create_multipart_upload("bucket", "key").upload_id
    made = versioned.upload_part_copy("bucket", "key", upload_id, 1, f"bucket/key?versionId={first}")
    assert made.copy_source_version_id == first
    versioned.complete_multipart_upload("bucket", "key", upload_id, [(1, made.copy_part_result.etag)])
    assert read(versioned)[0] == b"1"


def test_a_delete_marker_is_no_source_of_a_copy(versioned: engine.Store) -> None:
    first = put(versioned, b"1")
    marker = versioned.delete_object("bucket", "key").version_id
    with refused("NoSuchKey", Key="key"):
        versioned.copy_object("bucket", "copy", "bucket/key")
    text = "The source of a copy request may not specifically refer to a delete marker by version id."
    with refused("InvalidRequest", text):
        versioned.copy_object("bucket", "copy", f"bucket/key?versionId={marker}")
    versioned.delete_object("bucket", "key", version_id=first)
    with refused("NoSuchVersion", Key="key", VersionId=first):
        versioned.copy_object("bucket", "copy", f"bucket/key?versionId={first}")
