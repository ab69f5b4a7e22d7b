"""What the clients that are programs are asked to do, named once; each client's test says which of these it lacks, and why."""

BODY_SIZE_BYTES = 11 * 1024 * 1024
"""The large body, which is three parts of 5 MiB: little-endian 32-bit words that count from 0, so that no two places are alike."""

OPERATIONS = {
    "multipart up": "The large body goes up by the client's own uploader in parts of 5 MiB, and comes down whole.",
    "stream up": "The same from a stream whose length is not told.",
    "ranged down": "A range across two parts, a suffix, and a range past the end, which is refused.",
    "abort": "An upload with one part is listed with its part, aborted, and then listed no more.",
    "copy": "An object is copied with its metadata, and once more with new metadata in place of it.",
    "copy of parts": "An object is made of a copied range and an uploaded part.",
    "checksums": "An upload that names a checksum algorithm tells the same checksum when it is read.",
    "customer key": "SSE-C: up in parts, down whole and in a range with the key; refused without it.",
    "presigned get": "GET of a presigned URL by a plain HTTP client.",
    "presigned put": "PUT to a presigned URL made with the client's defaults; the object is what was sent.",
    "presigned part": "PUT of a part to a presigned URL made with the client's defaults; the upload is then completed.",
    "create only": "If-None-Match: * makes an object once; the second time is PreconditionFailed, and changes nothing.",
    "replace only": "If-Match with the ETag replaces the object; with the old ETag it is PreconditionFailed, and changes nothing.",
    "versions": "Versioning is enabled and told as Enabled; both versions and the delete marker are listed, the older one is read.",
    "odd keys": "Every one of ODD_KEYS is put, listed as it is, read and deleted.",
    "control characters": "The same of CONTROL_KEYS, listed as the client lists them best.",
    "listing": "Seven keys, in pages of two, with a prefix and a delimiter.",
    "metadata": "An object with 70 entries of metadata: granian takes 100 header lines at most.",
    "refused upload": "40 MiB to an upload that is not there end in NoSuchUpload at the client, three times of three.",
    "delete many": "Thirty objects are deleted in one request; the bucket is empty then, and can be deleted.",
    "tags": "Tags given with an object where the client can, replaced, read and deleted.",
    "retention": "A bucket with object lock keeps an object under a retention that the client's own clock made.",
    "errors": "A key and a bucket that are not there are NoSuchKey and NoSuchBucket to the client.",
}

ODD_KEYS = (
    "with space", " leading and trailing ", "ünïcode/日本語", "decomposed u\u0308", "emoji 😀", "plus+plus", "percent%",
    "percent%2F%20%zz", "a//b", "/leading", "//two leading", "trailing/",
    "question?hash#", "&<>\"'", "semi;colon:at@=,$!*()~", "back\\slash", "[{|}]^`",
)  # fmt: skip
CONTROL_KEYS = ("tab\there", "line\nfeed", "return\rhere", "one\x01", "unit\x1f", "delete\x7f")
