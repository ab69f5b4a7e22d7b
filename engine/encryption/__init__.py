"""Server-side encryption: the rules for choosing it, the sources of keys, and what the keys seal."""
