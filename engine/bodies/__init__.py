"""Bodies of requests and of objects: where bytes come from, how they are received, and how they are read back."""
