"""A filter of system calls, as containers have them: writes with flags fail, in this process from now on."""

import ctypes
import os
import platform
import struct

PWRITEV2 = {"x86_64": 328, "aarch64": 287}.get(platform.machine())
"""The number of the call; None: not known here. Source: arch/x86/entry/syscalls/syscall_64.tbl, uapi/asm-generic/unistd.h in Linux."""

LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
"""BPF_LD + BPF_W + BPF_ABS, BPF_JMP + BPF_JEQ + BPF_K, BPF_RET + BPF_K. Source: uapi/linux/bpf_common.h."""

FAIL, ALLOW = 0x00050000, 0x7FFF0000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38
"""Source: uapi/linux/seccomp.h, uapi/linux/prctl.h."""


def refuse_flagged_writes(error: int) -> None:
    """Let pwritev2 fail with this errno. Raises OSError if the system has no filters."""
    assert PWRITEV2 is not None
    steps = [(LOAD_WORD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, PWRITEV2), (RETURN, 0, 0, FAIL | error), (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
