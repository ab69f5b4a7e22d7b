"""Runs `partwright` as a user does: a process of its own, with its store named by the environment."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MAIN = "import sys; from engine.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class CommandLine:
    """A store to be, and the processes run on it; `arguments` are turned into text."""

    store: Path

    def start(self, *arguments: object, code: str = MAIN, stdin: int | None = None) -> subprocess.Popen[str]:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = {**os.environ, "PARTWRIGHT_STORE": str(self.store), "PYTHONPATH": path}
        command: Sequence[str] = [sys.executable, "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdin=stdin, stdout=pipe, stderr=pipe, text=True)

    def __call__(
        self, *arguments: object, code: str = MAIN, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, code=code, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def output(self, *arguments: object, code: str = MAIN, stdin: str | None = None) -> str:
        """Run what must succeed and say nothing on stderr; its stdout."""
        result = self(*arguments, code=code, stdin=stdin)
        assert (result.returncode, result.stderr) == (0, ""), result
        return result.stdout

    def json(self, *arguments: object) -> Any:
        return json.loads(self.output(*arguments))

    def new_upload(self, bucket: str, key: str) -> str:
        arguments = ("--bucket", bucket, "--key", key, "--query", "UploadId")
        return str(self.json("create-multipart-upload", *arguments))


@pytest.fixture
def partwright(tmp_path: Path) -> CommandLine:
    """The command line on a store that has the bucket `photos`."""
    command_line = CommandLine(tmp_path / "store")
    command_line.output("create-bucket", "--bucket", "photos")
    return command_line


@pytest.fixture
def no_store(tmp_path: Path) -> CommandLine:
    """The command line on a store that does not exist."""
    return CommandLine(tmp_path / "nothing")
