"""All bounds of a store in one frozen record: S3's limits as defaults, and the engine's own where S3 has none."""

from engine.record import Record

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Limits(Record, frozen=True):
    """The bounds of a store; sizes are in bytes. `engine.open(path, limits=Limits(part_size_bytes_min=1))` changes one of them.

    Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits" (48.8 TiB objects since December 2025), and the
    API pages of the operations named beside each field.
    """

    part_number_max: int = 10_000
    part_size_bytes_min: int = 5 * MIB
    """CompleteMultipartUpload: the least size of each listed part but the last one."""
    part_size_bytes_max: int = 5 * GIB
    object_size_bytes_max: int = 10_000 * 5 * GIB
    put_size_bytes_max: int = 5 * GIB
    """PutObject: the size of a single PUT."""
    key_size_bytes_max: int = 1024
    """The size of a key in UTF-8 (User Guide, "Naming Amazon S3 objects")."""
    metadata_size_bytes_max: int = 2 * KIB
    """The size of the names and values of the user's metadata in UTF-8 (User Guide, "Working with object metadata")."""
    header_size_bytes_max: int = 8 * KIB
    """The size of all headers stored with an object (User Guide, "Working with object metadata": PUT header limit)."""
    tag_count_max: int = 10
    """PutObjectTagging: the tags of one object."""
    bucket_tag_count_max: int = 50
    """PutBucketTagging: the tags of one bucket."""
    tag_key_length_max: int = 128
    """PutObjectTagging: the length of a tag's key, in characters."""
    tag_value_length_max: int = 256
    page_size_max: int = 1000
    """ListParts, ListMultipartUploads, ListObjectsV2: larger values are clamped."""
    delete_count_max: int = 1000
    """DeleteObjects: the keys of one call."""
    bucket_page_size_max: int = 10_000
    """ListBuckets: max-buckets."""
    integer_max: int = 2**31 - 1
    """max-parts, max-keys, max-uploads, part-number-marker: larger values are refused."""

    inline_size_bytes_max: int = 16 * KIB
    """Ours: a part or object up to this size is stored in a metadata row instead of a file."""
    tombstone_lifetime_s: int = 7 * 24 * 3600
    """Ours: how long a repeated Complete of a finished upload is answered with its first result."""
    write_queue_depth_max: int = 4096
    """Ours: the metadata writes that may wait in one process; the next one gets SlowDown."""
