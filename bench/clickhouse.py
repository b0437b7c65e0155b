"""Servers over ClickHouse, next to ClickHouse itself and to the embedded database.

usage: clickhouse.py VIRIDIAN_BINARY [--loader CACHED_LOAD_BENCH] [--records N] [--rounds N]
                     [--seconds S] [--only PART...]

Everything runs on this machine: a private ClickHouse, the servers, the clients. What is compared is
interleaved, and medians are reported. The parts:

pull     a server that knows nothing, from its first query until the answer, next to curl of the
         same rows, in Native, thrown away; and several loads in one process, whose memory the
         machine has from the second one on (cached_load_bench)
latency  queries to a server whose cache is filled, with strong reads, next to the embedded
         database with the same records; the answers have to be equal
catchup  a read that has to fetch 10 new records, next to bare queries over a kept connection
ingest   records stored per second, next to bare inserts of the same rows, in Native
scale    queries per second of two servers pinned to a processor each, next to one, by wrk
"""
import argparse
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import load
from clickhouse_rows import BareRows, ClickHouse, Records, record_id
from load import Client, harness, percentile
import query_rates
import shared_servers

BATCH = 5000
SMALL = (2_000, 20_000)  # records; memory decides less, as the processors' caches hold some or all
PARTS = ("pull", "latency", "catchup", "ingest", "scale")
SPACE = {"hnsw": {"space": "cosine"}}


class Server(shared_servers.SharedServer):
    """A server over ClickHouse, perhaps on certain processors only."""

    processors = None

    def command(self):
        pinned = ["taskset", "-c", self.processors] if self.processors else []
        return pinned + super().command()


class Bench:
    def __init__(self, args, root):
        self.args, self.root, self.servers = args, root, []
        self.store = shared_servers.Store("private-clickhouse", root / "clickhouse").start()
        self.url = self.store.url()
        self.clickhouse = ClickHouse(self.url)
        self.records = Records(args.records)
        self.path = self.embedded = self.embedded_path = None

    def server(self, name, processors=None):
        server = Server(self.args.binary, name, ["--clickhouse", self.url])
        server.processors = processors
        self.servers.append(server)
        return server.start(120)

    def stop(self, *servers):
        for server in servers:
            assert server.stop() == 0
            self.servers.remove(server)

    def end(self):
        for server in self.servers + [self.embedded]:
            if server and server.process and server.process.poll() is None:
                server.kill()
        self.store.run("kill", stdout=subprocess.DEVNULL)

    def store_pid(self):
        return int((self.root / "clickhouse" / "pid").read_text())

    def whose(self):
        """The collection's rows of `records`, as a condition."""
        identity = self.path.rsplit("/", 1)[1]
        bucket = int(identity[-2:], 16) % 64 % 16
        return f"bucket = {bucket} AND collection_id = '{identity}'"

    def touch(self, server, i=0):
        """Writes a record as it was: the holder's term has begun then, and it knows what is last."""
        Client(server.port).call("POST", f"{self.path}/upsert", self.records.body([i]))


def ms(seconds):
    return f"{seconds * 1e3:.2f}"


def timed(work):
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def get_read(client, method, path, body, level):
    """A call that says how fresh the answer has to be; the answer's headers, too."""
    client.connection.request(method, path, body, {"content-type": "application/json",
                                                   "x-viridian-read": level})
    response = client.connection.getresponse()
    data = response.read()
    assert response.status in (200, 201), (response.status, data[:300])
    return response, data


# --- The records, in both databases -------------------------------------------------------------


def fill(bench):
    bench.embedded = harness.Server(bench.args.binary, bench.root / "embedded").start(120)
    server = bench.server("loader")
    bench.path = harness.create_collection(server, "words", configuration=SPACE)
    bench.embedded_path = harness.create_collection(bench.embedded, "words", configuration=SPACE)
    count, took = bench.records.count, {"over ClickHouse": 0.0, "embedded": 0.0}
    places = {"over ClickHouse": (Client(server.port), bench.path),
              "embedded": (Client(bench.embedded.port), bench.embedded_path)}

    def send(name, body):
        client, path = places[name]
        took[name] += timed(lambda: client.call("POST", f"{path}/add", body))[0]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        sent = []
        for first in range(0, count, BATCH):
            body = bench.records.body(range(first, min(first + BATCH, count)))
            for one in sent:
                one.result()
            sent = [pool.submit(send, name, body) for name in places]
        for one in sent:
            one.result()
    flushed = timed(lambda: Client(server.port).call("POST", f"{bench.path}/flush", b"{}"))[0]
    Client(bench.embedded.port).call("POST", f"{bench.embedded_path}/flush", b"{}")
    print(f"{count:,} records of {bench.records.dimension} dimensions: {bench.records.source}.")
    print("Loaded through both servers at once, in batches of 5,000: " + ", ".join(
        f"{name} {count / seconds:,.0f} records/s" for name, seconds in took.items()) +
        f"; the rest of the images in {flushed:.1f} s; {load.busy()}.\n", flush=True)
    bench.stop(server)


