"""The product: S3's multipart family over blobs and metadata."""
