"""What a core dump of a running process would hold, read while it runs."""

import re
from collections.abc import Iterator
from pathlib import Path

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ (\d+) *(.*)")


def memory_of(pid: int, *, left_out: bool = False) -> bytes:
    """What a core dump would hold, or just what it would leave out for being marked so."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, is_left_out in regions(pid):
            if is_left_out == left_out:
                try:
                    memory.seek(start)
                    found.append(memory.read(end - start))
                except (OSError, OverflowError):  # the kernel's own pages
                    continue
    return b"".join(found)


def regions(pid: int) -> Iterator[tuple[int, int, bool]]:
    """Readable mappings of a process: start, end, and whether core dumps leave them out.

    Without what is a file's, and not written to in memory: core dumps have none of it.
    """
    start = end = 0
    is_files = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *words = line.split()
        if head := _MAPPING.match(line):
            start, end = (int(head[1], 16), int(head[2], 16)) if head[3][0] == "r" else (0, 0)
            is_files = head[4] != "0" and not head[5].endswith("(deleted)")
        elif name == "Anonymous:":
            is_files = is_files and words[0] == "0"
        elif name == "VmFlags:" and end and not is_files:
            yield start, end, "dd" in words
