"""deploy/backup-clickhouse: what is saved while a server works comes back in another ClickHouse, and is
written on. Without the name of the catalogue's newest version no server starts, and it says what to do.
backup_test.py BINARY"""
import pathlib
import re
import subprocess
import sys
import tempfile
import shutil
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import shared_servers  # noqa: E402

SCRIPT = shared_servers.DEPLOY / "backup-clickhouse"
FLAGS = ["--lease.ttl_ms", "2000"]


def backup(verb, store, directory, ok=True):
    done = subprocess.run([SCRIPT, verb, store.url(), directory], text=True, capture_output=True)
    assert (done.returncode == 0) == ok, (verb, done.stdout, done.stderr)
    return done.stdout + done.stderr


def execute(store, sql):
    with urllib.request.urlopen(store.url(), sql.encode(), timeout=30) as answer:
        return answer.read().decode()


def server_on(binary, store, name):
    return shared_servers.SharedServer(binary, name, ["--clickhouse", store.url(), *FLAGS])


def records(first, count):
    ids = [f"r{i}" for i in range(first, first + count)]
    return {"ids": ids, "embeddings": [[float(i), 0.1 * i] for i in range(first, first + count)],
            "documents": [f"line\n\ttab \\ {i}" for i in range(first, first + count)],
            "metadatas": [{"i": i} for i in range(first, first + count)]}


def write(server, collection, call, body):
    status, answer = server.call("POST", f"{collection}/{call}", body)
    assert status in (200, 201), (status, answer)


def everything(server, collection):
    status, answer = server.call(
        "POST", f"{collection}/get", {"include": ["embeddings", "documents", "metadatas", "uris"]})
    assert status == 200, (status, answer)
    return answer


def fill(server):
    """One collection with images and records after them, one with a log alone, and one deleted."""
    collections = [harness.create_collection(server, name) for name in ("imaged", "logged", "gone")]
    for collection in collections:
        write(server, collection, "add", records(0, 50))
    write(server, collections[0], "flush", {})
    write(server, collections[0], "upsert", records(40, 20))
    write(server, collections[0], "delete", {"where": {"i": {"$lt": 5}}})
    assert server.call("DELETE", f"{harness.DATABASE}/collections/gone")[0] == 200
    return collections[:2]


def works_on(binary, store, collections, expected):
    """Twice: what a start removes is missed only after it."""
    for round in range(2):
        server = server_on(binary, store, f"restored-{round}").start()
        for i, collection in enumerate(collections):
            assert everything(server, collection) == expected[i], collection
        write(server, collections[1], "upsert", records(100 * (round + 1), 10))
        write(server, collections[0], "upsert", records(100 * (round + 1), 10))
        write(server, collections[0], "compact", {})
        made = harness.create_collection(server, f"new-{round}")
        write(server, made, "add", records(0, 3))
        expected = [everything(server, collection) for collection in collections]
        assert [len(one["ids"]) for one in expected] == [65 + 10 * round, 60 + 10 * round], expected
        assert server.stop() == 0


def is_refused_without_head(binary, store):
    head = next(name for name in execute(store, "SHOW TABLES FROM viridian").split()
                if name.startswith("head_"))
    leases = [name for name in execute(store, "SHOW TABLES FROM viridian").split()
              if name.startswith("lease_")]
    for name in [head, *leases]:
        execute(store, f"DROP TABLE viridian.{name}")
    tried = subprocess.run(server_on(binary, store, "refused").command(), text=True, timeout=60,
                           capture_output=True)
    assert tried.returncode != 0, tried
    found = re.search(r"(head_\S+) loses nothing", tried.stderr + tried.stdout)
    assert found and found[1] == head, (head, tried.stderr, tried.stdout)
    execute(store, f"CREATE TABLE viridian.{head} (nothing UInt8) ENGINE = Memory")


def main(binary):
    if lacking := shared_servers.missing("clickhouse"):
        print(f"SKIPPED: {lacking}")
        sys.exit(harness.SKIPPED)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="viridian-backup-"))
    saved = directory / "saved"
    stores = []
    try:
        stores.append(shared_servers.Store("private-clickhouse", directory / "old").start())
        server = server_on(binary, stores[0], "old").start()
        collections = fill(server)
        expected = [everything(server, collection) for collection in collections]
        print(backup("save", stores[0], saved).strip())
        write(server, collections[1], "upsert", records(900, 5))  # after the backup
        backup("restore", stores[0], saved, ok=False)  # there is a database already
        assert server.stop() == 0

        stores.append(shared_servers.Store("private-clickhouse", directory / "new").start())
        print(backup("restore", stores[1], saved).strip())
        is_refused_without_head(binary, stores[1])
        works_on(binary, stores[1], collections, expected)

        with open(saved / "records.native", "ab") as file:
            file.write(b"x")
        assert "not as it was saved" in backup("restore", stores[1], saved, ok=False)
    finally:
        for store in stores:
            store.run("kill", stdout=subprocess.DEVNULL)
        shutil.rmtree(directory, ignore_errors=True)


main(*sys.argv[1:])
