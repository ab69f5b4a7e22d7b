"""The upkeep of a store: reap, check, backup and key rotation."""
