#!/usr/bin/env python3
"""Whether sealed files with an index are the same, byte for byte, whatever made them.

usage: same_bytes.py SEALED_INDEX ROWS.npy SPACE

One file is made per number of threads and instruction set, the last without any. The sha256 of what is
between head and footer must be equal: these have the file's own random name, and checksums of it. For an
instruction set that the machine lacks the next best is used.
"""
import argparse
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile

HEAD, TAIL = 64, 24  # bytes (docs/file-formats.md); the tail begins with where the footer does


def make(program, rows, space, threads, *best):
    """Makes a file; what it was made with, its digest and its size."""
    with tempfile.TemporaryDirectory() as directory:
        said = subprocess.run([program, rows, space, directory, str(threads), *best], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        distances, codes, path = said.rstrip("\n").split(" ", 2)
        data = pathlib.Path(path).read_bytes()
        data = data[HEAD:struct.unpack_from("<Q", data, len(data) - TAIL)[0]]
        return f"{distances}/{codes}", hashlib.sha256(data).hexdigest(), len(data)


def main():
    """A line per file; fails where two differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("rows")
    parser.add_argument("space", choices=["l2", "cosine", "ip"])
    arguments = parser.parse_args()
    digests = set()
    for threads, *best in [(1,), (2,), (2, "AVX2"), (1, "SSE4"), (2, "none")]:
        kernels, digest, size = make(arguments.program, arguments.rows, arguments.space, threads, *best)
        print(f"{kernels}, {threads} threads: {size} bytes, sha256 {digest}", flush=True)
        digests.add(digest)
    if len(digests) != 1:
        sys.exit("the files differ")


if __name__ == "__main__":
    main()
