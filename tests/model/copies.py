"""The rules of the model test that copy: parts and objects from any object, whole or in any range."""

import urllib.parse
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.model.choices import buckets, keys, numbers, picks
from tests.model.model import Refused, Stored

ranges = st.none() | st.tuples(st.integers(0, 40), st.integers(0, 320))
"""The first byte and how many more."""


class Copies(RuleBasedStateMachine):
    """Needs of the whole machine: `store`, `bucket`, `same`, `pick_upload`, `pick_object`."""

    @precondition(lambda self: self._ids)
    @rule(pick=picks, source=picks, number=numbers, wanted=ranges)
    def copy_part(self: Any, pick: int, source: int, number: int, wanted: tuple[int, int] | None) -> None:
        name, key, upload_id = self.pick_upload(pick)
        source_name, source_key = self.pick_object(source)
        text = f"bytes={wanted[0]}-{sum(wanted)}" if wanted else None

        def model() -> str:
            bucket = self.bucket(name)
            bucket.upload(key, upload_id)
            whole = self.bucket(source_name).body(source_key)
            etag: str = bucket.upload_part(key, upload_id, number, _cut(whole, wanted))
            return etag

        self.same(
            lambda: (
                self.store.upload_part_copy(
                    name, key, upload_id, number, _quoted(source_name, source_key), copy_source_range=text
                ).copy_part_result.etag
            ),
            model,
        )

    @rule(name=buckets, key=keys, source=picks)
    def copy_object(self: Any, name: str, key: str, source: int) -> None:
        source_name, source_key = self.pick_object(source)

        def model() -> str:
            bucket = self.bucket(name)
            whole = self.bucket(source_name).body(source_key)
            if (name, key) == (source_name, source_key):
                raise Refused("InvalidRequest")
            bucket.objects[key] = Stored([whole], multipart=False)
            etag: str = bucket.objects[key].etag
            return etag

        self.same(
            lambda: self.store.copy_object(name, key, _quoted(source_name, source_key)).copy_object_result.etag, model
        )


def _quoted(bucket: str, key: str) -> str:
    return urllib.parse.quote(f"{bucket}/{key}")


def _cut(whole: bytes, wanted: tuple[int, int] | None) -> bytes:
    if wanted is None:
        return whole
    first, last = wanted[0], sum(wanted)
    if first >= len(whole):
        raise Refused("InvalidRequest")
    if last >= len(whole):
        raise Refused("InvalidArgument")
    return whole[first : last + 1]
