"""The command line `partwright`: S3's operations on a local store as `aws s3api` has them, `cp`, and the upkeep of a store."""

from engine.cli.main import main

__all__ = ["main"]
