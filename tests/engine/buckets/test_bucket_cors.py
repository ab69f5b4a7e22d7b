"""A bucket's cross-origin rules: stored, returned, replaced and removed; which are refused, and which requests they allow."""

from typing import Any

import pytest

import engine
from engine import Store
from engine.buckets.cors_rules import CONFIGURATION_SIZE_MAX, RULE_COUNT_MAX
from engine.shapes.cors import CORSRule
from tests.support.refusals import refused
from tests.support.stores import contents_of


def rule(*methods: str, origins: tuple[str, ...] = ("*",), **more: Any) -> dict[str, Any]:
    return {"allowed_methods": methods or ("GET",), "allowed_origins": origins} | more


def set_rules(store: Store, bucket: str, *rules: dict[str, Any] | CORSRule) -> None:
    store.put_bucket_cors(bucket, cors_configuration={"cors_rules": list(rules)})


def test_rules_are_kept_and_told_until_they_are_replaced_or_dropped(store: Store, bucket: str) -> None:
    set_rules(store, bucket, rule("GET", id="a"), rule("HEAD"))
    set_rules(store, bucket, rule("PUT", "POST", allowed_headers=("*",), expose_headers=("ETag",), max_age_seconds=0))
    answer = store.get_bucket_cors(bucket)
    assert answer.cors_rules == (CORSRule(("PUT", "POST"), ("*",), None, ("*",), ("ETag",), 0),)
    set_rules(store, bucket, *answer.cors_rules)
    assert store.get_bucket_cors(bucket) == answer
    store.delete_bucket_cors(bucket)
    store.delete_bucket_cors(bucket)
    with refused("NoSuchCORSConfiguration", BucketName=bucket):
        store.get_bucket_cors(bucket)
    with refused("NoSuchCORSConfiguration", BucketName=bucket):
        store.find_cors_rule(bucket, "a", "GET")


def test_rules_belong_to_one_bucket_and_go_with_it(store: Store, bucket: str) -> None:
    store.create_bucket("another-bucket")
    set_rules(store, bucket, rule())
    with refused("NoSuchCORSConfiguration", BucketName="another-bucket"):
        store.get_bucket_cors("another-bucket")
    store.delete_bucket(bucket)
    store.create_bucket(bucket)
    with refused("NoSuchCORSConfiguration", BucketName=bucket):
        store.get_bucket_cors(bucket)
    assert contents_of(store).count("configurations") == 0


def test_a_bucket_that_is_not_there_has_no_rules(store: Store) -> None:
    for call in (store.get_bucket_cors, store.delete_bucket_cors):
        with refused("NoSuchBucket", BucketName="absent"):
            call("absent")
    with refused("NoSuchBucket", BucketName="absent"):
        set_rules(store, "absent", rule())
    with refused("NoSuchBucket", BucketName="absent"):
        store.find_cors_rule("absent", "a", "GET")


def test_a_read_only_store_tells_rules_and_takes_none(store: Store, bucket: str) -> None:
    set_rules(store, bucket, rule())
    with engine.open(store._layout.root, read_only=True) as reader:
        assert reader.find_cors_rule(bucket, "a", "GET") == reader.get_bucket_cors(bucket).cors_rules[0]
        for change in (lambda: set_rules(reader, bucket, rule()), lambda: reader.delete_bucket_cors(bucket)):
            with pytest.raises(engine.errors.ReadOnlyStore):
                change()


REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no method": (rule() | {"allowed_methods": ()}, "MalformedXML", None),
    "no origin": (rule(origins=()), "MalformedXML", None),
    "methods left out": ({"allowed_origins": ("*",)}, "MalformedXML", None),
    "unknown member": (rule(colour="red"), "MalformedXML", None),
    "age that is no number": (rule(max_age_seconds="1"), "MalformedXML", None),
    "age past 31 bits": (rule(max_age_seconds=2**31), "MalformedXML", None),
    "lone surrogate": (rule(origins=("\ud800",)), "MalformedXML", None),
    "exposed line end": (rule(expose_headers=("a\r\nSet-Cookie",)), "MalformedXML", None),
    "exposed blank": (rule(expose_headers=("a b",)), "MalformedXML", None),
    "exposed nothing": (rule(expose_headers=("",)), "MalformedXML", None),
    "another method": (
        rule("GET", "PATCH"),
        "InvalidRequest",
        "Found unsupported HTTP method in CORS config. Unsupported method is PATCH",
    ),
    "a method in lower case": (
        rule("get"),
        "InvalidRequest",
        "Found unsupported HTTP method in CORS config. Unsupported method is get",
    ),
    "two wildcards in an origin": (
        rule(origins=("*", "http://*.*")),
        "InvalidRequest",
        'AllowedOrigin "http://*.*" can not have more than one wildcard.',
    ),
    "two wildcards in a header": (
        rule(allowed_headers=("a", "**")),
        "InvalidRequest",
        'AllowedHeader "**" can not have more than one wildcard.',
    ),
    "exposed wildcard": (
        rule(expose_headers=("ETag", "x-*")),
        "InvalidRequest",
        'ExposeHeader "x-*" contains wildcard. We currently do not support wildcard for ExposeHeader.',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_rule_leaves_the_old_ones_as_they_were(store: Store, bucket: str, case: str) -> None:
    wrong, code, message = REFUSED[case]
    set_rules(store, bucket, rule("HEAD"))
    before = contents_of(store)
    with refused(code, message):
        set_rules(store, bucket, rule(), wrong)
    assert contents_of(store) == before


@pytest.mark.parametrize("document", [None, {}, {"cors_rules": None}, {"cors_rules": ()}, [], "text"])
def test_a_document_of_another_shape_is_malformed(store: Store, bucket: str, document: Any) -> None:
    with refused("MalformedXML"):
        store.put_bucket_cors(bucket, cors_configuration=document)


def test_there_are_a_hundred_rules_at_most(store: Store, bucket: str) -> None:
    rules = [rule(id=str(number)) for number in range(RULE_COUNT_MAX)]
    set_rules(store, bucket, *rules)
    assert len(store.get_bucket_cors(bucket).cors_rules) == 100
    with refused("InvalidRequest", "The number of CORS rules should not exceed allowed limit of 100 rules."):
        set_rules(store, bucket, *rules, rule())


def test_an_id_has_255_characters_at_most(store: Store, bucket: str) -> None:
    set_rules(store, bucket, rule(id="é" * 255))
    shown = {"ArgumentName": "ID", "ArgumentValue": "a" * 256}
    with refused("InvalidArgument", "ID length should not exceed allowed limit of 255", **shown):
        set_rules(store, bucket, rule(id="a" * 256))


def test_all_rules_together_have_64_kib_at_most(store: Store, bucket: str) -> None:
    set_rules(store, bucket, rule(origins=("a" * (CONFIGURATION_SIZE_MAX - 100),)))
    with refused("MaxMessageLengthExceeded", "Your request was too big.", MaxMessageLengthBytes=65536):
        set_rules(store, bucket, rule(origins=("a" * CONFIGURATION_SIZE_MAX,)))


ORIGINS = {
    "*suffix": (["foo.suffix", "suffix"], ["foo.suffix.get", "foo.bar", "", "foo.SUFFIX"]),
    "start*end": (["startend", "start1end", "start12end"], ["0start12end", "startend1", "star1end", "starten"]),
    "prefix*": (["prefix", "prefix.suffix", "prefix\nx"], ["bla.prefix"]),
    "http://*.example.com": (
        ["http://a.example.com", "http://a.b.example.com"],
        ["http://example.com", "http://a_example.com"],
    ),
    "http://a.(com|org)": (["http://a.(com|org)"], ["http://a.com", "http://a.(comXorg)"]),
    "": ([""], ["a"]),
    "*": (["a", "null", "", "http://a:1"], []),
}
"""Source of the first three: the cross-origin tests of ceph/s3-tests, which were made against AWS."""


@pytest.mark.parametrize("pattern", ORIGINS)
def test_a_star_in_an_origin_stands_for_any_text(store: Store, bucket: str, pattern: str) -> None:
    set_rules(store, bucket, rule(origins=("http://another", pattern, "longer" + pattern)))
    allowed, others = ORIGINS[pattern]
    found = {origin for origin in allowed + others if store.find_cors_rule(bucket, origin, "GET") is not None}
    assert found == set(allowed)
    assert store.find_cors_rule(bucket, allowed[0], "PUT") is None


HEADERS: dict[tuple[str, ...] | None, tuple[list[str], list[str]]] = {
    None: ([""], ["a"]),
    (): ([""], ["a"]),
    ("*",): (["", "a", "a b"], []),
    ("X-Amz-Meta-*", "content-type"): (
        ["content-type", "x-amz-meta-a content-type", "x-amz-meta-"],
        ["x-amz-meta", "a content-type"],
    ),
    ("*-md5",): (["content-md5"], ["content-md5 a", "md5"]),
}


@pytest.mark.parametrize("patterns", HEADERS)
def test_every_header_that_is_asked_for_has_to_be_allowed(
    store: Store, bucket: str, patterns: tuple[str, ...] | None
) -> None:
    set_rules(store, bucket, rule(allowed_headers=patterns))
    allowed, others = HEADERS[patterns]
    found = {names for names in allowed + others if store.find_cors_rule(bucket, "a", "GET", names.split()) is not None}
    assert found == set(allowed)


def test_the_first_rule_that_allows_a_request_is_found(store: Store, bucket: str) -> None:
    rules = [
        rule("PUT", origins=("a",), id="1"),
        rule("GET", origins=("b",), id="2"),
        rule("GET", "PUT", origins=("a", "b"), id="3"),
        rule("GET", "PUT", id="4"),
    ]
    set_rules(store, bucket, *rules)
    found = [store.find_cors_rule(bucket, *asked) for asked in (("a", "PUT"), ("a", "GET"), ("b", "GET"), ("c", "GET"))]
    assert [each.id for each in found if each] == ["1", "3", "2", "4"]
    assert [each.allows_any_origin for each in found if each] == [False, False, False, True]
    assert store.find_cors_rule(bucket, "a", "HEAD") is None
