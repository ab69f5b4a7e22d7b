"""README's library examples, pasted as they stand one after the other, run."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_library_examples_of_the_readme_run_as_they_stand(tmp_path: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(examples) == 2
    code = "\n".join(examples)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == repr(b"t may be small")
    assert second.startswith("NoSuchUpload 404 The specified upload does not exist.")
