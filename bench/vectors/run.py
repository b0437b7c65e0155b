"""The vector benchmark (./dev bench vectors): Viridian's graph segment beside hnswlib, FAISS and USearch.

    python3 bench/vectors/run.py WORKER [--sets a,b] [--engines a,b] [--rounds R] [--parts a,b]

WORKER is the program that speaks for Viridian (build/bench/bin/vectors_worker). Per set (data.py, made
when first asked for) and part, field.py measures all engines in turns and prints its tables:

one       searches on one thread, each engine's own single calls and whole batches
two       batches on two threads, of indexes that two threads built
filters   single calls among a share of the rows, for each of SHARES, which lie at random, near to the
          queries, or far from them (filters.py)
"""
import argparse
import os
import pathlib
import subprocess
import sys

import environment

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ("one", "two", "filters")
SHARES = (0.5, 0.1, 0.01, 0.001)
FILTERING = "hnswlib-cpp"  # peers that take a filter


def script(name, *arguments):
    """Another program of this folder, in the environment."""
    subprocess.run([str(environment.python()), "-B", str(HERE / name), *map(str, arguments)], check=True)


def measure(set_, worker, engines, rounds, *more):
    """One measurement; says the command that repeats it."""
    arguments = [set_, "--ours", worker, "--engines", engines, "--rounds", rounds, "--keep", *more]
    print(f"\n## {set_} {' '.join(map(str, more))}\n", flush=True)
    script("field.py", *arguments)


def main():
    """Each part of each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worker")
    parser.add_argument("--sets", default="glove,text,synth768")
    parser.add_argument("--engines", default="hnswlib,faiss-hnsw-sq8,faiss-ivfpq-fs,usearch-i8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(PARTS))
    arguments = parser.parse_args()
    environment.prepare()
    worker, rounds = os.path.relpath(arguments.worker), arguments.rounds
    parts = arguments.parts.split(",")
    for part in parts:
        if part not in PARTS:
            sys.exit(f"no part {part}: there are {', '.join(PARTS)}")
    for set_ in arguments.sets.split(","):
        script("data.py", set_)
        if "one" in parts:
            measure(set_, worker, arguments.engines, rounds)
        if "two" in parts:
            measure(set_, worker, arguments.engines, rounds, "--threads", 2, "--cpus", "0,1",
                    "--mode", "batch")
        if "filters" in parts:
            for lie in ("random", "near", "far"):
                for share in SHARES:
                    measure(set_, worker, FILTERING, rounds, "--allowed", share, "--lie", lie, "--mode",
                            "single")


if __name__ == "__main__":
    main()