# --- Parts ----------------------------------------------------------------------------------------


def pull(bench):
    """Ends with a server that holds the collection, which it gives."""
    query = bench.records.query(1)
    sql = ("SELECT offset, seq, deleted, flags, id, vec, meta, doc, uri FROM viridian.records WHERE "
           f"{bench.whose()} FORMAT Native")
    firsts, seconds, curls, size, server = [], [], [], 0, None
    for i in range(bench.args.rounds):
        if server:
            bench.stop(server)
        server = bench.server(f"puller-{i}")
        client = Client(server.port)
        ask = lambda: client.call("POST", f"{bench.path}/query", query)  # noqa: E731
        firsts.append(timed(ask)[0])
        seconds.append(statistics.median(timed(ask)[0] for _ in range(5)))
        took, done = timed(lambda: subprocess.run(
            ["curl", "-sf", bench.url, "--data-binary", sql, "-o", os.devnull, "-w",
             "%{size_download}"], check=True, stdout=subprocess.PIPE))
        curls.append(took)
        size = float(done.stdout) / 1e6
    first, curl, warm = (statistics.median(x) for x in (firsts, curls, seconds))
    count = bench.records.count
    print("## Pull of a collection into a cache that answers\n")
    print("| | median s | best s | records/s | MB/s |\n|---|--:|--:|--:|--:|")
    for name, all_ in (("first query to a fresh server", firsts), ("curl -o /dev/null", curls)):
        middle = statistics.median(all_)
        print(f"| {name} | {middle:.2f} | {min(all_):.2f} | {count / middle:,.0f} | "
              f"{size / middle:,.0f} |")
    print(f"\n{size:,.0f} MB; the pull reaches {100 * curl / first:.0f} % of curl by medians, "
          f"{100 * min(curls) / min(firsts):.0f} % by bests, the query itself ({ms(warm)} ms once "
          f"cached) included. Wanted: 70 %. {bench.args.rounds} rounds; {load.busy()}.\n", flush=True)
    pull_again(bench)
    return server


def pull_again(bench):
    """As pull(), of as many records, several times in one process: from the second time on into
    memory that the machine has had in its hands a moment before."""
    print("### Several loads in one process\n")
    if not bench.args.loader:
        print("Left out: no --loader was given.\n")
        return
    done = subprocess.run([bench.args.loader, str(bench.records.count)], check=True, text=True,
                          stdout=subprocess.PIPE)
    print(f"cached_load_bench {bench.records.count}, records of its own, without HTTP and without a "
          f"query:\n\n```\n{done.stdout}```\n\n{load.busy()}.\n", flush=True)


def latency(bench, server):
    bench.touch(server)
    Client(bench.embedded.port).call("POST", f"{bench.embedded_path}/upsert",
                                     bench.records.body([0]))
    print("## Queries once cached (strong reads, k = 10), next to the embedded database\n")
    print("| query | over ClickHouse p50 ms | p90 ms | embedded p50 ms | p90 ms | ratio of p50 | "
          "of pairs |\n|---|--:|--:|--:|--:|--:|--:|")
    sides = [(Client(server.port), bench.path), (Client(bench.embedded.port), bench.embedded_path)]
    for name, more in (("all records", {}), ("where is_word", {"where": {"is_word": True}})):
        notes = ([], [])
        for n in range(bench.args.queries + 5):
            body = bench.records.query((n * 7919) % bench.records.count, **more)
            answers = {}
            for side in ((0, 1), (1, 0))[n % 2]:
                client, path = sides[side]
                took, data = timed(lambda: client.call("POST", f"{path}/query", body))
                answers[side] = json.loads(data)
                if n >= 5:
                    notes[side].append(took)
            assert answers[0]["ids"] == answers[1]["ids"], "the answers differ"
        ours, theirs = notes
        cells = [ms(percentile(x, part)) for x in notes for part in (.5, .9)]
        pairs = statistics.median(a / b for a, b in zip(ours, theirs))
        print(f"| {name} | {' | '.join(cells)} | {percentile(ours, .5) / percentile(theirs, .5):.2f} "
              f"| {pairs:.2f} |")
    print(f"\nThe answers were equal. Wanted: within 10 %. {bench.args.queries} queries each, turn and "
          f"turn about; {load.busy()}.\n", flush=True)


