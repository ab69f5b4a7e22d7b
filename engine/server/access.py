"""The access log: one JSON line for each request, without query, headers or secrets, which could give access."""

import json
import logging
import time
from datetime import UTC, datetime

from engine.server.exchange import Exchange, Response

_log = logging.getLogger("partwright.access")


class AccessLog:
    """Writes to the logger `partwright.access`."""

    def write(self, exchange: Exchange, response: Response) -> None:
        """Log one exchange when its response begins."""
        address, identity, error = exchange.address, exchange.identity, exchange.error
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": exchange.request_id,
            "remote": exchange.request.remote,
            "access_key": identity.access_key if identity else None,
            "operation": exchange.operation.name if exchange.operation else None,
            "method": exchange.request.method,
            "bucket": address.bucket if address else None,
            "key": address.key if address else None,
            "status": response.status,
            "error": error.code if error else None,
            "bytes_in": exchange.body.length,
            "bytes_out": _length(response),
            "duration_ms": round((time.monotonic() - exchange.started_s) * 1000, 3),
        }
        _log.info("%s", json.dumps({name: value for name, value in line.items() if value is not None}))


def _length(response: Response) -> int | None:
    if isinstance(response.body, bytes):
        return len(response.body)
    return next((int(value) for name, value in response.headers if name.lower() == "content-length"), None)
