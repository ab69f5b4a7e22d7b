"""What a store must hold, kept outside it: a journal of what was begun and what was acknowledged, and the state that follows from it.

One lane is one thread of a workload with keys of its own, so that at a kill at most one operation of a lane is in doubt.
"""

import copy
import functools
import hashlib
import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

Operation = dict[str, Any]
Fingerprint = dict[str, Any]


class Piece(NamedTuple):
    """The bytes of one part or object, as the seed they are made from."""

    seed: int
    size: int

    def data(self) -> bytes:
        """The bytes themselves."""
        return random.Random(self.seed).randbytes(self.size)

    @property
    def md5(self) -> bytes:
        """Their MD5."""
        return _md5(self)


@functools.lru_cache(maxsize=50_000)
def _md5(piece: Piece) -> bytes:
    return hashlib.md5(piece.data(), usedforsecurity=False).digest()


@dataclass(slots=True)
class Upload:
    """An open upload: its key and its parts by number."""

    key: str
    parts: dict[int, Piece] = field(default_factory=dict)


@dataclass(slots=True)
class Stored:
    """An object: its pieces in order, and whether it came by Complete; what did not is one piece, or a copy of several."""

    pieces: list[Piece]
    multipart: bool

    @property
    def etag(self) -> str:
        """The ETag S3 gives it."""
        if not self.multipart:
            whole = b"".join(piece.data() for piece in self.pieces)
            return f'"{hashlib.md5(whole, usedforsecurity=False).hexdigest()}"'
        whole = hashlib.md5(b"".join(piece.md5 for piece in self.pieces), usedforsecurity=False).hexdigest()
        return f'"{whole}-{len(self.pieces)}"'

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(piece.size for piece in self.pieces)


@dataclass(slots=True)
class Ledger:
    """What one lane's acknowledged operations leave behind."""

    prefix: str
    uploads: dict[str, Upload] = field(default_factory=dict)
    objects: dict[str, Stored] = field(default_factory=dict)

    def apply(self, operation: Operation, result: str | None) -> None:
        """Take one operation into account; `result` is the id of a created upload."""
        key = operation["key"]
        match operation["do"]:
            case "create":
                assert result is not None
                self.uploads[result] = Upload(key)
            case "upload":
                piece = Piece(operation["seed"], operation["size"])
                self.uploads[operation["id"]].parts[operation["number"]] = piece
            case "complete":
                upload = self.uploads.pop(operation["id"])
                self.objects[key] = Stored([upload.parts[number] for number in operation["numbers"]], multipart=True)
            case "copy_part":
                piece = self.objects[operation["source"]].pieces[operation["index"]]
                self.uploads[operation["id"]].parts[operation["number"]] = piece
            case "copy":
                self.objects[key] = Stored(self.objects[operation["source"]].pieces, multipart=False)
            case "abort":
                del self.uploads[operation["id"]]
            case "put":
                self.objects[key] = Stored([Piece(operation["seed"], operation["size"])], multipart=False)
            case "delete":
                self.objects.pop(key, None)

    def fingerprint(self) -> Fingerprint:
        """What a listing of everything under the prefix must show."""
        return {
            "uploads": {
                upload_id: (
                    upload.key,
                    {number: (f'"{piece.md5.hex()}"', piece.size) for number, piece in upload.parts.items()},
                )
                for upload_id, upload in self.uploads.items()
            },
            "objects": {key: (stored.etag, stored.size) for key, stored in self.objects.items()},
        }

    def to_json(self) -> dict[str, Any]:
        """A form that JSON can carry."""
        return {
            "prefix": self.prefix,
            "uploads": {name: [upload.key, list(upload.parts.items())] for name, upload in self.uploads.items()},
            "objects": {key: [stored.pieces, stored.multipart] for key, stored in self.objects.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        return cls(
            data["prefix"],
            {
                name: Upload(key, {number: Piece(*piece) for number, piece in parts})
                for name, (key, parts) in data["uploads"].items()
            },
            {
                key: Stored([Piece(*piece) for piece in pieces], multipart)
                for key, (pieces, multipart) in data["objects"].items()
            },
        )

    def after(self, operation: Operation, result: str | None) -> "Ledger":
        """A copy with one more operation."""
        changed = copy.deepcopy(self)
        changed.apply(operation, result)
        return changed


class Journal:
    """Written by the process under test: a line before each call, and one after it has returned. Survives kill -9, not a power cut."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _write(self, entry: dict[str, Any]) -> None:
        os.write(self._fd, json.dumps(entry).encode() + b"\n")

    def begin(self, operation: Operation) -> None:
        """About to be called."""
        self._write({"begin": operation})

    def acknowledge(self, result: str | None) -> None:
        """The call returned."""
        self._write({"done": result})

    def refuse(self, code: str) -> None:
        """The call raised an S3Error."""
        self._write({"refused": code})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a journal says: the ledger after it, how many operations were acknowledged or refused, and the one in doubt."""

    ledger: Ledger
    acknowledged: int
    refused: tuple[str, ...]
    in_doubt: Operation | None


def replay(ledger: Ledger, path: Path) -> Outcome:
    """Apply a journal to the ledger from before it; a refused operation has changed nothing."""
    acknowledged, refused, pending = 0, [], None
    for line in path.read_text().splitlines() if path.exists() else ():
        entry = json.loads(line)
        if "begin" in entry:
            pending = entry["begin"]
            continue
        assert pending is not None
        if "done" in entry:
            ledger.apply(pending, entry["done"])
            acknowledged += 1
        else:
            refused.append(f"{pending['do']}: {entry['refused']}")
        pending = None
    return Outcome(ledger, acknowledged, tuple(refused), pending)
