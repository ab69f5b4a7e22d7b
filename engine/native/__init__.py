"""The C core as Python sees it: the only importer of `engine._native`, and the handles on top of it."""
