"""Bodies of requests and of objects: the sources of their bytes, receiving them, and reading them back."""
