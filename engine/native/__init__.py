"""The C core in Python: handles over `engine._native`, which only `engine.native.ffi` imports."""
