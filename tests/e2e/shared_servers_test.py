"""Two servers over one private ClickHouse: what is written through either is read through both, one
that is killed is replaced, one that is stopped hands over, and a new one needs nothing.

usage: shared_servers_test.py VIRIDIAN_BINARY [clickhouse|postgres]
"""
import sys
import time

import harness
import shared_servers

TTL_MS = 2000
DIM = 8


def records(first, count):
    return {"ids": [f"r{i}" for i in range(first, first + count)],
            "embeddings": [[float(i % 7 + j) for j in range(DIM)] for i in range(first, first + count)],
            "metadatas": [{"i": i} for i in range(first, first + count)]}


def count(server, collection):
    status, answer = server.call("GET", f"{collection}/count")
    assert status == 200, (status, answer)
    return answer


def write(server, collection, first, number=1):
    status, answer = server.call("POST", f"{collection}/upsert", records(first, number))
    assert status == 200, (status, answer)


def check_servers(server, expected):
    deadline = time.monotonic() + 10 * TTL_MS / 1000
    while True:
        status, listed = server.call("GET", "/api/v2/viridian/servers")
        assert status == 200, (status, listed)
        if len(listed) == expected and sum(one["slots"] for one in listed) == 64:
            return listed
        assert time.monotonic() < deadline, listed
        time.sleep(0.05)


def main(binary, scheme="clickhouse"):
    lacking = shared_servers.missing(scheme)
    if lacking:
        print(f"SKIPPED: {lacking}")
        sys.exit(harness.SKIPPED)
    with shared_servers.running(binary, scheme, 2, ["--lease.ttl_ms", str(TTL_MS)]) as servers:
        a, b = servers
        check_servers(a, 2)
        collections = [harness.create_collection((a, b)[i % 2], f"collection-{i}") for i in range(12)]
        for i, collection in enumerate(collections):  # any server takes any write
            write((a, b)[i // 2 % 2], collection, 0, 5)
            write((b, a)[i // 2 % 2], collection, 5)
            assert count(a, collection) == count(b, collection) == 6
        status, answer = b.call("POST", f"{collections[0]}/delete", {"where": {"i": {"$lt": 2}}})
        assert (status, answer) == (200, {"deleted": 2}), (status, answer)
        assert count(a, collections[0]) == 4

        b.kill()  # nobody hears of it; what it held is taken over
        for collection in collections:
            write(a, collection, 10)
        assert [count(a, c) for c in collections] == [5] + [7] * 11
        check_servers(a, 1)

        fresh = shared_servers.SharedServer(binary, "fresh", b.flags[:-2]).start()
        servers[1] = fresh  # it has nothing of its own and needs nothing
        assert [count(fresh, c) for c in collections] == [5] + [7] * 11
        check_servers(a, 2)
        begun = time.monotonic()
        assert a.stop() == 0  # hands over: nobody waits for its leases to run out
        for collection in collections:
            write(fresh, collection, 20)
        print(f"writes went on {time.monotonic() - begun:.1f} s after a server was told to stop")
        assert [count(fresh, c) for c in collections] == [6] + [8] * 11
        status, answer = fresh.call("DELETE", f"{harness.DATABASE}/collections/collection-3")
        assert status == 200, (status, answer)
        assert fresh.call("GET", f"{collections[3]}/count")[0] == 404


main(*sys.argv[1:])
