"""Measures engines side by side on a prepared set (data.py), at equal recall.

    python3 bench/vectors/field.py SET [--engines a,b] [--ours PROGRAM] [--rounds R] [--threads N]
                                   [--cpus LIST] [--mode single,batch] [--keep]
                                   [--allowed SHARE [--lie random|near|far]]

Each engine is a process (worker.py), and so is `--ours`, a command line that speaks the same lines.
They are built one after the other; then a first look drops the knobs that others beat by far, and R
rounds follow, in each of which every knob of every engine has its turn: A B C A B C. So what the
machine does meanwhile meets all alike. A pass asks all queries once; a short one is asked twice and
the second time counts, since the others' passes have emptied the caches. All run on the processors of
--cpus (taskset), on one thread unless told otherwise.

Recall@10 is computed here, from the exact answers: ids must differ, ties within 1e-6 of the tenth
distance count. Rates are per second of the process' own processor time on one thread (--clock wall:
of the wall clock, which is used anyway with more), read from the front of medians at recall 0.90, 0.95
and 0.99 on a logarithmic scale, with no extrapolation: "-" where an engine does not get there, ">="
where even its fastest setting has more. Passes during which other processes used more than 5 % of a
processor are marked, and left out of medians where half of the rounds are without. "binding us" is
what a call costs in the binding alone; it is part of "single" rates and latencies. The tables can be had again from the raw points: report.py.

--allowed SHARE measures with filters that allow this share of the rows (filters.py says which). --keep
keeps built indexes beside the set (index/) and uses those that are there. Raw points go to --out, a
JSON line each.
"""
import argparse
import datetime
import json
import os
import pathlib
import shlex
import sys
import tempfile

import environment

environment.enter()

import numpy as np  # noqa: E402

import filters  # noqa: E402
import figures  # noqa: E402
import machine  # noqa: E402
import report  # noqa: E402
from worker import ENGINES, kept  # noqa: E402

SHORT = 0.25  # seconds: passes shorter than this are repeated
ROOM = 3  # times the rows' bytes that must be free before an engine is built


