"""Tests of moving in from Chroma.

usage: migrate_test.py PACKAGE_ROOT VIRIDIAN_BINARY
Runs migrate_cases.py and migrate_command_cases.py on the directories in the archives here, which versions of Chroma wrote
whose files differ, and on one that the real Chroma writes now, where it can be had.
"""
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import interpreters
from interpreters import harness

HERE = pathlib.Path(__file__).parent


def main(package, binary):
    python, chroma = interpreters.numpy(), interpreters.chromadb()
    if python is None:
        print("SKIPPED: no NumPy can be had")
        sys.exit(harness.SKIPPED)
    with tempfile.TemporaryDirectory() as root:
        for archive in sorted(HERE.glob("chroma-*.tar.xz")):
            with tarfile.open(archive) as opened:
                opened.extractall(pathlib.Path(root, archive.name.removesuffix(".tar.xz")))
        if chroma is None:
            print(f"{interpreters.CHROMA} could not be installed: the archives must do")
        else:
            made = pathlib.Path(root, "chroma-now")
            made.mkdir()
            subprocess.run([chroma, "-B", HERE / "make_chroma_directory.py", made], check=True)
        runs = [interpreters.run(python, HERE / cases, root, chroma or "", binary, package=package)
                for cases in ("migrate_cases.py", "migrate_command_cases.py")]
    sys.exit(any(run.returncode for run in runs))


if __name__ == "__main__":
    main(*sys.argv[1:])
