"""Runs `partwright` on a store of its own: in this process where only words and answers matter, else in one of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cli import main

MAIN = "import sys; from engine.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class CommandLine:
    """A store (named by PARTWRIGHT_STORE) and the commands run on it; `arguments` are turned into text."""

    store: Path

    def __call__(self, *arguments: object) -> Result:
        """Run in this process: a store that stays open or a file that is not closed is a warning, and so an error."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(list(map(str, arguments)))
            except SystemExit as leaving:
                code = int(leaving.code or 0)
        return Result(code, out.getvalue(), err.getvalue())

    def output(self, *arguments: object) -> str:
        """Run what must succeed and say nothing on stderr; its stdout."""
        result = self(*arguments)
        assert (result.code, result.err) == (0, ""), result
        return result.out

    def json(self, *arguments: object) -> Any:
        return json.loads(self.output(*arguments))

    def new_upload(self, bucket: str, key: str) -> str:
        arguments = ("--bucket", bucket, "--key", key, "--query", "UploadId")
        return str(self.json("create-multipart-upload", *arguments))

    def start(self, *arguments: object, code: str = MAIN, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Run in a process of its own, by `code`."""
        path = os.pathsep.join(entry for entry in sys.path if entry)
        command = [sys.executable, "-c", code, *map(str, arguments)]
        environment, pipe = {**os.environ, "PYTHONPATH": path}, subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdin=stdin, stdout=pipe, stderr=pipe, text=True)

    def process(self, *arguments: object, code: str = MAIN, stdin: str = "") -> Result:
        """Run in a process of its own, to its end."""
        process = self.start(*arguments, code=code, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=120)
        return Result(process.returncode, out, err)
