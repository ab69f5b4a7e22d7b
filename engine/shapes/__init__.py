"""S3's shapes as Python types: members of requests and answers, in snake_case."""
