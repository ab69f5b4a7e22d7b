"""Host names that lead to the loopback address without any DNS."""

import socket
from typing import Any

import pytest

from tests.system.clients.servers import ADDRESS


def resolving_to_loopback(patch: pytest.MonkeyPatch, domain: str) -> None:
    """Let this process find a domain and all names below it on the loopback address."""
    resolve = socket.getaddrinfo

    def resolve_here(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        below = isinstance(name, str) and (name == domain or name.endswith(f".{domain}"))
        return resolve(ADDRESS if below else host, *arguments, **options)

    patch.setattr(socket, "getaddrinfo", resolve_here)
