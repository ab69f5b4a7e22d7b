"""The bases of all errors that the engine raises on purpose, but for those of the C core; `engine.errors` has the errors."""

from collections.abc import Mapping
from typing import ClassVar, Self


class EngineError(Exception):
    """The base of all errors that the engine raises on purpose."""


class S3Error(EngineError):
    """An error of S3: `code`, HTTP `status`, `message`, and `extras`, the further elements of the XML body by name.

    `headers` go with the answer. `reason` explains more to the user of the library or command line; the wire never shows it.
    """

    code: ClassVar[str]
    status: ClassVar[int] = 400
    text: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        cls.code = cls.__dict__.get("code", cls.__name__)

    def __init__(self, message: str | None = None, *, reason: str | None = None, **extras: object) -> None:
        self.message = message if message is not None else self.text
        self.reason = reason
        self.headers: dict[str, str] = {}
        self.extras = {name: str(value) for name, value in extras.items()}
        super().__init__(self.message)

    def with_headers(self, headers: Mapping[str, str | None]) -> Self:
        """Add response headers; None values are skipped."""
        self.headers |= {name: text for name, text in headers.items() if text is not None}
        return self

    def __str__(self) -> str:
        return f"{self.message} ({self.reason})" if self.reason else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.reason, self.headers, self.extras)


def _rebuild(
    kind: type[S3Error], message: str, reason: str | None, headers: dict[str, str], extras: dict[str, str]
) -> S3Error:
    return kind(message, reason=reason, **extras).with_headers(headers)
