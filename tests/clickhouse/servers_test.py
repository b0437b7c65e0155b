"""Servers over one ClickHouse under clients that write and read through random ones of them, while
servers are killed and frozen, and ClickHouse (and PostgreSQL), too. Every acknowledged batch is
read whole, all the time and at the end from every server; what a lost server held is taken over
soon.

usage: servers_test.py VIRIDIAN_BINARY [clickhouse|postgres] [--servers N] [--rounds N] [--seed N]
"""
import argparse
import pathlib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import load  # noqa: E402
import harness  # noqa: E402
import shared_servers  # noqa: E402

TTL = 2.0
TAKEOVER = TTL + 10  # seconds until all writes go on, on a machine that does other things as well
WRITERS, READERS, COLLECTIONS = 8, 2, 6


class Test:
    def __init__(self, binary, servers, stores, random_):
        self.binary, self.servers, self.stores, self.random = binary, servers, stores, random_
        self.live = load.Servers(servers)
        self.slowest = {}
        self.number = len(servers)
        paths = load.create_collections(servers[0], COLLECTIONS)
        self.load = load.Load(self.live, paths, WRITERS, READERS, random_)

    def writes_go_on(self, after):
        seconds = self.load.wait_for_writes(seconds=90)
        self.slowest[after] = max(seconds, self.slowest.get(after, 0))
        return seconds

    def kill_server(self):
        at = self.random.randrange(len(self.servers))
        gone = self.servers[at]
        self.live.servers = [server for server in self.servers if server is not gone]
        gone.kill()
        taken = self.writes_go_on("a server was killed")
        assert taken < TAKEOVER, f"writes went on only {taken:.1f} s after a server was killed"
        self.number += 1
        new = shared_servers.SharedServer(self.binary, f"server-{self.number}", gone.flags[:-2])
        self.servers[at] = new.start()
        self.live.servers = list(self.servers)
        self.writes_go_on("a server came")

    def freeze_server(self):
        """Clients that ask it wait in vain; the others take over."""
        frozen = self.random.choice(self.servers)
        self.live.servers = [server for server in self.servers if server is not frozen]
        frozen.process.send_signal(signal.SIGSTOP)
        self.writes_go_on("a server was frozen")
        frozen.process.send_signal(signal.SIGCONT)
        self.live.servers = list(self.servers)
        self.writes_go_on("a server was thawed")

    def stop_server(self):
        at = self.random.randrange(len(self.servers))
        gone = self.servers[at]
        self.live.servers = [server for server in self.servers if server is not gone]
        assert gone.stop() == 0
        self.writes_go_on("a server was stopped")
        self.number += 1
        new = shared_servers.SharedServer(self.binary, f"server-{self.number}", gone.flags[:-2])
        self.servers[at] = new.start()
        self.live.servers = list(self.servers)

    def kill_store(self):
        store = self.random.choice(self.stores)
        store.run("kill", stdout=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 1))
        store.start()
        self.writes_go_on("a database was killed")

    def freeze_store(self):
        store = self.random.choice(self.stores)
        store.run("freeze", stdout=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0.1, 2 * TTL))
        store.run("thaw", stdout=subprocess.DEVNULL)
        self.writes_go_on("a database was frozen")

    def run(self, rounds):
        acts = [self.kill_server, self.freeze_server, self.kill_store, self.freeze_store,
                self.stop_server]
        for _ in range(rounds):
            self.random.shuffle(acts)
            for act in acts:
                act()
        self.load.end()
        fresh = shared_servers.SharedServer(self.binary, "fresh", self.servers[0].flags[:-2])
        self.servers.append(fresh.start())
        self.load.compare(self.servers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("scheme", nargs="?", choices=["clickhouse", "postgres"],
                        default="clickhouse")
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    lacking = shared_servers.missing(args.scheme)
    if lacking:
        print(f"SKIPPED: {lacking}")
        sys.exit(harness.SKIPPED)
    print(f"{args.servers} servers, {args.scheme}, seed {args.seed}", flush=True)
    flags = ["--lease.ttl_ms", str(int(TTL * 1000)), "--clickhouse.timeout_ms", "5000",
             "--clickhouse.compact_records", "500"]
    begun = time.monotonic()
    with shared_servers.running(args.binary, args.scheme, args.servers, flags) as (servers, stores):
        test = Test(args.binary, servers, stores, random.Random(args.seed))
        try:
            test.run(args.rounds)
        finally:
            for thread in test.load.threads:
                thread.stop.set()
            for server in servers:
                if server.process.poll() is None:
                    server.process.send_signal(signal.SIGCONT)
    print(f"{test.load.told()}; in {time.monotonic() - begun:.0f} s nothing was lost or halved")
    for after, seconds in sorted(test.slowest.items()):
        print(f"all writers went on at most {seconds:.1f} s after {after}")


main()
