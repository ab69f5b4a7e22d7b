"""The metadata contract of `engine.meta` served by LMDB."""