class Field:
    """The measurement of one set."""

    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, scratch
        self.folder = environment.VECTORS / arguments.set
        self.notes = json.loads((self.folder / "set.json").read_text(encoding="utf-8"))
        self.peers = []
        self.out = open(arguments.out, "w", encoding="utf-8")
        self.log = open(scratch / "log", "w+", encoding="utf-8")
        if arguments.allowed:
            self.parts = filters.draw(self.folder, self.notes, arguments.allowed, arguments.lie, scratch)
        else:
            self.parts = [filters.whole(self.folder, self.notes)]

    def note(self, kind, **values):
        """A line of the output file."""
        print(json.dumps({"kind": kind, "set": self.notes["name"]} | values), file=self.out, flush=True)

    def add(self, name, command):
        """Starts an engine and builds it; one that cannot is left out, and said so."""
        arguments = self.arguments
        request = {"set": str(self.folder), "threads": arguments.threads}
        request["params"] = json.loads(arguments.params or "{}").get(name, {})
        if arguments.keep and name in ENGINES:
            request["keep"] = str(kept(self.folder, self.notes, name, request["params"], arguments.threads))
        if machine.free_memory() < ROOM * 4 * self.notes["rows"] * self.notes["dim"]:
            print(f"{name}: left out: too little memory beside the others; measure it with fewer")
            return
        peer = machine.Peer(name, command, arguments.cpus, arguments.threads, self.log)
        try:
            with machine.Others([peer.process.pid]) as others:
                peer.built = peer.ask("build", **request) | {"rows": self.notes["rows"]}
            peer.built.setdefault("overhead", 0.0)
            peer.knobs = peer.ask("knobs")["knobs"]
        except RuntimeError as error:
            peer.stop()
            print(f"{name}: left out: {error}")
            return
        self.peers.append(peer)
        if not peer.built.get("reused"):
            peer.built["others"] = others.share
            if "keep" in request:  # whoever uses it later shall know how quiet it was
                (pathlib.Path(request["keep"]) / "built.json").write_text(json.dumps(peer.built))
        self.note("build", engine=name, **peer.built)
        print(f"{name}: {'kept' if peer.built.get('reused') else 'built'}, {peer.built['seconds']:.1f} s, "
              f"cpu {peer.built['cpu']:.1f} s, {peer.built['bytes'] / self.notes['rows']:.0f} B/vector, "
              f"others used {100 * peer.built.get('others', 0):.0f} %; {json.dumps(peer.built.get('about', {}))}",
              flush=True)

    def measure(self, peer, knob, mode, round_):
        """One pass of an engine at a knob: all parts, one after the other."""
        with machine.Others([peer.process.pid]) as others:
            answers = [self.ask(peer, knob, mode, round_, part) for part in self.parts]
        threads = self.threads(mode)
        clock = "cpu" if self.arguments.clock == "cpu" and threads == 1 else "seconds"
        queries = [len(part.judge.queries) for part in self.parts]
        total = {name: sum(answer[name] for answer in answers)
                 for name in ("seconds", "cpu", "convert", "twice", "foreign") if name in answers[0]}
        total |= {name: float(np.average([answer[name] for answer in answers], weights=queries))
                  for name in ("recall", "low")}
        total |= {name: max(answer[name] for answer in answers)
                  for name in ("p50", "p99") if name in answers[0]}
        point = {"engine": peer.name, "knob": knob, "mode": mode, "round": round_,
                 "qps": sum(queries) / total[clock], "load": os.getloadavg()[0],
                 "others": others.share, "disturbed": others.disturbed} | total
        if point["twice"] or point["foreign"]:
            print(f"{peer.name} at {knob}: {point['twice']} ids twice, {point['foreign']} not of the set")
        self.note("point", **point)
        return point

    def threads(self, mode):
        """That a call may use."""
        return self.arguments.threads if mode == "batch" else 1

    def ask(self, peer, knob, mode, round_, part):
        """One part of a pass, and what it found."""
        out = self.scratch / "ids.npy"
        request = {"k": self.arguments.k, "knob": knob, "batch": mode == "batch", "out": str(out),
                   "threads": self.threads(mode)} | part.request
        operation = "filter" if "bitmap" in request else "search"
        answer = peer.ask(operation, **request)
        if answer["seconds"] < SHORT and round_:
            answer = peer.ask(operation, **request)
        return answer | part.judge.recall(np.load(out), self.arguments.k)

    def look(self):
        """Each knob once: which are worth rounds. Engines that cannot filter leave here."""
        mode = self.arguments.mode[-1]
        for peer in list(self.peers):
            try:
                points = [self.measure(peer, knob, mode, 0) for knob in peer.knobs]
            except RuntimeError as error:
                print(f"{peer.name}: left out: {error}")
                self.peers.remove(peer)
                peer.stop()
                continue
            peer.knobs = figures.worth_keeping(points)
            print(f"{peer.name}: {len(peer.knobs)} of {len(points)} knobs, recall "
                  f"{min(p['recall'] for p in points):.3f} to {max(p['recall'] for p in points):.3f}",
                  flush=True)

    def rounds(self):
        """All knobs of all engines, in turns."""
        passes = disturbed = 0
        for round_ in range(1, self.arguments.rounds + 1):
            for i in range(max(len(peer.knobs) for peer in self.peers)):
                for peer in [peer for peer in self.peers if i < len(peer.knobs)]:
                    for mode in self.arguments.mode:
                        passes += 1
                        disturbed += self.measure(peer, peer.knobs[i], mode, round_)["disturbed"]
            print(f"round {round_} of {self.arguments.rounds}, load average {os.getloadavg()[0]:.1f}, "
                  f"{disturbed} of {passes} passes disturbed", flush=True)


def parse():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set")
    parser.add_argument("--engines", default=",".join(ENGINES), help="of " + ", ".join(ENGINES))
    parser.add_argument("--ours", help="a command line that speaks as worker.py does")
    parser.add_argument("--params", help='build parameters, as {"ENGINE": {...}}; "ours" is one')
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpus", default="1", help="processors to run on, as taskset -c takes them")
    parser.add_argument("--mode", default="single,batch", type=lambda text: text.split(","))
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--allowed", type=float, help="share of the rows that a filter allows")
    parser.add_argument("--lie", choices=filters.LIES, default="random", help="where these lie")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.threads > 1:
        arguments.clock = "wall"
    if not arguments.out:
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d-%H%M%S")
        arguments.out = environment.HOME / "fields" / f"{arguments.set}-{date}.jsonl"
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
    return arguments


def main():
    """Measures and reports."""
    arguments = parse()
    with tempfile.TemporaryDirectory() as scratch:
        field = Field(arguments, pathlib.Path(scratch))
        print(f"{json.dumps(field.notes)}\n{machine.processor()}, load average {os.getloadavg()[0]:.1f}, "
              f"processors {arguments.cpus}, points to {os.path.relpath(arguments.out)}", flush=True)
        field.note("field", processor=machine.processor(), command=sys.argv, clock=arguments.clock,
                   notes=field.notes)
        commands = [(name, machine.worker(name)) for name in arguments.engines.split(",") if name]
        if arguments.ours:
            commands.append(("ours", shlex.split(arguments.ours)))
        try:
            for name, command in commands:
                field.add(name, command)
            field.look()
            if field.peers:
                field.rounds()
                print(f"\n{report.tables(arguments.out)}")
        finally:
            for peer in field.peers:
                peer.stop()


if __name__ == "__main__":
    main()
