"""Tests of data in and out, with the real pandas, Polars and pyarrow.

usage: data_test.py PACKAGE_ROOT VIRIDIAN_BINARY
Runs the cases in an interpreter that has these.
"""
import pathlib
import sys

import interpreters
from interpreters import harness


def main(package, binary):
    python = interpreters.frames()
    if python is None:
        print("SKIPPED: pandas, Polars and pyarrow cannot be had")
        sys.exit(harness.SKIPPED)
    here = pathlib.Path(__file__).parent
    runs = [interpreters.run(python, here / cases, *arguments, package=package)
            for cases, *arguments in (["data_in_cases.py"], ["data_writing_cases.py", binary],
                                      ["data_out_cases.py"])]
    sys.exit(any(run.returncode for run in runs))


if __name__ == "__main__":
    main(*sys.argv[1:])
