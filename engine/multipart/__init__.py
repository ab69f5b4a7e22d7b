"""S3's multipart uploads: their operations and rules, over blobs and metadata."""
