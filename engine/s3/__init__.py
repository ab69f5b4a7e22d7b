"""S3's wire: requests read into the engine's terms, answers written from them, by botocore's model of S3; it knows no storage."""
