"""deploy/backup-clickhouse: what is saved while a server works comes back in another ClickHouse, and is
written on. Without the name of the catalogue's newest version no server starts, and it says what to do.
backup_test.py BINARY"""
import http.server
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import shutil
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import shared_servers  # noqa: E402

SCRIPT = shared_servers.DEPLOY / "backup-clickhouse"
FLAGS = ["--lease.ttl_ms", "2000"]


def backup(verb, store, directory, ok=True, **environment):
    done = subprocess.run([SCRIPT, verb, store.url(), directory], text=True, capture_output=True,
                          env={**os.environ, **environment})
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


class Scripted:
    """Answers the question for tables with one list after the other, and all else with nothing, or
    with an error; notes what it is asked."""

    def __init__(self, *lists, error=None):
        self.asked, self.passwords, self.lists, self.error = [], set(), list(lists), error
        scripted = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                _, _, inline = urllib.parse.unquote(self.path).partition("?query=")
                scripted.passwords.add(self.headers.get("X-ClickHouse-Key"))
                answer = scripted.answer(inline or body.decode())
                self.send_response(500 if scripted.error else 200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, sql):
        self.asked.append(sql)
        if self.error or not sql.startswith("SHOW TABLES"):
            return self.error or ""
        return self.lists.pop(0) if self.lists else ""

    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"


def says_what_clickhouse_says(empty, saved):
    refusing = Scripted(error="Code: 60, its own words")
    password = 'a"b\\c\\"'
    for verb, directory in (("save", empty), ("restore", saved)):
        said = backup(verb, refusing, directory, ok=False, VIRIDIAN_CLICKHOUSE_PASSWORD=password)
        assert "its own words" in said and "tables" not in said, said
        assert refusing.passwords == {password}, refusing.passwords
    assert not list(empty.iterdir())


def waits_while_the_head_is_renamed(directory):
    changing = Scripted("head_1_a\nhead_2_b\n", "head_2_b\n", "head_2_b\nhead_3_c\n", "head_2_b\n")
    assert "head_2_b" in backup("save", changing, directory / "renamed")


def notices_a_server_that_began_anew(saved):
    raced = Scripted("", "records\nhead_0_x\n")
    said = backup("restore", raced, saved, ok=False)
    assert "began anew" in said, said
    assert not any("CREATE TABLE viridian.head_" in sql for sql in raced.asked), raced.asked
    filled = [sql.split()[2] for sql in raced.asked if sql.startswith("INSERT")]
    assert filled[0] == "viridian.sysdb_log", filled
    # Before the catalogue is there, there is nothing for a server to begin with.
    assert raced.asked.index("INSERT INTO viridian.sysdb_log FORMAT Native") == 3, raced.asked


def goes_to_another_database(store, saved):
    backup("restore", store, saved, VIRIDIAN_CLICKHOUSE_DATABASE="another")
    for table in ("records", "record_log", "sysdb_log", "schema_migrations"):
        counts = [execute(store, f"SELECT count() FROM {database}.{table}")
                  for database in ("viridian", "another")]
        assert counts[0] == counts[1] != "0\n", (table, counts)
    assert execute(store, "SHOW TABLES FROM another").count("head_") == 1
    execute(store, "DROP DATABASE another")


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
        says_what_clickhouse_says(directory / "empty", saved)
        waits_while_the_head_is_renamed(directory)
        notices_a_server_that_began_anew(saved)
        print(backup("restore", stores[1], saved).strip())
        goes_to_another_database(stores[1], saved)
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
