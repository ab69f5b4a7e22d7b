"""What the model test draws from: few names, so that requests meet, and bodies around every limit."""

import io
from typing import Any

from hypothesis import strategies as st

PART_SIZE_MIN = 3
INLINE_SIZE_MAX = 12
LONG = "long/" + "k" * 600

buckets = st.sampled_from(["first", "first", "first", "second"])
keys = st.sampled_from(["a", "a/b", "a/c", "a\x00", "b", "ü/x", "\U0001f600", LONG, LONG + "/1", LONG + "/2"])
prefixes = st.sampled_from(["", "", "a", "a/", "long/", LONG + "/", "nothing"])
delimiters = st.sampled_from(["", "/", "k/"])
bodies = st.one_of(
    st.binary(min_size=INLINE_SIZE_MAX - 1, max_size=INLINE_SIZE_MAX + 2),
    st.binary(min_size=PART_SIZE_MIN, max_size=300),
    st.binary(max_size=PART_SIZE_MIN + 1),
)
numbers = st.one_of(st.integers(1, 4), st.sampled_from([9999, 10000]))
picks = st.integers(0, 1000)
page_sizes = st.sampled_from([1, 2, 3, 1000])


def as_stream(body: bytes, kind: str) -> Any:
    """A body in one of the forms that the library takes."""
    return {"bytes": body, "file": io.BytesIO(body), "pieces": iter([body[:5], b"", body[5:]])}[kind]


kinds = st.sampled_from(["bytes", "file", "pieces"])
