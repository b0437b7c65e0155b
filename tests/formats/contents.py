"""What a format fixture holds: written once by the version whose format it keeps, and read back as
one JSON value by every later version."""
import math
import pathlib
import random
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import harness  # noqa: E402

SEAL_RECORDS = 40
# Small files, so that there are many of each kind; nothing is sealed for its age.
FLAGS = ["--segment.seal_records", str(SEAL_RECORDS), "--segment.seal_seconds", "86400",
         "--log.segment_bytes", "4096"]
INCLUDE = ["documents", "metadatas", "embeddings", "uris"]
WORDS = "ash birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew".split()
OTHER_DATABASE = "/api/v2/tenants/another/databases/second"
# What depends on the machine or may change without a change of what is stored.
VOLATILE = {"num_threads", "log_position", "version"}
REMOVED_EVERY, UPDATED_EVERY = 7, 5


def metadata_of(n):
    """Every type there is, the extremes among them; every 11th record has none."""
    if n % 11 == 0:
        return None
    value = {"n": n, "word": WORDS[n % len(WORDS)], "half": n / 2, "even": n % 2 == 0}
    if n % 3 == 0:
        value.update({"words": WORDS[n % 5:n % 5 + 3], "numbers": [n, -n, 2**53 + 1],
                      "floats": [0.1 * n, -0.0], "flags": [True, n % 2 == 0]})
    if n % 4 == 0:
        value.update({"große Schlüssel ✓": "ünïcödé \u0001 \U0001f332", "empty": "",
                      "least": -2**63, "most": 2**63 - 1, "tiny": 5e-324, "huge": 1.7e308})
    return value


def record(n, dimension, version=0, id_=None):
    random_ = random.Random(n * 1000 + version)
    return {
        "ids": id_ or f"id-{n:04}",
        # Eighths, which are exact in floats and small in an archive.
        "embeddings": [random_.randrange(-64, 64) / 8 for _ in range(dimension - 1)] + [1.0],
        "documents": None if n % 6 == 5 else f"{WORDS[n % 14]} {WORDS[n % 13]} number {n} v{version}",
        "metadatas": metadata_of(n) if version == 0 else {"n": n, "version": version},
        "uris": f"file:///forest/{n}" if n % 5 == 0 else None,
    }


def columns(records):
    return {name: [r[name] for r in records] for name in records[0]}


class Writer:
    """Fills one collection and knows which ids it must have in the end."""

    def __init__(self, server, directory, name, dimension, id_of=None, database=None, **body):
        self.server, self.directory, self.dimension = server, pathlib.Path(directory), dimension
        self.id_of = id_of or (lambda n: f"id-{n:04}")
        status, answer = server.call("POST", f"{database or harness.DATABASE}/collections",
                                     {"name": name, **body})
        assert status == 200, (status, answer)
        self.id, self.path = answer["id"], f"{database or harness.DATABASE}/collections/{answer['id']}"
        self.ids = set()

    def write(self, verb, numbers, version=0):
        body = columns([record(n, self.dimension, version, self.id_of(n)) for n in numbers])
        if verb == "update":
            del body["embeddings"]
        self.call(verb, body)
        if verb != "update":  # which makes no records
            self.ids |= set(body["ids"])

    def remove(self, numbers):
        ids = [self.id_of(n) for n in numbers]
        self.call("delete", {"ids": ids})
        self.ids -= set(ids)

    def call(self, verb, body):
        status, answer = self.server.call("POST", f"{self.path}/{verb}", body)
        assert status in (200, 201), (verb, status, answer)

    def sealed_files(self):
        return len(list((self.directory / "segments" / self.id).glob("*.meta")))

    def seal(self):
        """Waits until what was written is in files: by order where the version takes it, else by
        writing as much as it seals by itself."""
        status, _ = self.server.call("POST", f"{self.path}/flush", {})
        if status == 200:
            return
        before, deadline = self.sealed_files(), time.monotonic() + 60
        for n in range(SEAL_RECORDS):
            self.call("upsert", columns([record(9000 + n, self.dimension, 0, self.id_of(9000))]))
        self.ids.add(self.id_of(9000))
        while self.sealed_files() == before:
            assert time.monotonic() < deadline, "nothing was sealed"
            time.sleep(0.01)

    def history(self, rounds, tail=True):
        """Sealed files whose rows are replaced and removed by later files and by the log's tail."""
        for round_ in range(rounds):
            first = round_ * 30
            self.write("add", range(first, first + 30))
            if round_:
                self.write("upsert", range(first - 30, first, UPDATED_EVERY), round_)
                self.remove(range(first - 29, first, REMOVED_EVERY))
            self.seal()
        if tail:
            self.write("add", range(1000, 1012))
            self.write("update", range(1, 30 * rounds, 13), 8)
            self.remove([0, 1003])


def schema(space, without=None):
    keys = {"#embedding": {"float_list": {"vector_index": {
        "enabled": True, "config": {"space": space}}}}}
    if without:
        keys[without] = {"int": {"int_inverted_index": {"enabled": False, "config": {}}}}
    return {"defaults": {}, "keys": keys}


