"""Print an answer as `aws` does: JSON with indent 4, times in ISO 8601, and nothing if the answer is empty."""

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult


def print_json(value: Any, query: "ParsedResult | None" = None) -> None:
    """Print a value, after the JMESPath query, if there is one."""
    if query is not None:
        value = query.search(value)
    if value != {}:
        json.dump(value, sys.stdout, indent=4, ensure_ascii=False, default=_plain)
        sys.stdout.write("\n")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
