"""The demonstration behind `make demo`: a real file goes through the command line as a multipart upload and comes back the same."""

import filecmp
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

DEMO = Path(".demo")
FILE_SIZE_MIN = 256 * 1024 * 1024
PIECE_SIZE = 1024 * 1024
PARTWRIGHT = Path(sys.executable).with_name("partwright")


def make_file(path: Path) -> int:
    """Join what lies in Python's own library, again and again, until there are 256 MiB."""
    library = sorted(file for file in Path(sysconfig.get_path("stdlib")).rglob("*") if file.is_file())
    with path.open("wb") as out:
        while out.tell() < FILE_SIZE_MIN:
            for file in library:
                out.write(file.read_bytes())
                if out.tell() >= FILE_SIZE_MIN:
                    break
        return out.tell()


def run(*arguments: str) -> None:
    """Run one partwright command and show it."""
    print("$ partwright", *arguments, flush=True)
    subprocess.run([PARTWRIGHT, *arguments], check=True, env={**os.environ, "PARTWRIGHT_STORE": str(DEMO / "store")})


def main() -> None:
    """Upload, list, read back, compare, check."""
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    source, copy = DEMO / "input.bin", DEMO / "output.bin"
    size = make_file(source)
    print(f"{source}: {size / 1e6:.0f} MB from this machine's Python library")
    run("create-bucket", "--bucket", "demo")
    run("cp", str(source), "s3://demo/input.bin", "--part-size", "16MiB", "--jobs", "2")
    run("head-object", "--bucket", "demo", "--key", "input.bin")
    run("cp", "s3://demo/input.bin", str(copy))
    if not filecmp.cmp(source, copy, shallow=False):
        sys.exit("what came back is not what went in")
    print(f"read back {copy.stat().st_size} bytes, the same as went in")
    run("check", "--deep")


if __name__ == "__main__":
    main()
