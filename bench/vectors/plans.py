"""What each way to search among allowed rows costs and finds, beside the one that is chosen.

    python3 bench/vectors/plans.py WORKER SET [--shares 0.5,0.1] [--lies random,near,far]
                                   [--recalls 0.95] [--rounds R] [--cpus LIST] [--peer]

WORKER is build/bench/bin/vectors_worker. Per filter (filters.py) and wanted recall, one line: for each
plan (src/segment/search_plan.h) microseconds of processor time a query, and the recall found; then
the time of the chosen one over that of the quickest whose recall is no more than SLACK below the wanted
one. Medians of rounds in each of which every plan has its turn.
"""
import argparse
import json
import math
import pathlib
import shlex
import statistics
import tempfile

import environment

environment.enter()

import numpy as np  # noqa: E402

import filters  # noqa: E402
import machine  # noqa: E402
from worker import kept  # noqa: E402

EF = (10, 16, 26, 44, 76, 130, 220, 380, 700)
PLANS = ("chosen", "walk", "scan", "read")
SLACK = 0.005
DEAR = 3_000  # microseconds: what takes longer is not asked again
READ = 0.02  # above this share reading all is not tried: it never pays


class Plans:
    """The worker, and what it is asked."""

    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.folder = environment.VECTORS / arguments.set
        self.notes = json.loads((self.folder / "set.json").read_text(encoding="utf-8"))
        log = open(scratch / "log", "w", encoding="utf-8")
        self.peer = machine.Peer("ours", shlex.split(arguments.worker), arguments.cpus, 1, log)
        self.peer.ask("build", set=str(self.folder), threads=1)
        self.other = None
        if arguments.peer:
            self.other = machine.Peer("hnswlib", machine.worker("hnswlib-cpp"), arguments.cpus, 1, log)
            self.other.ask("build", set=str(self.folder),
                           keep=str(kept(self.folder, self.notes, "hnswlib-cpp", {}, 1)))

    def stop(self):
        """Ends what was started."""
        for peer in filter(None, (self.peer, self.other)):
            peer.stop()

    def ask(self, peer, part, **more):
        """Microseconds a query, and the recall."""
        out = self.scratch / "ids.npy"
        request = {"k": 10, "knob": 1, "batch": False, "out": str(out), "threads": 1} | more
        answer = peer.ask("filter", **(request | part.request))
        found = part.judge.recall(np.load(out), 10)
        if found["twice"] or found["foreign"]:
            raise RuntimeError(f"{peer.name}: {more}: {found}")
        return answer["cpu"] / len(part.judge.queries) * 1e6, found["recall"]

    def ask_all(self, peer, parts, **more):
        """The means over the parts."""
        answers = [self.ask(peer, part, **more) for part in parts]
        return [statistics.fmean(answer[i] for answer in answers) for i in (0, 1)]

    def beside(self, parts, recall, share, lie):
        """Ours and the other's, at the recall of ours."""
        ours = [self.ask_all(self.peer, parts, recall=recall)
                for _ in range(1 + self.arguments.rounds)][1:]  # the first fills the caches
        took, found = statistics.median(one[0] for one in ours), ours[-1][1]
        before = None
        for ef in EF:
            point = self.ask_all(self.other, parts, knob=ef)
            if point[1] >= found or ef == EF[-1]:
                break
            before = point
        theirs, mark = point[0], "" if point[1] >= found else ">"
        if before and not mark and point[1] > before[1]:
            part = (found - before[1]) / (point[1] - before[1])
            theirs = math.exp((1 - part) * math.log(before[0]) + part * math.log(point[0]))
        elif not before and point[1] > found:
            mark = "<"  # even its narrowest search finds more
        print(f"{lie:8} {share:6} {recall:5} {took:10.1f} {found:.3f} {mark + format(theirs, '.1f'):>12} "
              f"{theirs / took:8.1f}", flush=True)

    def line(self, parts, recall, share, lie):
        """Measures all plans and says what they came to."""
        plans = [plan for plan in PLANS if plan != "read" or share <= READ]
        times, found, dear = {plan: [] for plan in plans}, {}, set()
        self.ask_all(self.peer, parts, recall=recall)  # fills the caches
        for _ in range(self.arguments.rounds):
            for plan in [plan for plan in plans if plan not in dear]:
                more = {} if plan == "chosen" else {"plan": PLANS.index(plan) - 1}
                took, found[plan] = self.ask_all(self.peer, parts, recall=recall, **more)
                times[plan].append(took)
                if times[plan][-1] > DEAR:
                    dear.add(plan)
        took = {plan: statistics.median(times[plan]) for plan in plans}
        enough = min(recall, max(found.values())) - SLACK
        best = min(took[plan] for plan in plans if found[plan] >= enough)
        cells = " ".join(f"{took[plan]:8.1f} {found[plan]:.3f}" if plan in took else " " * 14
                         for plan in PLANS)
        print(f"{lie:8} {share:6} {recall:5} {cells} {took['chosen'] / best:6.2f}"
              f"{'' if found['chosen'] >= recall - SLACK else '  short'}", flush=True)

    def run(self):
        """Every filter."""
        arguments = self.arguments
        head = "        us  found   hnswlib us    times" if self.other else (
            " ".join(f"{plan:>14}" for plan in PLANS) + "   ratio")
        print(f"{arguments.set}: {self.notes['real']}\n{'lie':8} {'share':>6} {'want':>5} {head}")
        for lie in arguments.lies.split(","):
            for share in map(float, arguments.shares.split(",")):
                with tempfile.TemporaryDirectory() as scratch:
                    parts = filters.draw(self.folder, self.notes, share, lie, pathlib.Path(scratch))
                    for recall in map(float, arguments.recalls.split(",")):
                        (self.beside if self.other else self.line)(parts, recall, share, lie)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("worker")
    parser.add_argument("set")
    parser.add_argument("--shares", default="0.9,0.5,0.2,0.1,0.05,0.02,0.01,0.001")
    parser.add_argument("--lies", default=",".join(filters.LIES))
    parser.add_argument("--recalls", default="0.95")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpus", default="1")
    parser.add_argument("--peer", action="store_true")
    with tempfile.TemporaryDirectory() as scratch:
        plans = Plans(parser.parse_args(), pathlib.Path(scratch))
        try:
            plans.run()
        finally:
            plans.stop()


if __name__ == "__main__":
    main()
