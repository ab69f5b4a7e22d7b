"""Upkeep of a store: reap, check and key rotation."""
