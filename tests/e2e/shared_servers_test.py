"""Two servers over one private ClickHouse: what is written through either is read through both, one
that is frozen or killed is replaced, one that is stopped hands over, a new one needs nothing, and a
store that does not answer is told.

usage: shared_servers_test.py VIRIDIAN_BINARY [clickhouse|postgres]
"""
import http.client
import json
import signal
import sys
import threading
import time

import harness
import shared_servers

TTL_MS = 3000
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


def ask(server, method, path, body=None, read=None):
    """The sequence header of the answer, and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        headers = {"content-type": "application/json", **({"x-viridian-read": read} if read else {})}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 201), (answer.status, text)
        return int(answer.getheader("x-viridian-sequence") or 0), json.loads(text)
    finally:
        connection.close()


def any_server_takes_any_call(a, b, collections):
    for i, collection in enumerate(collections):
        write((a, b)[i // 2 % 2], collection, 0, 5)
        write((b, a)[i // 2 % 2], collection, 5)
        assert count(a, collection) == count(b, collection) == 6
    for collection, server in zip(collections, (a, b) * len(collections)):
        for call in ("flush", "compact"):
            status, answer = server.call("POST", f"{collection}/{call}", {})
            assert status == 200, (status, answer)
        assert count(a, collection) == count(b, collection) == 6
    status, answer = b.call("POST", f"{collections[0]}/delete", {"where": {"i": {"$lt": 2}}})
    assert (status, answer) == (200, {"deleted": 2}), (status, answer)
    assert count(a, collections[0]) == 4


def reads_are_as_fresh_as_they_ask(a, b, collection):
    for i in range(20):
        sequence, _ = ask((a, b)[i % 2], "POST", f"{collection}/upsert", records(100 + i, 1))
        assert sequence > 0
        for server in (a, b):
            _, found = ask(server, "POST", f"{collection}/get", {"ids": [f"r{100 + i}"]},
                           read=f"session={sequence}")
            assert found["ids"] == [f"r{100 + i}"], found
    ask(a, "GET", f"{collection}/count", read="eventual")
    deadline = time.monotonic() + 20
    while ask(b, "GET", f"{collection}/count", read="bounded=200")[1] != count(a, collection):
        assert time.monotonic() < deadline


def a_frozen_server_is_replaced(a, b, collections):
    b.process.send_signal(signal.SIGSTOP)
    # Far more writers wait for it than a server has threads. Reads are not to wait with them.
    writers = [threading.Thread(target=write, args=(a, collection, 7))
               for collection in collections * 8]
    for writer in writers:
        writer.start()
    time.sleep(TTL_MS / 6000)
    assert sum(writer.is_alive() for writer in writers) > 20, "who waits for the frozen server?"
    begun = time.monotonic()
    for collection in collections:
        count(a, collection)
    took = time.monotonic() - begun
    assert took < TTL_MS / 3000, f"reads waited {took:.1f} s"
    for writer in writers:
        writer.join()
    b.process.send_signal(signal.SIGCONT)
    for collection in collections:  # what it believed to hold it holds no more
        write(b, collection, 8)
        assert count(a, collection) == count(b, collection)
    check_servers(a, 2)


def a_lost_store_is_told(a, store):
    store.run("freeze")
    deadline = time.monotonic() + 30
    status = 200
    while status == 200 and time.monotonic() < deadline:  # its last thread stops a moment later
        status, answer = a.call("GET", "/readyz")
    assert status == 503 and "ClickHouse" in answer["message"], (status, answer)
    store.run("thaw")
    deadline = time.monotonic() + 30
    while a.call("GET", "/readyz")[0] != 200:
        assert time.monotonic() < deadline, a.call("GET", "/readyz")
        time.sleep(0.1)


def main(binary, scheme="clickhouse"):
    lacking = shared_servers.missing(scheme)
    if lacking:
        print(f"SKIPPED: {lacking}")
        sys.exit(harness.SKIPPED)
    flags = ["--lease.ttl_ms", str(TTL_MS)]
    with shared_servers.running(binary, scheme, 2, flags) as (servers, stores):
        a, b = servers
        check_servers(a, 2)
        collections = [harness.create_collection((a, b)[i % 2], f"collection-{i}")
                       for i in range(24)]  # so many that b surely holds three
        any_server_takes_any_call(a, b, collections)
        reads_are_as_fresh_as_they_ask(a, b, collections[1])
        a_frozen_server_is_replaced(a, b, collections)
        a_lost_store_is_told(a, stores[0])
        counts = [count(a, collection) for collection in collections]

        b.kill()  # nobody hears of it; what it held is taken over
        for collection in collections:
            write(a, collection, 50)
        counts = [number + 1 for number in counts]
        assert [count(a, c) for c in collections] == counts
        check_servers(a, 1)

        fresh = shared_servers.SharedServer(binary, "fresh", b.flags[:-2]).start()
        servers[1] = fresh  # it has nothing of its own and needs nothing
        assert [count(fresh, c) for c in collections] == counts
        check_servers(a, 2)
        begun = time.monotonic()
        assert a.stop() == 0  # hands over: nobody waits for its leases to run out
        for collection in collections:
            write(fresh, collection, 60)
        print(f"writes went on {time.monotonic() - begun:.1f} s after a server was told to stop")
        assert [count(fresh, c) for c in collections] == [number + 1 for number in counts]
        status, answer = fresh.call("DELETE", f"{harness.DATABASE}/collections/collection-3")
        assert status == 200, (status, answer)
        assert fresh.call("GET", f"{collections[3]}/count")[0] == 404


main(*sys.argv[1:])
