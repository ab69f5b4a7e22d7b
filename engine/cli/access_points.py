"""The buckets behind access points and Outposts, which a command line names by ARN."""

import os
import re
from collections.abc import Mapping, Sequence

from engine.cli.configuration import of_environment, of_file
from engine.cli.failures import CommandError
from engine.cli.serve_options import ALIAS, CONFIG

_NAME = "[a-z0-9-]+"
_ACCOUNT = r"arn:[a-z-]+:{service}:[a-z0-9-]*:(?P<account>\d{{12}}):"
_FORMS = (
    re.compile(_ACCOUNT.format(service="s3") + f"accesspoint[:/](?P<name>{_NAME})"),
    re.compile(
        _ACCOUNT.format(service="s3-outposts") + f"outpost[:/](?P<outpost>{_NAME})[:/]accesspoint[:/](?P<name>{_NAME})"
    ),
)


def bucket_behind(arn: str, given: Sequence[tuple[str, str]] | None) -> str:
    """Return the bucket behind an ARN: that of the alias whose host is the one to which S3's clients send requests with that ARN.

    `given` are the aliases of the command line; without them, those of the environment or of the configuration file that it names
    count, as for `partwright serve`.

    Raises:
        CommandError: it is no ARN of an access point, or no alias is for it.

    Source: User Guide, "Referencing access points"; botocore's endpoint rules for S3.
    """
    found = next(filter(None, (form.fullmatch(arn) for form in _FORMS)), None)
    if found is None:
        raise CommandError(f"{arn} is not the ARN of an access point")
    label = f"{found['name']}-{found['account']}"
    label += f".{found['outpost']}" if "outpost" in found.groupdict() else ""
    for host, bucket in _aliases(given).items():
        if host == label or host.startswith(f"{label}."):
            return bucket
    raise CommandError(f"no alias leads from {arn} to a bucket: give --alias {label}=BUCKET")


def _aliases(given: Sequence[tuple[str, str]] | None) -> Mapping[str, str]:
    if given:
        return dict(given)
    settled = of_environment(os.environ)
    if ALIAS.parameter not in settled and CONFIG.parameter in settled:
        settled = of_file(settled[CONFIG.parameter])
    aliases: Mapping[str, str] = settled.get(ALIAS.parameter, {})
    return aliases
