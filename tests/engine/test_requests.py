"""The members of requests: found once for each operation, and spelled out for the type checker."""

import gc
import inspect
import weakref

import pytest

from engine import Store
from engine.checksums import ALGORITHMS
from engine.shapes import answers
from engine.shapes.requests import Checksums, parameters


def test_the_parameters_of_a_method_are_found_once_for_all_views_of_a_store_and_keep_none_alive(
    tiny: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server makes a view of the store for each request."""
    found = parameters(Store.put_object)
    monkeypatch.setattr(inspect, "signature", lambda _function: pytest.fail("the signature was read again"))
    view = tiny.acting_as("123456789012")
    kept = weakref.ref(view)
    assert parameters(view.put_object) == found
    del view
    gc.collect()
    assert kept() is None


def test_requests_and_answers_list_the_checksums_that_there_are() -> None:
    """Type checkers derive neither a TypedDict nor a record from the other, so the members are spelled out in both."""
    members = {algorithm.member for algorithm in ALGORITHMS}
    assert set(Checksums.__optional_keys__) == members
    assert set(answers.Checksums.__struct_fields__) == members
