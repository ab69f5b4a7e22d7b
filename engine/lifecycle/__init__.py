"""Lifecycle rules: their validation and storage, and the moments at which they act."""
