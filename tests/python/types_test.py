"""What type checkers see of the package: a program with strict types passes, one with mistakes does
not, and the stubs are those of what is there at run time.

usage: types_test.py PACKAGE_ROOT
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import interpreters
from interpreters import harness

HERE = pathlib.Path(__file__).parent
# In the place of the lines of typed_program.py that they begin like.
MISTAKES = {
    "first: str = ": "first: int = found['ids'][0][0]",
    "count: int = ": "count: str = await notes.count()",
    "admin.create_tenant": "admin.create_tenant(7)",
    "print(got[": "print(got['idz'])",
    "found: QueryResult = await": "found = await notes.query(query_vectors=[0.1, 0.2])",
}


def check(python, package, *command):
    environment = {**os.environ, "PYTHONPATH": package, "MYPYPATH": package}
    return subprocess.run([python, "-m", *command], env=environment, stdout=subprocess.PIPE, text=True,
                          cwd=scratch, timeout=300)


def errors_of(python, package, program):
    """Of the program alone: the package's own inside is not held to strict types."""
    path = pathlib.Path(scratch) / "program.py"
    path.write_text(program)
    said = check(python, package, "mypy", "--strict", path.name).stdout
    return [line for line in said.splitlines() if line.startswith(path.name)]


def main(package):
    python = interpreters.mypy()
    if python is None:
        print("SKIPPED: no mypy can be had")
        sys.exit(harness.SKIPPED)
    program = (HERE / "typed_program.py").read_text()
    assert errors_of(python, package, program) == [], errors_of(python, package, program)
    lines = program.splitlines()
    for begin, mistake in MISTAKES.items():
        at = [i for i, line in enumerate(lines) if line.strip().startswith(begin)]
        assert len(at) == 1, f"one line begins with {begin}"
        indent = lines[at[0]][:len(lines[at[0]]) - len(lines[at[0]].lstrip())]
        wrong = [*lines[:at[0]], indent + mistake, *lines[at[0] + 1:]]
        assert errors_of(python, package, "\n".join(wrong)), f"nothing is wrong with {mistake}"
    stubs = check(python, package, "mypy.stubtest", "--allowlist", HERE / "stubs_allowed.txt",
                  "viridian.aio", "viridian._core")
    assert stubs.returncode == 0, stubs.stdout
    print(f"a program, {len(MISTAKES)} mistakes and the stubs: as they should be")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(*sys.argv[1:])
