"""The binding to C: every failure has its own exception, and C's tables are read correctly."""

import errno
import os
from pathlib import Path

import pytest

from engine.native import errors as native_errors
from engine.native import kernels
from engine.native.ffi import (
    FAILURES,
    check,
    cpu_features,
    cpu_features_detected,
    ffi,
    file_system_type,
    lib,
    libcrypto_version,
)
from engine.native.stream import IN_PYTHON, Digest

STATUSES = sorted(name for name in dir(lib) if name.startswith("ENGINE_E_"))

pytestmark = pytest.mark.kernels


@pytest.mark.parametrize("symbol", STATUSES)
def test_every_status_has_one_exception_class_of_its_own(symbol: str) -> None:
    kinds = [kind for kind in native_errors.NativeError.__subclasses__() if kind.symbol == symbol]
    assert len(kinds) == 1
    assert FAILURES[getattr(lib, symbol)] is kinds[0]
    assert kinds[0].text


def test_no_exception_class_is_without_a_status() -> None:
    assert sorted(kind.symbol for kind in native_errors.NativeError.__subclasses__()) == STATUSES
    assert len(FAILURES) == len(STATUSES)


@pytest.mark.parametrize("symbol", ["ENGINE_OK", *STATUSES])
def test_c_names_its_statuses(symbol: str) -> None:
    assert ffi.string(lib.engine_status_name(getattr(lib, symbol))) == symbol.encode()


def test_c_has_no_name_for_what_is_no_status() -> None:
    assert lib.engine_status_name(1) == ffi.NULL
    assert lib.engine_status_name(min(FAILURES) - 1) == ffi.NULL


def test_check_passes_success_on_and_says_what_failed() -> None:
    assert check(0, "doing") == 0
    assert check(7, "doing") == 7
    with pytest.raises(native_errors.LibcryptoFailed, match=r"^making tea: libcrypto refused$"):
        check(lib.ENGINE_E_LIBCRYPTO, "making tea")


def test_system_errors_carry_their_errno() -> None:
    report = ffi.new("struct engine_report *", {"os_error": errno.EIO, "offset": 77})
    with pytest.raises(OSError, match="reading, at byte 77: Input/output error") as caught:
        check(lib.ENGINE_E_READ, "reading", report)
    assert caught.value.errno == errno.EIO
    assert type(caught.value) is native_errors.ReadFailed


def test_algorithms_and_digests_are_the_same_set_in_the_same_order() -> None:
    names = list(dict.fromkeys(row.algorithm for row in kernels.kernels()))
    assert names == [digest.name for digest in Digest if digest not in IN_PYTHON]
    assert [int(digest) for digest in Digest] == [1 << i for i in range(lib.ENGINE_ALGORITHM_COUNT + len(IN_PYTHON))]


def test_a_kernel_row_is_a_frozen_record() -> None:
    row = next(row for row in kernels.kernels() if row.name == "libcrypto")
    assert (row.algorithm, row.needs) == ("MD5", ())
    with pytest.raises(AttributeError):
        row.chosen = False  # type: ignore[misc]


def test_libcrypto_is_three_or_newer() -> None:
    assert int(libcrypto_version().split()[1].split(".")[0]) >= 3


def test_the_type_of_a_file_system_is_its_magic_number(tmp_path: Path) -> None:
    """The magic number is PROC_SUPER_MAGIC of linux/magic.h; no other directory gives an error."""
    proc = os.open("/proc/self/status", os.O_RDONLY)
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        assert file_system_type(proc) == 0x9FA0
        assert file_system_type(here) > 0
    finally:
        os.close(proc)
        os.close(here)


def test_a_bad_descriptor_has_no_file_system() -> None:
    with pytest.raises(native_errors.FileSystemUnknown, match="descriptor 987654") as caught:
        file_system_type(987654)
    assert caught.value.errno == errno.EBADF


def test_what_is_disabled_is_not_used_in_this_very_process() -> None:
    """Each class of processors is tested like this one, see tests/support/processor_classes.py."""
    disabled = set(os.environ.get("ENGINE_CPU_DISABLE", "").split(","))
    usable = set(cpu_features_detected()) - disabled
    assert set(cpu_features()) == usable
    for row in (*kernels.kernels(), *kernels.ciphers(), *kernels.lanes()):
        assert row.usable == (set(row.needs) <= usable), row
