"""The base of the engine's records, which are immutable and compare by their members.

They are msgspec structs and not dataclasses: `import engine` defines more than 100 of them, and defining a dataclass, whose methods are
generated as source text and compiled, takes 1 ms, a struct 0.03 ms.
"""

import msgspec


class Record(msgspec.Struct, frozen=True):
    """A record, made by position or by name. Subclasses repeat `frozen=True` for the type checker."""


replace = msgspec.structs.replace
"""Return a copy of a record with some members changed."""
asdict = msgspec.structs.asdict
astuple = msgspec.structs.astuple
