"""The vector benchmark (./dev bench vectors): Viridian's graph segment beside hnswlib, FAISS and USearch.

    python3 bench/vectors/run.py WORKER [--sets a,b] [--engines a,b] [--rounds R] [--parts a,b]

WORKER is the program that speaks for Viridian (build/bench/bin/vectors_worker). Per set (data.py, made
when first asked for) and part, field.py measures all engines in turns and prints its tables:

one          searches on one thread, each engine's own single calls and whole batches
two          batches on two threads, of indexes that two threads built
filters      single calls among a share of the rows, for each of SHARES, which lie at random, near to the
             queries, or far from them (filters.py)
small        sets without an index, and one with some rows that are not in it (small.py, whatever the sets)
found        what is found where 0.95 and 0.99 are asked for, and every row by its own vector (found.py)
adversarial  the same of all sets that are made to break an index
drift        a collection turned over ten times in each of several ways (streams.cpp)
mixed        queries while records are added and deleted at full speed (streams.cpp)
bytes        sealed files of several threads and instruction sets, which must be the same (same_bytes.py)

Without --parts the first four. Those from found on are Viridian's alone; their programs lie beside WORKER.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import environment

HERE = pathlib.Path(__file__).resolve().parent
BESIDE_OTHERS = ("one", "two", "filters", "small")
ALONE = ("found", "adversarial", "drift", "mixed", "bytes")
WAYS = ("readd", "clustered", "upsert", "window")
TURNOVERS = 10
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


def alone(part, sets, worker):
    """A part that Viridian has to itself."""
    programs = pathlib.Path(worker).parent
    names = ["adversarial"] if part == "adversarial" else sets
    for name in names:
        script("data.py", name)
    if part == "adversarial":
        names = sorted(folder.name for folder in environment.VECTORS.glob("adv-*"))
    if part in ("found", "adversarial"):
        print(f"\n## {part}\n", flush=True)
        script("found.py", worker, *names)
        return
    for name in names:
        folder = environment.VECTORS / name
        metric = json.loads((folder / "set.json").read_text(encoding="utf-8"))["metric"]
        rows = os.path.relpath(folder)
        if part == "bytes":
            commands = [[sys.executable, "-B", str(HERE / "same_bytes.py"), str(programs / "sealed_index"),
                         f"{rows}/base.npy", metric]]
        else:
            ways = [("mixed",)] if part == "mixed" else [("drift", way, str(TURNOVERS)) for way in WAYS]
            commands = [[str(programs / "vectors_streams"), rows, metric, *way] for way in ways]
        for command in commands:
            print(f"\n## {name} {part}\n", flush=True)
            subprocess.run(command, check=True)


def main():
    """Each part of each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worker")
    parser.add_argument("--sets", default="glove,text,synth768")
    parser.add_argument("--engines", default="hnswlib,faiss-hnsw-sq8,faiss-ivfpq-fs,usearch-i8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(BESIDE_OTHERS))
    arguments = parser.parse_args()
    environment.prepare()
    worker, rounds = os.path.relpath(arguments.worker), arguments.rounds
    parts = arguments.parts.split(",")
    for part in parts:
        if part not in BESIDE_OTHERS + ALONE:
            sys.exit(f"no part {part}: there are {', '.join(BESIDE_OTHERS + ALONE)}")
    if "small" in parts:
        script("small.py", worker, "--rounds", rounds)
    for part in parts:
        if part in ALONE:
            alone(part, arguments.sets.split(","), worker)
    if not any(part in ("one", "two", "filters") for part in parts):
        return
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
