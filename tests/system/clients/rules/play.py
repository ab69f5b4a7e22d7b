"""Answers that AWS gave, case by case, and a player that asks a server the same and compares all that it says.

In an answer of AWS's, `<time>` is any time, `<id>` any account, `<bucket>` the bucket of the case and `<bucket-url>` where it is;
`<upload-id:1>` and its like stand for whatever comes first in their place, and for the same afterwards.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

ANSWERS = Path(__file__).resolve().parents[3] / "vectors" / "aws-answers.json"
_NAME = re.compile(r"<[a-z-]+:\d+>")
_NOT_COMPARED = {"RequestId", "HostId", "Resource", "ResponseMetadata"}


@functools.cache
def answers() -> dict[str, dict[str, dict[str, Any]]]:
    """The answers by case and step."""
    loaded: dict[str, dict[str, dict[str, Any]]] = json.loads(ANSWERS.read_text())
    return loaded


class Play:
    """One case: its steps are to be asked one by one, each once."""

    def __init__(self, case: str, bucket: str, endpoint: str) -> None:
        self.case = case
        self.bucket = bucket
        self.steps = dict(answers()[case])
        self._meant = {"<bucket>": bucket, "<bucket-url>": f"{endpoint}/{bucket}"}

    def __call__(
        self,
        step: str,
        call: Callable[..., Any],
        *,
        differs: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """Ask, in the bucket of the case unless another is said, and compare.

        `differs` is where we mean to answer otherwise, `more` what we say and AWS does not.
        """
        answer = _asked(call, {"Bucket": self.bucket} | arguments)
        wanted = self.steps.pop(step)
        if "Body" not in wanted:
            answer.pop("Body", None)
        for name, value in (differs or {}).items():
            changed = wanted.get("Error", wanted)
            assert changed[name] != value, f"{step}: {name} does not differ"
            changed = changed | {name: value}
            wanted = wanted | {"Error": changed} if "Error" in wanted else changed
        for name, value in (more or {}).items():
            assert name not in wanted, f"{step}: AWS says {name} too"
            wanted = wanted | {name: value}
        self._compare(_comparable(answer), wanted, step)
        return answer

    def wanted(self, step: str) -> dict[str, Any]:
        """What AWS answered to a step that is still to be asked."""
        return self.steps[step]

    def finish(self) -> None:
        """Demand that every step was asked."""
        assert not self.steps, f"not played: {', '.join(self.steps)}"

    def _compare(self, got: Any, wanted: Any, where: str) -> None:
        if isinstance(wanted, dict):
            assert isinstance(got, dict), where
            assert set(got) == set(wanted), f"{where}: {sorted(set(got) ^ set(wanted))} is said by one only"
            for name, value in wanted.items():
                self._compare(got[name], value, f"{where}.{name}")
        elif isinstance(wanted, list):
            assert len(got) == len(wanted), where
            for index, value in enumerate(wanted):
                self._compare(got[index], value, f"{where}[{index}]")
        elif wanted == "<time>":
            assert isinstance(got, datetime), where
        elif wanted == "<id>":
            assert isinstance(got, str), where
        elif isinstance(wanted, str):
            assert isinstance(got, str), where
            assert got == self._filled(wanted, got), where
        else:
            assert got == wanted, where

    def _filled(self, wanted: str, got: str) -> str:
        found = _NAME.search(wanted)
        if found:
            before, after = wanted[: found.start()], wanted[found.end() :]
            self._meant.setdefault(found[0], got.removeprefix(before).removesuffix(after))
        return functools.reduce(lambda text, name: text.replace(name, self._meant[name]), self._meant, wanted)


def _asked(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        answer = call(**arguments)
    except ClientError as refusal:
        return refusal.response
    if "Body" in answer:
        answer["Body"] = answer["Body"].read().decode()
    return answer


def _comparable(answer: Any) -> Any:
    status = {"status": answer["ResponseMetadata"]["HTTPStatusCode"]} if "ResponseMetadata" in answer else {}
    if "Error" in answer:  # boto3 adds what it reads of an error's document beside it too
        return status | {
            "Error": {name: text or "" for name, text in answer["Error"].items() if name not in _NOT_COMPARED}
        }
    return status | {name: value for name, value in answer.items() if name not in _NOT_COMPARED}
