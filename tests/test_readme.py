"""README's library examples, pasted as they stand one after the other, run; its packages are all that the tests name."""

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


def packages_of_the_readme() -> set[str]:
    """As .ci/run reads them."""
    command = r"sed -n 's/^ *apt-get install -y \([^#]*\).*/\1/p' README.md"
    assert command in (README.parent / ".ci" / "run").read_text()
    return set(subprocess.run(command, shell=True, cwd=README.parent, capture_output=True, text=True).stdout.split())


def test_the_readme_names_every_package_that_a_test_says_it_needs() -> None:
    said = {
        (name, path.name)
        for path in Path(__file__).parent.rglob("*.py")
        for names in re.findall(r"Debian packages? ([a-z0-9+., -]+)\)", path.read_text())
        for name in names.split(", ")
    }
    packages = packages_of_the_readme()
    assert len(said) > 4
    assert {(name, path) for name, path in said if name not in packages} == set()
    assert {"gcc", "git", "libssl-dev", "make", "python3-dev", "python3-venv", "binutils"} <= packages
