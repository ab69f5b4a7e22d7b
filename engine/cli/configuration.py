"""The options of `partwright serve` as the environment and a configuration file (TOML) give them, wholly checked at start."""

import difflib
import tomllib
from argparse import ArgumentTypeError
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.cli.failures import CommandError
from engine.cli.serve_options import CONFIG, OPTIONS, VARIABLE_PREFIX, Option, path

_KINDS = {str: "a text", int: "a whole number", list: "a list of texts", dict: "a table of texts"}
_MISSPELT = 0.8
"""How near to an option's variable another one must be to count as misspelt. Others are left alone: Kubernetes, for one, gives
PARTWRIGHT_SERVICE_HOST to all that runs beside a service called partwright.
"""


def of_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that variables give; an empty variable counts as none.

    Raises:
        CommandError: a value is wrong, or a name is nearly that of an option; the message has a line for each.
    """
    settled, faults = {}, []
    options = {option.variable: option for option in (CONFIG, *OPTIONS)}
    for name, text in environment.items():
        if text and name in options:
            option = options[name]
            try:
                settled[option.parameter] = option.of_texts(text.split(",") if option.gather else [text])
            except ArgumentTypeError as error:
                faults.append(f"{name}: {error}")
        elif text and name.startswith(VARIABLE_PREFIX):
            names = [variable.removeprefix(VARIABLE_PREFIX) for variable in options]
            for near in difflib.get_close_matches(name.removeprefix(VARIABLE_PREFIX), names, 1, _MISSPELT):
                faults.append(f"{name} is no option: did you mean {VARIABLE_PREFIX}{near}?")
    if faults:
        raise CommandError("\n".join(faults))
    return settled


def of_file(file: str) -> dict[str, Any]:
    """Return the parameters that a configuration file gives; paths in it are relative to its directory.

    Raises:
        CommandError: it can't be read, a name is no option, or a value is wrong; the message has a line for each.
    """
    try:
        with open(file, "rb") as stream:
            document = tomllib.load(stream)
    except (OSError, ValueError, RecursionError) as error:  # not TOML, or not even UTF-8
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"the configuration file {file} can't be read: {reason}") from None
    settled, faults = {}, []
    options = {option.name: option for option in OPTIONS}
    for name, value in document.items():
        if name not in options:
            faults.append(f"{file}: {name}: there is no such option{_nearest(name, options)}")
            continue
        try:
            settled[options[name].parameter] = _in_file(options[name], value, Path(file).parent)
        except ArgumentTypeError as error:
            faults.append(f"{file}: {name}: {error}")
    if faults:
        raise CommandError("\n".join(faults))
    return settled


def unknown_option(argument: str) -> str:
    """Return the message about an argument of the command line that is none, with the nearest option."""
    flags = [f"--{option.name}" for option in (CONFIG, *OPTIONS)]
    return f"unrecognized argument {argument}{_nearest(argument.partition('=')[0], flags)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.replace("_", "-"), known, 1)
    return f": did you mean {near[0]}?" if near else ""


def _in_file(option: Option, value: Any, folder: Path) -> Any:
    texts = list(_texts(value)) if type(value) is option.in_file else [None]
    if not all(isinstance(text, str) for text in texts):
        raise ArgumentTypeError(f"it must be {_KINDS[option.in_file]}")
    read = option.of_texts([text for text in texts if text is not None])
    return str(folder / read) if option.read is path else read


def _texts(value: Any) -> Iterator[Any]:
    """Yield the texts of a value; what is no text where one belongs comes as it is."""
    match value:
        case dict():
            yield from (f"{name}={item}" if isinstance(item, str) else item for name, item in value.items())
        case list():
            yield from value
        case int():
            yield str(value)
        case _:
            yield value
