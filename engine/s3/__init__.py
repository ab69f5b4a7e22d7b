"""S3's wire format: reads requests and writes answers by botocore's model of S3. It knows nothing of the storage."""
