"""Server-side encryption: the rules for choosing it, the sources of keys, and the encryption of parts, ETags and checksums."""
