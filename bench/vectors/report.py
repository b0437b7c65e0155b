"""The tables of a measurement, from its file of raw points; field.py prints them when it is done.

    python3 bench/vectors/report.py FILE     build/bench-data/fields/SET-DATE.jsonl

Also of one that was cut short: of the rounds that are there. Columns: seconds of building (wall clock
and processor), stored bytes a vector, rates at three recalls, latencies at recall 0.95, what a call
costs in the binding alone, and the ratios of rates to hnswlib's; field.py says how they are made.
"""
import json
import sys

import environment

environment.enter()

import figures  # noqa: E402

REFERENCES = ("hnswlib", "hnswlib-cpp")  # the first of these that was measured


def load(path):
    """The head of a file, the builds by engine, and the points of its rounds (not of the first look)."""
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    builds = {line["engine"]: line for line in lines if line["kind"] == "build"}
    return lines[0], builds, [line for line in lines if line["kind"] == "point" and line["round"]]


def tables(path):
    """The text: one table for single calls, one for calls with all queries, if both were measured."""
    head, builds, points = load(path)
    parts = []
    for mode, what in (("single", "one call a query"), ("batch", "one call for all queries")):
        chosen = {name: figures.medians([p for p in points if p["engine"] == name and p["mode"] == mode])
                  for name in builds}
        chosen = {name: middles for name, middles in chosen.items() if middles}
        if not chosen:
            continue
        name = next((name for name in REFERENCES if name in chosen), REFERENCES[0])
        reference = figures.front(chosen.get(name, []))
        rows = [figures.row(engine, builds[engine], middles, reference)
                for engine, middles in chosen.items()]
        here = [p for p in points if p["mode"] == mode]
        parts.append(f"{head['set']}, {what}, rates per second of {head['clock']}, x = ratio to "
                     f"{name}, {max(p['round'] for p in here)} rounds, "
                     f"{sum(p['disturbed'] for p in here)} of {len(here)} passes disturbed\n"
                     f"{figures.table(rows)}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: report.py FILE")
    print(tables(sys.argv[1]))