def forwards(server):
    _, metrics = server.call("GET", "/metrics")
    return sum(float(x) for x in re.findall(r"^viridian_cluster_forwards_total\S* (\S+)", metrics,
                                            re.MULTILINE))


def holder_first(bench, a, b, path):
    """The two servers, the holder of that collection first. Slots move when servers come; that is
    over when a write is passed on, or not, thrice in the same way."""
    client, same, last = Client(a.port), 0, None
    while same < 3:
        before = forwards(a)
        client.call("POST", f"{path}/upsert", bench.records.body([0]))
        passed = forwards(a) > before
        same, last = (same + 1, passed) if passed == last else (1, passed)
        time.sleep(0.5)
    return (b, a) if last else (a, b)


def catchup(bench, server):
    other = bench.server("follower")
    path = harness.create_collection(server, "small", configuration=SPACE)
    Client(server.port).call("POST", f"{path}/add", bench.records.body(range(2000)))
    print("## Catching up with 10 records\n")
    print("| collection | level | read with 10 new records ms | the same read, nothing new ms | bare: "
          "the same 10 rows ms | bare: select 1 ms | ratio to the same rows | to select 1 |\n"
          "|---|---|--:|--:|--:|--:|--:|--:|")
    for name, where in (("2,000 records", path), (f"{bench.records.count:,} records", bench.path)):
        holder, follower = holder_first(bench, server, other, where)
        for level in ("session", "strong"):
            row = catchup_row(bench, holder, follower, where, level)
            fresh, idle, rows, one = (statistics.median(x) for x in row)
            print(f"| {name} | {level} | {ms(fresh)} | {ms(idle)} | {ms(rows)} | {ms(one)} | "
                  f"{fresh / rows:.2f} | {fresh / one:.2f} |", flush=True)
    print("\nThe reads go to the server that is not the holder, right after a write of 10 records "
          "through the holder, over HTTP from end to end. Wanted: under 3 bare queries. "
          f"{bench.args.queries} times; {load.busy()}.\n", flush=True)
    bench.stop(other)


def catchup_row(bench, holder, follower, path, level):
    writer, reader = Client(holder.port), Client(follower.port)
    notes = ([], [], [], [])
    numbers = list(range(10))
    body, get = bench.records.body(numbers), json.dumps({"ids": [record_id(3)]}).encode()
    select = ("SELECT seq, epoch, op, flags, id, vec, meta, doc, uri FROM viridian.record_log WHERE "
              f"collection_id = '{path.rsplit('/', 1)[1]}' AND seq >= {{}} AND seq <= {{}} AND op < 9 "
              "FORMAT Native")
    for n in range(bench.args.queries + 3):
        answer, _ = get_read(writer, "POST", f"{path}/upsert", body, "strong")
        last = int(answer.getheader("x-viridian-sequence"))
        wanted = f"session={last}" if level == "session" else level
        read = lambda: get_read(reader, "POST", f"{path}/get", get, wanted)  # noqa: E731
        new, idle = timed(read)[0], timed(read)[0]
        rows, data = timed(lambda: bench.clickhouse.ask(select.format(last - 9, last)))
        assert len(data) > 10 * 4 * bench.records.dimension, "the rows are not there"
        one = timed(lambda: bench.clickhouse.ask("SELECT 1 FORMAT Native"))[0]
        if n >= 3:
            for note, took in zip(notes, (new, idle, rows, one)):
                note.append(took)
    return notes


# --- Ingest ---------------------------------------------------------------------------------------


def store(kind, where, ready, seconds, seed, results, gate):
    """One client's inserts, through a server or bare, until the time is up."""
    client = Client(where[0]) if kind == "server" else ClickHouse(where[0])
    gate.wait()
    sent, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        if kind == "server":
            rows, columns = ready
            ids = ",".join(f'"{seed}-{sent + i:09}"' for i in range(rows))
            client.call("POST", f"{where[1]}/add", f'{{"ids": [{ids}], {columns}'.encode())
        else:
            rows = ready.rows
            ids = [f"{seed}-{sent + i:09}" for i in range(rows)]
            client.ask("INSERT INTO bare.record_log FORMAT Native", ready.block(sent + 1, ids))
        sent += rows
    results.put(sent / (time.perf_counter() - end + seconds))


