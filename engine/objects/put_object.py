"""PutObject."""

import secrets

from engine.bodies.reception import Arrival
from engine.encryption.upload_keys import Place
from engine.meta.parts import PartRecord
from engine.meta.records import Headers, Lock, ObjectRecord
from engine.objects.checksums import of_object

MANIFEST_ID_SIZE = 16


OBJECT_ID_SIZE = 16
"""Of what stands for an upload id where there was no upload."""


def new_place(bucket: str, key: str) -> Place:
    """What binds the keys of an object that comes in one piece."""
    return Place(bucket, key, secrets.token_bytes(OBJECT_ID_SIZE))


def new_object(
    arrival: Arrival, headers: Headers, tags: dict[str, str], lock: Lock, now_ns: int
) -> tuple[ObjectRecord, PartRecord]:
    """The records of an object that came in one piece, and of its one part."""
    part = arrival.as_part(1, now_ns)
    etag, manifest_id = part.etag.hex(), secrets.token_bytes(MANIFEST_ID_SIZE)
    kept = arrival.seal.hide_whole(etag, of_object(arrival.kept, arrival.algorithm))
    record = ObjectRecord(
        manifest_id, arrival.size, etag, now_ns, None, headers, tags, lock, kept, encryption=arrival.seal.encryption
    )
    return record, part
