"""Processes that append to and read the log in ClickHouse while they are killed and frozen, take
collections from each other, and their inserts are cut off, held back, repeated and left without an
answer; ClickHouse (and PostgreSQL) is killed and frozen, too. Whatever was acknowledged must be in
what every reader reads, once and in the place that was told, and every question for the last number
must be answered with what was acknowledged before it was asked. What was refused for good must be
read by nobody.

usage: protocol_test.py LOG_OWNER [--scheme seals|postgres|naive] [--records N] [--seed N]

seals: histories and leases in ClickHouse; postgres: in PostgreSQL; naive: leases in ClickHouse, and
a log whose last number is the greatest one stored. That one must fail.
"""
import argparse
import bisect
import collections
import contextlib
import hashlib
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402
import shared_servers  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402

OWNERS, READERS, COLLECTIONS = 4, 3, 6
TTL = 2.0
PATIENCE = 1800  # seconds until the wanted number of records must be acknowledged


class Process:
    """A log_owner; what it prints is kept, whatever happens to it."""

    def __init__(self, command, on_line):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.frozen, self.on_line, self.lines = False, on_line, collections.Counter()
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        for line in self.process.stdout:
            if line.endswith("\n"):  # a killed one may leave a part
                self.lines[line.split(" ")[0].strip()] += 1
                self.on_line(line.split())

    def tell(self, line):
        with contextlib.suppress(OSError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def signal(self, number):
        self.frozen = number == signal.SIGSTOP
        self.process.send_signal(number)

    def wait_for(self, word, count=1, seconds=90):
        deadline = time.monotonic() + seconds
        while self.lines[word] < count:
            assert time.monotonic() < deadline, f"a process did not say {word}: {self.lines}"
            assert self.process.poll() is None or self.thread.is_alive(), f"it ended: {self.lines}"
            time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()


class Book:
    """What the processes said."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = collections.defaultdict(dict)  # collection -> record -> its number
        self.told = collections.defaultdict(list)          # collection -> (time, last number)
        self.refused = collections.defaultdict(list)       # collection -> batches
        self.asked, self.wrong, self.stuck, self.records = [], [], [], 0

    def note(self, words):
        with self.lock:
            if words[0] == "ack":
                c, batch, rows, last, at = int(words[1]), words[2], *map(int, words[3:])
                for row in range(rows):
                    self.acknowledged[c][f"{batch}.{row}"] = last - rows + 1 + row
                self.told[c].append((at, last))
                self.records += rows
            elif words[0] == "last":
                self.asked.append(tuple(map(int, words[1:])))
            elif words[0] == "refused":
                self.refused[int(words[1])].append(words[2])
            elif words[0] == "wrong:":
                self.wrong.append(" ".join(words))
            elif words[0] == "stuck:":
                self.stuck.append(" ".join(words))

    def stale(self):
        """Answers to "which number is the last one" that lacked one acknowledged before."""
        greatest = {}
        for c, told in self.told.items():
            told.sort()
            times, lasts, last = [], [], 0
            for at, number in told:
                last = max(last, number)
                times.append(at)
                lasts.append(last)
            greatest[c] = (times, lasts)
        found = 0
        for c, answer, begun in self.asked:
            if c in greatest:
                at = bisect.bisect_left(greatest[c][0], begun)
                found += at > 0 and greatest[c][1][at - 1] > answer
        return found


class Protocol:
    def __init__(self, binary, scheme, records, seed, directory):
        self.binary, self.scheme, self.records, self.directory = binary, scheme, records, directory
        self.random, self.book, self.number = random.Random(seed), Book(), 0
        self.clickhouse = shared_servers.Store("private-clickhouse", directory / "clickhouse")
        self.stores = [self.clickhouse.start()]
        self.flags = ["--lease.ttl_ms", str(int(TTL * 1000)), "--clickhouse.timeout_ms", "1500"]
        if scheme == "postgres":
            postgres = shared_servers.Store("private-postgres", directory / "postgres").start()
            self.stores.append(postgres)
            self.flags += ["--postgres.url", postgres.url(), "--history", "postgres::History",
                           "--leases", "postgres::Leases"]
        if scheme == "naive":
            self.flags += ["--naive", "yes"]
        self.proxy = FaultProxy(int(self.clickhouse.url().rsplit(":", 1)[1]), seed)
        self.collections = [str(uuid.UUID(int=self.random.getrandbits(128)))
                            for _ in range(COLLECTIONS)]
        self.faults, self.owners, self.readers, self.outputs = collections.Counter(), [], [], []

    def start(self, mode, url, *flags):
        return Process([self.binary, mode, *self.flags, "--clickhouse.url", url, *flags, "--",
                        *self.collections], self.book.note)

    def start_owner(self, url):
        self.number += 1
        return self.start("own", url, "--number", str(self.number), "--node.id", f"o{self.number}")

    def start_reader(self):
        self.outputs.append(self.directory / f"read-{len(self.outputs)}")
        return self.start("read", self.clickhouse.url(), "--output", str(self.outputs[-1]))

    def run(self):
        first = self.start_owner(self.proxy.url())  # makes the tables
        first.wait_for("ready")
        self.owners = [first] + [self.start_owner(self.proxy.url()) for _ in range(OWNERS - 1)]
        self.readers = [self.start_reader() for _ in range(READERS)]
        for process in self.owners + self.readers:
            process.wait_for("ready")
        self.disturb()
        self.settle()
        self.finish()

    # ---- Faults

    def disturb(self):
        acts = [self.take] * 5 + [self.freeze_owner] * 4 + [self.kill_owner] * 3
        acts += [self.kill_store, self.freeze_store]
        deadline = time.monotonic() + PATIENCE
        rounds = 0
        while self.book.records < self.records or rounds == 0:
            self.random.shuffle(acts)
            for act in acts:
                time.sleep(self.random.uniform(0.1, 0.9))
                act()
                self.faults[act.__name__] += 1
            rounds += 1
            assert time.monotonic() < deadline, f"only {self.book.records} acknowledged"
            if rounds % 10 == 0:
                print(f"round {rounds}: {self.book.records} acknowledged", flush=True)

    def owner(self):
        awake = [i for i, owner in enumerate(self.owners) if not owner.frozen]
        return self.random.choice(awake)

    def take(self):
        self.owners[self.owner()].tell(f"take {self.random.randrange(COLLECTIONS)}")

    def freeze_owner(self):
        """Often long enough that another one takes over, and it does not know."""
        owner = self.owners[self.owner()]
        owner.signal(signal.SIGSTOP)
        if sum(one.frozen for one in self.owners) == OWNERS:
            owner.signal(signal.SIGCONT)
            return
        threading.Timer(self.random.uniform(0.1, 2.5 * TTL), self.thaw, [owner]).start()

    @staticmethod
    def thaw(owner):
        if owner.process.poll() is None:
            owner.signal(signal.SIGCONT)

    def kill_owner(self):
        at = self.owner()
        self.owners[at].kill()
        self.owners[at] = self.start_owner(self.proxy.url())

    def kill_store(self):
        store = self.random.choice(self.stores)
        store.run("kill", stdout=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.5))
        store.start()

    def freeze_store(self):
        store = self.random.choice(self.stores)
        store.run("freeze", stdout=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0.1, 1.2 * TTL))
        store.run("thaw", stdout=subprocess.DEVNULL)

    # ---- The end

    def settle(self):
        self.proxy.settle()
        for owner in self.owners:
            owner.signal(signal.SIGCONT)
            owner.tell("stop")
        for owner in self.owners:
            owner.process.wait(60)
            owner.thread.join()

    def finish(self):
        """The last owner: its record ends each collection. One more reader begins only now."""
        last = self.start_owner(self.clickhouse.url())
        last.wait_for("ready")
        last.tell("end")
        last.wait_for("ended", COLLECTIONS)
        self.readers.append(self.start_reader())
        for reader in self.readers:
            reader.tell("finish")
        for reader in self.readers:
            reader.wait_for("read")
            reader.process.wait(30)
        last.tell("stop")
        last.process.wait(60)

    def stop(self):
        for process in self.owners + self.readers:
            if process.process.poll() is None:
                process.kill()
        self.proxy.stop()
        for store in self.stores:
            store.run("kill", stdout=subprocess.DEVNULL)

    def judge(self):
        found = collections.Counter(missing=0, misplaced=0, duplicates=0, unequal=0, refused=0)
        texts = [output.read_bytes() for output in self.outputs]
        found["unequal"] = len({hashlib.sha256(text).digest() for text in texts}) - 1
        for text in set(texts):
            places = [{} for _ in range(COLLECTIONS)]
            lengths = [0] * COLLECTIONS
            for line in text.decode().splitlines():
                c, record = line.split(" ")
                lengths[int(c)] += 1
                if places[int(c)].setdefault(record, lengths[int(c)]) != lengths[int(c)]:
                    found["duplicates"] += 1
            for c, acknowledged in self.book.acknowledged.items():
                for record, number in acknowledged.items():
                    place = places[c].get(record)
                    found["missing"] += place is None
                    found["misplaced"] += place not in (None, number)
            for c, batches in self.book.refused.items():
                found["refused"] += sum(f"{batch}.0" in places[c] for batch in batches)
        found["stale"] = self.book.stale()
        found["wrong"] = len(self.book.wrong)
        found["stuck"] = len(self.book.stuck)
        return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--scheme", choices=["seals", "postgres", "naive"], default="seals")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    lacking = shared_servers.missing("postgres" if args.scheme == "postgres" else "clickhouse")
    if lacking:
        print(f"SKIPPED: {lacking}")
        sys.exit(harness.SKIPPED)
    print(f"{args.scheme}, seed {args.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="viridian-protocol-"))
    directory.chmod(0o755)  # a store may run as another user
    begun, protocol = time.monotonic(), None
    try:
        protocol = Protocol(args.binary, args.scheme, args.records, args.seed, directory)
        protocol.run()
        found = protocol.judge()
    finally:
        if protocol:
            protocol.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"acknowledged {protocol.book.records} in {time.monotonic() - begun:.0f} s by "
          f"{protocol.number} owners, read by {len(protocol.outputs)};",
          ", ".join(f"{what} {number}" for what, number in found.items()) + ";",
          f"{len(protocol.book.asked)} questions for the last number,",
          f"{sum(map(len, protocol.book.refused.values()))} batches refused")
    print("done to them:", ", ".join(f"{what} {number}" for what, number in
                                     [*protocol.faults.items(), *protocol.proxy.done.items()]))
    for line in protocol.book.wrong[:3] + protocol.book.stuck:
        print(line)
    if args.scheme == "naive":
        faults = sum(found[what] for what in ("missing", "misplaced", "duplicates", "unequal", "wrong"))
        sys.exit(0 if faults > 0 else "the naive way passed: the test shows nothing")
    sys.exit(1 if sum(found.values()) else 0)


main()