def rate(kind, where, ready, clients, seconds):
    context = multiprocessing.get_context("fork")
    results, gate = context.Queue(), context.Barrier(clients)
    processes = [context.Process(target=store, args=(kind, where, ready, seconds, i, results, gate))
                 for i in range(clients)]
    for process in processes:
        process.start()
    total = sum(results.get(timeout=seconds + 300) for _ in processes)
    for process in processes:
        process.join()
    return total


def ingest(bench, server):
    for sql in ("CREATE DATABASE bare", "CREATE TABLE bare.record_log AS viridian.record_log"):
        bench.clickhouse.ask(sql)
    print("## Records stored per second, acknowledged\n")
    print("| batch | clients | through a server | bare inserts | ratio |\n|--:|--:|--:|--:|--:|")
    client, args = Client(server.port), bench.args
    for batch in args.batches:
        columns = (batch, bench.records.columns(range(batch)))
        rows = BareRows(bench.records, range(batch))
        for clients in args.clients:
            ours, bare = [], []
            for i in range(args.rounds):
                path = harness.create_collection(server, f"ingest-{batch}-{clients}-{i}",
                                                 configuration=SPACE)
                ours.append(rate("server", (server.port, path), columns, clients, args.seconds))
                client.call("POST", f"{path}/flush", b"{}")  # it is not for the other to wait for
                bare.append(rate("bare", (bench.url,), rows, clients, args.seconds))
            a, b = statistics.median(ours), statistics.median(bare)
            print(f"| {batch:,} | {clients} | {a:,.0f} | {b:,.0f} | {a / b:.2f} |", flush=True)
    print(f"\n{args.rounds} rounds of {args.seconds:g} s, a new collection each; `add` in JSON with "
          f"base64 vectors against one Native block per insert; {load.busy()}.\n", flush=True)


# --- Scale ----------------------------------------------------------------------------------------


def scale(bench):
    if lacking := query_rates.missing():
        print(f"## Queries per second of one and of two servers: left out, {lacking}\n")
        return
    servers = [bench.server(f"pinned-{i}", str(i)) for i in (0, 1)]
    bodies = [bench.records.query(i * 97 % SMALL[0]) for i in range(20)]
    collections = []
    for count in (*SMALL, bench.records.count):
        path = bench.path
        if count != bench.records.count:
            path = harness.create_collection(servers[0], f"words-{count}", configuration=SPACE)
            for first in range(0, count, BATCH):
                Client(servers[0].port).call("POST", f"{path}/add", bench.records.body(
                    range(first, min(first + BATCH, count))))
        for server in servers:
            Client(server.port).call("POST", f"{path}/query", bodies[0])
        collections.append((count, path, holder_first(bench, *servers, path)))
    print("## Queries per second of one and of two servers, each on a processor of its own\n")
    query_rates.measure(collections, bench.store_pid(), bodies, bench.args.rounds, bench.args.seconds)
    print(f"\nAsked by wrk, {query_rates.CONNECTIONS} connections for each server; medians of "
          f"{bench.args.rounds} rounds of {bench.args.seconds:.0f} s; no query failed. wrk and "
          "ClickHouse run on the same processors as the servers: where these may use a whole one each "
          f"there is none for the others, and where they may use less there is. {load.busy()}.\n",
          flush=True)
    bench.stop(*servers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--loader", help="the program cached_load_bench")
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 100, 10_000])
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    args = parser.parse_args()
    if lacking := shared_servers.missing("clickhouse"):
        sys.exit(f"SKIPPED: {lacking}")
    root = pathlib.Path(tempfile.mkdtemp(prefix="viridian-clickhouse-",
                                         dir=os.environ.get("BENCH_TMP")))
    bench = None
    try:
        bench = Bench(args, root)
        version = bench.clickhouse.ask("SELECT version()").decode().strip()
        print(f"ClickHouse {version}, with two threads a query; {load.busy()}\n", flush=True)
        fill(bench)
        server = pull(bench) if "pull" in args.only else bench.server("server")
        for part in (latency, catchup, ingest):
            if part.__name__ in args.only:
                part(bench, server)
        bench.stop(server)
        assert bench.embedded.stop() == 0
        if "scale" in args.only:
            scale(bench)
    finally:
        if bench:
            bench.end()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
