"""A progress bar on a terminal; nothing is shown elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

Advance = Callable[[int], None]


@contextmanager
def progress(label: str, size_bytes: int) -> Iterator[Advance]:
    """Show a bar during the block. The block calls the given function, from any thread, with the number of bytes just moved."""
    if not sys.stderr.isatty():
        yield lambda size: None
        return
    from tqdm import tqdm

    lock = Lock()
    with tqdm(total=size_bytes, desc=label, unit="B", unit_scale=True, unit_divisor=1024) as bar:

        def advance(size: int) -> None:
            with lock:
                bar.update(size)

        yield advance
