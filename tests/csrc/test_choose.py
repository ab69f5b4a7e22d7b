"""A row that lies is never chosen: the selection of csrc/kernels/choose.c against planted rows."""

import subprocess
from pathlib import Path

import pytest

CSRC = Path(__file__).parents[2] / "csrc"
SOURCES = ["kernels/choose.c", "crc/crc.c", "crc/crc_table.c"]

EXPECTED = {
    "one honest row": "0 1",
    "the first of two honest rows": "0 3",
    "wrong when long": "1 2",
    "forgetful": "1 2",
    "failing": "1 2",
    "lacking a feature": "1 2",
    "lacking one of two features": "1 2",
    "having both features": "0 3",
    "nothing works": "-1 0",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Build the driver as any C program, which also shows that the sources need no build system."""
    driver = tmp_path_factory.mktemp("driver") / "choose_driver"
    sources = [str(Path(__file__).with_name("choose_driver.c")), *(str(CSRC / source) for source in SOURCES)]
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{CSRC}", "-o", driver, *sources], check=True)
    printed = subprocess.run([driver], capture_output=True, text=True, check=True).stdout
    return dict(line.split(": ") for line in printed.splitlines())


@pytest.mark.parametrize("case", EXPECTED)
def test_only_rows_that_may_run_and_answer_right_are_usable(outcomes: dict[str, str], case: str) -> None:
    assert outcomes[case] == EXPECTED[case]


def test_no_case_is_forgotten(outcomes: dict[str, str]) -> None:
    assert set(outcomes) == set(EXPECTED)
