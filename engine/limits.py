"""Every bound of the store in one frozen record: S3's limits as defaults, and the engine's own where S3 has none."""

from engine.record import Record

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Limits(Record, frozen=True):
    """What a store accepts; sizes in bytes. `engine.open(path, limits=Limits(part_size_bytes_min=1))` loosens or tightens one.

    Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits" (48.8 TiB objects since December 2025), and the
    API pages of the operations named beside each field.
    """

    part_number_max: int = 10_000
    part_size_bytes_min: int = 5 * MIB
    """CompleteMultipartUpload: every listed part but the last one."""
    part_size_bytes_max: int = 5 * GIB
    object_size_bytes_max: int = 10_000 * 5 * GIB
    put_size_bytes_max: int = 5 * GIB
    """PutObject: a single PUT."""
    key_size_bytes_max: int = 1024
    """UTF-8 bytes of a key (User Guide, "Naming Amazon S3 objects")."""
    metadata_size_bytes_max: int = 2 * KIB
    """Names and values of the user's metadata, UTF-8 (User Guide, "Working with object metadata")."""
    header_size_bytes_max: int = 8 * KIB
    """All headers kept with an object (User Guide, "Working with object metadata": PUT header limit)."""
    tag_count_max: int = 10
    """PutObjectTagging: tags of one object."""
    tag_key_length_max: int = 128
    tag_value_length_max: int = 256
    page_size_max: int = 1000
    """ListParts, ListMultipartUploads, ListObjectsV2: larger values are clamped."""
    delete_count_max: int = 1000
    """DeleteObjects: keys of one call."""
    bucket_page_size_max: int = 10_000
    """ListBuckets: max-buckets."""
    integer_max: int = 2**31 - 1
    """max-parts and its siblings: larger values are refused."""

    inline_size_bytes_max: int = 16 * KIB
    """Ours: a part or object up to this size lives in its metadata row instead of a file."""
    tombstone_lifetime_s: int = 7 * 24 * 3600
    """Ours: how long a repeated Complete of a finished upload is answered with its first result."""
    write_queue_depth_max: int = 4096
    """Ours: metadata writes waiting in one process before a writer is told to slow down."""
