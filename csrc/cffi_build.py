"""Builds engine._native by cffi in API mode; the cdef is the marked region of engine.h itself.

Environment: ENGINE_STRICT=1 makes warnings errors; ENGINE_SANITIZE=address,undefined instruments the build
(README.md here says how to keep such a build apart).
"""

import os
from pathlib import Path

from cffi import FFI

CSRC = Path(__file__).parent

# Python's own flags contain -DNDEBUG and -O3; ours come after them. Hidden symbols: only PyInit__native is exported.
COMPILE_FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-UNDEBUG", "-fvisibility=hidden"]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wvla", "-Wstrict-prototypes"]

SHIPPED = ("*.h", "*.py", "*.md", "fuzz/**/*.c")


def cdef_region(header: Path) -> str:
    """Cut out of the header what Python may call."""
    return header.read_text().split("/* cffi:begin */", 1)[1].split("/* cffi:end */", 1)[0]


def sanitizer_flags(sanitizers: str) -> list[str]:
    """Name the flags of an instrumented build; -fno-wrapv, because Python's -fwrapv would hide signed overflow."""
    if not sanitizers:
        return []
    return [f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-fno-wrapv"]


def make_builder() -> FFI:
    """Describe the extension: every .c below csrc, the marked region, the flags."""
    sanitizers = sanitizer_flags(os.environ.get("ENGINE_SANITIZE", ""))
    strict = ["-Werror"] if os.environ.get("ENGINE_STRICT") == "1" else []
    builder = FFI()
    builder.cdef(cdef_region(CSRC / "engine.h"))
    builder.set_source(
        "engine._native",
        '#include "engine.h"',
        sources=[str(path) for path in sorted(CSRC.rglob("*.c")) if "fuzz" not in path.parts],
        # The sdist takes these along, and a change of any of them causes a new build.
        depends=[str(path) for pattern in SHIPPED for path in sorted(CSRC.rglob(pattern))],
        include_dirs=[str(CSRC)],
        libraries=["crypto"],
        extra_compile_args=COMPILE_FLAGS + WARNINGS + strict + sanitizers,
        extra_link_args=sanitizers,
    )
    return builder


ffibuilder = make_builder()
