"""Servers over a ClickHouse of 2 shards with 2 replicas each, a ZooKeeper and a PostgreSQL, under
clients that write and read through random servers: a replica is killed, frozen, lags, and is taken
away for good; ZooKeeper stops. No acknowledged record is lost or skipped, meanwhile and at the end,
from every server and in ClickHouse itself; and every outage shows in health and metrics of every
server.

usage: cluster_test.py VIRIDIAN_BINARY [--copies 1|2] [--rounds N] [--seed N]
                       [--outages kill,freeze,lag,stop_zookeeper]
"""
import argparse
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import load  # noqa: E402
import harness  # noqa: E402
import shared_servers  # noqa: E402

SERVERS, WRITERS, READERS, COLLECTIONS = 2, 6, 2, 6
DATABASE = "viridian"
OUTAGES = ("kill", "freeze", "lag", "stop_zookeeper")
SEEN_WITHIN = 60  # seconds until health and metrics tell of an outage, and of its end


def missing():
    lacking = shared_servers.missing("postgres")
    if lacking:
        return lacking
    if not pathlib.Path("/usr/share/java/zookeeper.jar").exists() or not shutil.which("java"):
        return "zookeeper (and a java for it) is not installed"
    return None


class Cluster:
    def __init__(self, directory):
        self.directory = str(directory)
        self.do("start")
        lines = self.do("nodes").splitlines()
        self.nodes = dict(line.split(" ") for line in lines)
        self.url = self.do("url").strip()

    def do(self, verb, *words):
        command = [str(shared_servers.DEPLOY / "private-clickhouse-cluster"), verb, self.directory]
        return subprocess.run([*command, *words], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def ask(self, node, sql):
        request = urllib.request.Request(self.nodes[node], sql.encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def shard(self, number):
        return [node for node in self.nodes if node.startswith(f"s{number}r")]


class Test:
    def __init__(self, binary, cluster, flags, copies, random_):
        self.binary, self.cluster, self.flags, self.copies = binary, cluster, flags, copies
        self.random, self.servers, self.told, self.load = random_, [], [], None

    def start(self):
        for i in range(SERVERS):
            self.start_server(f"server-{i}", self.cluster.url, self.copies)
        paths = load.create_collections(self.servers[0], COLLECTIONS)
        self.load = load.Load(load.Servers(self.servers), paths, WRITERS, READERS, self.random)
        self.load.wait_for_writes()
        self.on = {number: self.paths_on(number) for number in (1, 2)}
        assert all(self.on.values()), f"collections are not on both shards: {self.on}"
        assert not set(self.on[1]) & set(self.on[2]), f"a collection on two shards: {self.on}"

    def start_server(self, name, url, copies):
        server = shared_servers.SharedServer(self.binary, name, [
            *self.flags, "--clickhouse", url, "--clickhouse.copies", str(copies)])
        self.servers.append(server)
        return server.start()

    def paths_on(self, number):
        """Of collections whose log is on that shard, on any of its replicas."""
        ids = set()
        for node in self.cluster.shard(number):
            ids |= set(self.cluster.ask(node, "SELECT DISTINCT toString(collection_id) "
                                        f"FROM {DATABASE}.record_log").split())
        return [path for path in self.load.paths if path.rsplit("/", 1)[1] in ids]

    # ---- What is told of an outage

    def findings(self, server):
        status, answer = server.call("GET", "/readyz")
        if status == 503:
            return status, answer["message"]
        assert status == 200, (status, answer)
        return status, "; ".join(answer.get("findings", []))

    def metric(self, server, name, label=""):
        """The sum over what bears that label."""
        _, text = server.call("GET", "/metrics")
        values = re.findall(rf"^{name}(?:{{([^}}]*)}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for labels, value in values if label in labels)

    def await_on_all(self, what, condition):
        for server in self.servers:
            deadline = time.monotonic() + SEEN_WITHIN
            while not condition(server):
                self.load.check()
                assert time.monotonic() < deadline, (
                    f"{server.flags[-1]} does not tell that {what}: {self.findings(server)}")
                time.sleep(0.1)
        self.told.append(what)

    def all_is_well(self, after):
        def quiet(server):
            return self.findings(server) == (200, "")
        self.await_on_all(f"all is well after {after}", quiet)
        self.load.wait_for_writes()

    def shows_as_gone(self, node):
        address = self.cluster.nodes[node]

        def shows(server):
            status, text = self.findings(server)
            others = [url for url in self.cluster.nodes.values() if url != address]
            return (status == 200 and f"{address} does not answer" in text
                    and not any(f"{url} does not answer" in text for url in others)
                    and self.metric(server, "viridian_clickhouse_log_node_unavailable_total",
                                    address) == 1)
        self.await_on_all(f"{node} is gone", shows)

    def go_on_beside(self, node):
        """Where every write needs both replicas, those of the other shard go on; else all do."""
        own = int(node[1])
        self.load.wait_for_writes(self.on[3 - own])
        if self.copies == 1:
            self.load.wait_for_writes(self.on[own])

    # ---- Outages

    def kill(self):
        node = self.random.choice(list(self.cluster.nodes))
        self.cluster.do("kill-node", node)
        self.shows_as_gone(node)
        self.go_on_beside(node)
        self.cluster.do("start-node", node)
        self.all_is_well(f"{node} was killed and started")

    def freeze(self):
        node = self.random.choice(list(self.cluster.nodes))
        self.cluster.do("freeze", node)
        self.shows_as_gone(node)
        self.go_on_beside(node)
        self.cluster.do("thaw", node)
        self.all_is_well(f"{node} was frozen")

    def lag(self):
        """A replica that gets nothing: it is asked by itself what it lacks, and is not believed."""
        node = self.random.choice(["s1r2", "s2r2"])  # the first one is what servers write to
        address = self.cluster.nodes[node]
        self.cluster.ask(node, f"SYSTEM STOP FETCHES {DATABASE}.record_log")

        def shows(server):
            status, text = self.findings(server)
            delay = self.metric(server, "viridian_clickhouse_log_replica_delay_seconds", address)
            return status == 200 and f"the replica at {address} lags" in text and delay > 0
        if self.copies == 1:
            self.load.wait_for_writes()
        self.await_on_all(f"{node} lags", shows)
        self.go_on_beside(node)
        if self.copies == 1:
            self.lose_the_other(node)
        self.cluster.ask(node, f"SYSTEM START FETCHES {DATABASE}.record_log")
        self.all_is_well(f"{node} lagged")

    def lose_the_other(self, lagging):
        """What only one replica has cannot be read while that one is gone; it is not passed over,
        least of all by a server that comes now and has nothing cached."""
        node = lagging[:-1] + "1"
        self.cluster.do("freeze", node)
        fresh = self.start_server("fresh", self.cluster.url, self.copies)
        self.shows_as_gone(node)
        for path in self.on[int(node[1])]:
            load.read_whole(fresh, path, self.load.writers)
        self.cluster.do("thaw", node)
        assert fresh.stop() == 0
        self.servers.remove(fresh)

    def stop_zookeeper(self):
        """Nothing can be written; everything can be read."""
        self.cluster.do("zookeeper", self.random.choice(["stop", "kill"]))

        def shows(server):
            _, text = self.findings(server)
            return all(f"the replica at {url} takes no writes" in text and self.metric(
                server, "viridian_clickhouse_log_replica_read_only_total", url) == 1
                for url in self.cluster.nodes.values())
        self.await_on_all("no replica takes writes", shows)
        reads = [reader.reads for reader in self.load.readers]
        deadline = time.monotonic() + SEEN_WITHIN
        while any(r.reads < n + 5 for r, n in zip(self.load.readers, reads)):
            self.load.check()
            assert time.monotonic() < deadline, "nothing is read without ZooKeeper"
            time.sleep(0.05)
        self.cluster.do("zookeeper", "start")
        self.all_is_well("ZooKeeper was stopped")

    def remove(self):
        """One replica is gone for good: the servers are told the others, and miss nothing."""
        node = self.random.choice(list(self.cluster.nodes))
        self.cluster.do("kill-node", node)
        shutil.rmtree(pathlib.Path(self.cluster.directory) / node / "data")
        self.shows_as_gone(node)
        self.load.end()
        gone = self.cluster.nodes.pop(node)
        left = re.sub(rf"{gone},|,{gone}", "", self.cluster.url)
        assert [server.stop() for server in self.servers] == [0] * SERVERS
        self.servers.clear()
        for i in range(SERVERS):
            self.start_server(f"server-{i}-again", left, 1)
        self.load.compare(self.servers)
        for path in self.load.paths:
            status, answer = self.servers[0].call("POST", f"{path}/upsert", {
                "ids": ["after"], "embeddings": [[1.0, 2.0, 3.0, 4.0]]})
            assert status == 200, (status, answer)
        self.told.append(f"nothing is missing after {node} was taken away")

    # ---- The end

    def compare_directly(self):
        """Every replica gets all records of its shard's collections, and no others.

        Replicas are asked until they have them, not for an empty queue (SYSTEM SYNC REPLICA): a
        part of a batch that nobody acknowledged, whose only copy went with a replica that was
        taken away, stays in the queues of the others for ever.
        """
        for node in self.cluster.nodes:
            deadline = time.monotonic() + SEEN_WITHIN
            while wrong := self.first_wrong_row(node):
                assert time.monotonic() < deadline, wrong
                time.sleep(0.5)

    def first_wrong_row(self, node):
        rows = self.cluster.ask(
            node, "SELECT DISTINCT toString(collection_id) AS c, id FROM "
            f"(SELECT collection_id, id FROM {DATABASE}.record_log WHERE op < 9 UNION ALL "
            f"SELECT collection_id, id FROM {DATABASE}.records) FORMAT JSONCompact")
        there = {tuple(row) for row in json.loads(rows)["data"]}
        for writer in self.load.writers:
            collection = writer.path.rsplit("/", 1)[1]
            mine = writer.path in self.on[int(node[1])]
            for batch, version in writer.known.items():
                for row in range(load.model.ROWS if version else 0):
                    stored = (collection, f"{batch}/{row}") in there
                    if stored != mine:
                        return f"{node}, {writer.path}: {batch}/{row}: {stored}"
        return None

    def run(self, outages, rounds):
        for _ in range(rounds):
            self.random.shuffle(outages)
            for outage in outages:
                getattr(self, outage)()
        if self.copies == 2:
            self.remove()
        else:
            self.load.end()
            self.load.compare(self.servers)
        self.compare_directly()

    def stop(self):
        for thread in self.load.threads if self.load else []:
            thread.stop.set()
        for server in self.servers:
            if server.process:
                server.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--copies", type=int, choices=[1, 2], default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--outages", default=",".join(OUTAGES))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    lacking = missing()
    if lacking:
        print(f"SKIPPED: {lacking}")
        sys.exit(harness.SKIPPED)
    print(f"{args.copies} copies, seed {args.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="viridian-cluster-"))
    directory.chmod(0o755)  # PostgreSQL may run as another user
    begun, test = time.monotonic(), None
    postgres = shared_servers.Store("private-postgres", directory / "postgres")
    try:
        cluster = Cluster(directory / "clickhouse")
        postgres.start()
        flags = ["--postgres", postgres.url(), "--clickhouse.replicated", "true",
                 "--lease.ttl_ms", "3000", "--clickhouse.timeout_ms", "5000",
                 "--clickhouse.compact_records", "2000"]
        test = Test(args.binary, cluster, flags, args.copies, random.Random(args.seed))
        test.start()
        test.run(args.outages.split(","), args.rounds)
    finally:
        if test:
            test.stop()
        for script, name in (("private-clickhouse-cluster", "clickhouse"),
                             ("private-postgres", "postgres")):
            subprocess.run([str(shared_servers.DEPLOY / script), "kill", str(directory / name)],
                           stdout=subprocess.DEVNULL, check=False)
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{test.load.told()}; in {time.monotonic() - begun:.0f} s nothing was lost or skipped")
    print("told by every server's health and metrics: " + "; ".join(test.told))


main()
