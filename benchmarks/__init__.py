"""What is slow and what is not: pytest-benchmark files (`test_*.py`) and scripts that print rows beside an outside yardstick.

python -m pytest -q benchmarks --benchmark-enable --benchmark-only
python -m benchmarks                    every script, one after the other
python -m benchmarks.flushes            one of them
"""
