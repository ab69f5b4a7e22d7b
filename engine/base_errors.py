"""The bases of all errors that the engine raises on purpose, but for those of the C core, and the errors of the store itself.

`engine.errors` has them all.
"""

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


class StoreError(EngineError):
    """The store as a whole can't be used as requested; the message is for its operator."""


class NotAStore(StoreError):
    """The path holds no store, and none was to be created; or it holds something else."""


class NewerFormat(StoreError):
    """The store was written by a newer partwright."""


class StoreInUse(StoreError):
    """Another process, or another Store in this process, uses the store in a way that excludes this use."""


class UnsafeFileSystem(StoreError):
    """The path is on a network file system, where neither locks nor syncs are reliable."""


class ReadOnlyStore(StoreError):
    """A write was called on a store that was opened read-only, or that is on a medium that refuses writes."""


class StoreClosed(StoreError):
    """The store was closed before or during the call."""


class StoreDamaged(StoreError):
    """Rows and files do not belong together, so nothing is collected."""
