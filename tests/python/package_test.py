"""Tests of the Python package beyond what Chroma's has in common with it.

usage: package_test.py PACKAGE_ROOT VIRIDIAN_BINARY
Runs package_cases.py, embedding_cases.py and concurrency_cases.py in an interpreter that has NumPy.
"""
import pathlib
import sys

import interpreters
from interpreters import harness


def main(package, binary):
    python = interpreters.numpy()
    if python is None:
        print("SKIPPED: no NumPy can be had")
        sys.exit(harness.SKIPPED)
    here = pathlib.Path(__file__).parent
    runs = [interpreters.run(python, here / cases, binary, package=package)
            for cases in ("package_cases.py", "embedding_cases.py")]
    runs.append(interpreters.run(python, here / "concurrency_cases.py", package=package))
    sys.exit(any(run.returncode for run in runs))


if __name__ == "__main__":
    main(*sys.argv[1:])
