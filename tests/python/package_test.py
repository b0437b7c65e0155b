"""Tests of the Python package beyond what Chroma's has in common with it.

usage: package_test.py PACKAGE_ROOT VIRIDIAN_BINARY
Runs package_cases.py, embedding_cases.py, remote_cases.py and concurrency_cases.py in an interpreter
that has NumPy, the second one also where the real Chroma is.
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
    wanted = [(python, "package_cases.py"), (python, "embedding_cases.py"),
              (python, "remote_cases.py")]
    chroma = interpreters.chromadb()
    if chroma is None:
        print(f"{interpreters.CHROMA} could not be installed: its embedding functions are not tried")
    else:
        wanted.append((chroma, "embedding_cases.py"))
    runs = [interpreters.run(interpreter, here / cases, binary, package=package)
            for interpreter, cases in wanted]
    runs.append(interpreters.run(python, here / "concurrency_cases.py", package=package))
    sys.exit(any(run.returncode for run in runs))


if __name__ == "__main__":
    main(*sys.argv[1:])