def write_all(server, directory):
    """Makes the fixture's collections; answers name -> ids."""
    server.call("POST", "/api/v2/tenants", {"name": "another"})
    server.call("POST", "/api/v2/tenants/another/databases", {"name": "second"})
    make = lambda *args, **kwargs: Writer(server, directory, *args, **kwargs)  # noqa: E731
    writers = {
        "l2_many_files": make("l2_many_files", 6),
        "cosine": make("cosine", 5, configuration={"hnsw": {"space": "cosine"}},
                       metadata={"about": "trees", "n": 1, "f": 0.5, "yes": True}),
        "ip_schema": make("ip_schema", 4, schema=schema("ip", without="n")),
        "legacy_space": make("legacy_space", 3, metadata={"hnsw:space": "cosine"}),
        "uuids": make("uuids", 4, id_of=lambda n: str(uuid.UUID(int=n * 0x1234567890abcdef1234567))),
        "only_log": make("only_log", 3),
        "all_deleted": make("all_deleted", 3),
        "empty": make("empty", 2, metadata={"never": "written"}),
        "elsewhere": make("elsewhere", 2, database=OTHER_DATABASE),
    }
    writers["l2_many_files"].history(4)
    writers["cosine"].history(2)
    writers["ip_schema"].history(1)
    writers["uuids"].history(2)
    writers["elsewhere"].history(1, tail=False)
    writers["legacy_space"].write("add", range(5))
    writers["only_log"].write("add", range(20))
    writers["only_log"].remove(range(0, 20, 3))
    writers["only_log"].write("upsert", range(0, 20, 4), 3)
    writers["all_deleted"].write("add", range(25))
    writers["all_deleted"].seal()
    writers["all_deleted"].remove(range(25))
    if writers["all_deleted"].ids:
        writers["all_deleted"].remove([9000])
    status, _ = server.call("PUT", writers["legacy_space"].path,
                            {"new_name": "renamed", "new_metadata": {"changed": True}})
    assert status == 200
    writers["renamed"] = writers.pop("legacy_space")
    gone = make("dropped", 2)
    gone.write("add", range(3))
    assert server.call("DELETE", f"{harness.DATABASE}/collections/dropped")[0] == 200
    return {name: sorted(writer.ids) for name, writer in writers.items()}


def stable(value):
    if isinstance(value, dict):
        return {k: stable(v) for k, v in value.items() if k not in VOLATILE}
    return [stable(v) for v in value] if isinstance(value, list) else value


QUERIES = [
    {},
    {"where": {"word": {"$in": ["oak", "elm"]}}},
    {"where": {"$or": [{"half": {"$gt": 40.0}}, {"even": True}]}},
    {"where": {"words": {"$contains": "cedar"}}},
    {"where": {"version": {"$gte": 1}}},
    {"where_document": {"$contains": "number 2"}},
    {"where_document": {"$regex": "v[1-9]$"}},
]


def state_of(server):
    """Everything the server holds, as one value."""
    state = {}
    for database in (harness.DATABASE, OTHER_DATABASE):
        status, collections = server.call("GET", f"{database}/collections")
        assert status == 200, (status, collections)
        for collection in collections:
            path = f"{database}/collections/{collection['id']}"
            ask = lambda verb, body: server.call("POST", f"{path}/{verb}", body)  # noqa: B023,E731
            status, count = server.call("GET", f"{path}/count")
            assert status == 200, (collection["name"], status, count)
            status, got = ask("get", {"include": INCLUDE})
            assert status == 200, (collection["name"], status, got)
            entry = {"collection": collection, "count": count, "get": got, "queries": []}
            for query in QUERIES if collection["dimension"] else []:
                point = [0.5] * (collection["dimension"] - 1) + [1.0]
                status, answer = ask("query", {"query_embeddings": [point], "n_results": 5,
                                               "include": ["distances"], **query})
                assert status in (200, 400), (collection["name"], query, status, answer)
                entry["queries"].append({"ids": answer["ids"], "distances": answer["distances"]}
                                        if status == 200 else "refused")
            state[collection["name"]] = stable(entry)
    return state


def differences(expected, found, where=""):
    """Where two states differ. Distances may differ by rounding: machines add in another order."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            if key not in expected or key not in found:
                yield f"{where}/{key} is {'missing' if key in expected else 'new'}"
            else:
                yield from differences(expected[key], found[key], f"{where}/{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for i, (a, b) in enumerate(zip(expected, found)):
            yield from differences(a, b, f"{where}/{i}")
    elif isinstance(expected, float) and isinstance(found, float) and "/distances/" in where:
        if not math.isclose(expected, found, rel_tol=1e-5, abs_tol=1e-5):
            yield f"{where}: {expected} became {found}"
    elif type(expected) is not type(found) or repr(expected) != repr(found):
        yield f"{where}: {str(expected)[:200]} became {str(found)[:200]}"
