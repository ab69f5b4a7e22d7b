"""What the engine's records are: their members can't be set again, two with equal members are equal, and they hold nothing else.

They are msgspec's and not dataclasses: `import engine` makes more than 100 of them, and a dataclass, whose methods are written as
source text and compiled, takes 1 ms to make where one of these takes 0.03 ms.
"""

import msgspec


class Record(msgspec.Struct, frozen=True):
    """Made by position or by name; whoever derives from it says `frozen=True` again, for the type checker."""


replace = msgspec.structs.replace
"""A record with some members changed."""
asdict = msgspec.structs.asdict
astuple = msgspec.structs.astuple
