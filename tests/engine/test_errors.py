"""The error tree: each code has the status and text that AWS sends, and errors can be pickled."""

import copy
import pickle

import pytest

from engine import errors
from engine.errors import EngineError, InternalError, NoSuchUpload, S3Error, StoreError, StoreFull
from engine.native import errors as native_errors
from engine.native.errors import NativeError
from tests.support.refusals import TEXTS

CODES_OF_OTHER_NAMES = {
    "NotImplementedYet": "NotImplemented",
    "KMSDisabled": "KMS.DisabledException",
    "KMSInvalidState": "KMS.KMSInvalidStateException",
    "KMSNotFound": "KMS.NotFoundException",
}


def family(kind: type) -> set[type]:
    return {kind}.union(*map(family, kind.__subclasses__()))


@pytest.mark.parametrize("code", TEXTS)
def test_an_error_has_the_status_and_text_of_s3(code: str) -> None:
    kind = getattr(errors, code)
    error = kind()
    assert (error.code, error.status, error.message, error.extras) == (code, *TEXTS[code], {})


def test_every_class_names_its_code() -> None:
    for kind in family(S3Error) - {S3Error}:
        shared = "InternalError" if issubclass(kind, InternalError) else kind.__name__
        assert kind.code == CODES_OF_OTHER_NAMES.get(shared, shared)


def test_every_status_is_one_of_http() -> None:
    for kind in family(S3Error) - {S3Error}:
        assert kind.status == 304 or 400 <= kind.status < 600, kind


def test_the_three_branches_are_apart() -> None:
    branches = [S3Error, StoreError, NativeError]
    assert all(issubclass(branch, EngineError) for branch in branches)
    for branch in branches:
        for kind in family(branch):
            assert [issubclass(kind, other) for other in branches].count(True) == 1


def test_extra_elements_are_texts() -> None:
    error = errors.InvalidPart(UploadId="id", PartNumber=7, ETag="etag")
    assert error.extras == {"UploadId": "id", "PartNumber": "7", "ETag": "etag"}


def test_a_reason_is_for_the_local_reader_only() -> None:
    error = StoreFull(reason="the disk is full")
    assert str(error) == "We encountered an internal error. Please try again. (the disk is full)"
    assert error.message == "We encountered an internal error. Please try again."
    assert (error.code, error.status, error.extras) == ("InternalError", 500, {})
    assert str(NoSuchUpload()) == NoSuchUpload.text


@pytest.mark.parametrize("again", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_an_error_survives_a_trip_between_processes(again: object) -> None:
    assert callable(again)
    error = errors.InvalidArgument("text", reason="why", ArgumentName="max-parts", ArgumentValue=-1)
    error.with_headers({"Allow": "DELETE", "ETag": None})
    copied = again(error)
    assert type(copied) is type(error)
    for name in ("code", "status", "message", "reason", "headers", "extras"):
        assert getattr(copied, name) == getattr(error, name)


def test_the_tree_in_the_docstring_names_every_class_of_the_store() -> None:
    for kind in family(StoreError) | {NativeError, S3Error, InternalError} | family(InternalError):
        assert kind.__name__ in (errors.__doc__ or ""), kind.__name__
    for kind in family(NativeError):
        assert kind.__name__ in (native_errors.__doc__ or ""), kind.__name__
