"""Lifecycle rules: what S3 takes, and when a rule acts."""
