"""What systemd gives a service and wants from it: listening sockets (LISTEN_FDS), readiness and signs of life (NOTIFY_SOCKET).

Source: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3).
"""

import contextlib
import os
import socket

_FIRST_DESCRIPTOR = 3


def notify(state: str) -> None:
    """Tell the service manager a state, such as "READY=1"; nothing happens without one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender, contextlib.suppress(OSError):
        sender.connect("\0" + address[1:] if address.startswith("@") else address)
        sender.send(state.encode())


def watchdog_interval_s() -> float | None:
    """Return how often the service manager wants "WATCHDOG=1", or None if it does not."""
    text, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", str(os.getpid()))
    return int(text) / 1e6 if text.isdigit() and pid == str(os.getpid()) else None


def inherited_listener() -> socket.socket | None:
    """Return the listening socket that the service manager has opened for this process, or None.

    Raises:
        OSError: it opened several, or not one of TCP.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    if os.environ.get("LISTEN_FDS") != "1":
        raise OSError("the service manager must pass one listening socket")
    listener = socket.socket(fileno=_FIRST_DESCRIPTOR)
    if listener.type != socket.SOCK_STREAM or listener.family not in (socket.AF_INET, socket.AF_INET6):
        raise OSError("the socket that the service manager passes is not one of TCP")
    listener.set_inheritable(False)
    return listener
