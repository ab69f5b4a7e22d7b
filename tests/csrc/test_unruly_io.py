"""A system at its worst: short reads and writes and EINTR at every turn, no memory, refused hints."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from tests.support.oracles import ORACLES
from tests.support.processes import python_output, run_python

MIB = 1 << 20

PUMP = """if True:
    import os, sys
    from engine.native.stream import Digest, Stream
    source = os.open(sys.argv[1], os.O_RDONLY)
    out = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
    data = open(sys.argv[1], "rb").read()
    with Stream(Digest.MD5, out) as stream:
        stream.pump(source, 1 << 40)
        stream.pump(source, 1 << 40, 0)
        stream.update(data)
        print(stream.size, stream.digest(Digest.MD5).hex())
"""

UPDATE = """if True:
    import os, sys
    from engine.native.stream import Digest, Stream
    out = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
    with Stream(Digest.MD5, out) as stream:
        for size in sys.argv[2:]:
            stream.update(bytes(int(size)))
"""


@pytest.fixture(scope="module")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    library = tmp_path_factory.mktemp("unruly") / "unruly_io.so"
    source = Path(__file__).with_name("unruly_io.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    # After a sanitizer's runtime, which insists on coming first.
    return {"LD_PRELOAD": f"{os.environ.get('LD_PRELOAD', '')} {library}".strip()}


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_when_every_call_does_little(seed: int, unruly: dict[str, str], tmp_path: Path) -> None:
    data = random.Random(seed).randbytes(2 * MIB + 4321)
    source, out = tmp_path / "source", tmp_path / "out"
    source.write_bytes(data)
    size, md5 = python_output(PUMP, str(source), str(out), **unruly, UNRULY_IO=str(seed)).split()
    assert int(size) == 3 * len(data)
    assert bytes.fromhex(md5) == ORACLES["MD5"](data * 3)
    assert out.read_bytes() == data * 3


def hints(unruly: dict[str, str], tmp_path: Path, *sizes: int, **more: str) -> list[str]:
    log = tmp_path / "hints"
    log.touch()
    python_output(UPDATE, str(tmp_path / "out"), *map(str, sizes), **unruly, **more, UNRULY_HINTS=str(log))
    return log.read_text().splitlines()


def test_write_back_is_hinted_once_for_each_full_mebibyte(unruly: dict[str, str], tmp_path: Path) -> None:
    sizes = (MIB - 1, 1, 5, 3 * MIB, 10)
    assert hints(unruly, tmp_path, *sizes) == [f"{i * MIB} {MIB} 2" for i in range(4)]


def test_the_hint_does_not_wait_for_a_byte_more(unruly: dict[str, str], tmp_path: Path) -> None:
    assert hints(unruly, tmp_path, MIB) == [f"0 {MIB} 2"]


def test_a_small_write_is_not_hinted(unruly: dict[str, str], tmp_path: Path) -> None:
    assert hints(unruly, tmp_path, MIB - 1) == []


def test_a_refused_hint_is_the_last(unruly: dict[str, str], tmp_path: Path) -> None:
    assert len(hints(unruly, tmp_path, 3 * MIB, UNRULY_HINTS_REFUSED="1")) == 1


def test_what_lies_eight_mebibytes_behind_is_to_leave_the_page_cache(unruly: dict[str, str], tmp_path: Path) -> None:
    logged = hints(unruly, tmp_path, *[MIB] * 10)
    assert [line for line in logged if line.startswith("advise")] == [f"advise {i * MIB} {MIB} 4" for i in range(2)]
    assert logged.index(f"advise 0 {MIB} 4") > logged.index(f"{8 * MIB} {MIB} 2")


def test_a_part_of_eight_mebibytes_stays_in_the_page_cache_unless_it_is_written_past_it(
    unruly: dict[str, str], tmp_path: Path
) -> None:
    logged = hints(unruly, tmp_path, *[MIB // 8] * 64, UNRULY_UNCACHED="n")
    assert [line for line in logged if line.startswith("advise")] == []


@pytest.mark.parametrize("plan", ["a", "s", "sia", "rn", "vn", "aarn", "svn", "iiirn"])
def test_every_byte_is_written_whatever_becomes_of_writes_past_the_page_cache(
    plan: str, unruly: dict[str, str], tmp_path: Path
) -> None:
    data = random.Random(plan).randbytes(4 * MIB + 4321)
    source, out = tmp_path / "source", tmp_path / "out"
    source.write_bytes(data)
    size, md5 = python_output(PUMP, str(source), str(out), **unruly, UNRULY_UNCACHED=plan).split()
    assert int(size) == 3 * len(data)
    assert bytes.fromhex(md5) == ORACLES["MD5"](data * 3)
    assert out.read_bytes() == data * 3


def test_a_write_past_the_page_cache_that_fails_is_a_write_error(unruly: dict[str, str], tmp_path: Path) -> None:
    code = """if True:
        import os, sys
        from engine.native import errors as native_errors
        from engine.native.stream import Digest, Stream
        out = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
        with Stream(Digest.MD5, out) as stream:
            try:
                stream.update(bytes(4 << 20))
            except native_errors.WriteFailed as error:
                print(error.errno, os.fstat(out).st_size, "at byte 1048576" in str(error))
    """
    assert python_output(code, str(tmp_path / "out"), **unruly, UNRULY_UNCACHED="afn") == "5 1048576 True\n"


def test_a_page_that_is_not_full_yet_stays_in_the_page_cache(unruly: dict[str, str], tmp_path: Path) -> None:
    logged = hints(unruly, tmp_path, MIB + 4097, 262_208, 262_208, 10, UNRULY_UNCACHED="a")
    written = [tuple(map(int, line.split()[1:3])) for line in logged if line.startswith("uncached")]
    assert [offset for offset, _ in written] == [0, MIB + 4097, MIB + 4097 + 262_208]
    assert [(offset + size) % 4096 for offset, size in written] == [0, 0, 0]
    assert all(size > 258_000 for _, size in written)


@pytest.mark.parametrize(
    ("sizes", "is_asked"),
    [
        ((MIB - 1,), False),
        ((MIB,), True),
        ((MIB // 4 - 1,) * 8, False),
        ((MIB // 4,) * 3, False),
        ((MIB // 4,) * 4, True),
    ],
)
def test_only_large_writes_of_what_has_a_mebibyte_go_past_the_page_cache(
    sizes: tuple[int, ...], is_asked: bool, unruly: dict[str, str], tmp_path: Path
) -> None:
    run = run_python(UPDATE, str(tmp_path / "out"), *map(str, sizes), **unruly, UNRULY_UNCACHED="n")
    assert (run.returncode != 0) == is_asked


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer brings its own allocator")
def test_a_stream_that_finds_no_memory_says_so_and_goes_on(unruly: dict[str, str]) -> None:
    code = """if True:
        import os
        from engine.native import errors as native_errors
        from engine.native.stream import Digest, Stream
        fd = os.memfd_create("source")
        os.write(fd, b"abc")
        os.environ["UNRULY_MEMORY"] = "1"  # only now: the tests of the rows at load have taken theirs
        with Stream(Digest.MD5) as stream:
            try:
                stream.pump(fd, 3, 0)
            except native_errors.OutOfMemory as error:
                print(isinstance(error, MemoryError), stream.size, stream.pump(fd, 3, 0))
    """
    assert python_output(code, **unruly).split() == ["True", "0", "3"]
