"""What the benchmark of servers over ClickHouse sends: records, and Native blocks of the same rows
for inserts that go past every server."""
import array
import base64
import http.client
import json
import time
import urllib.parse
import uuid

import load

DIMENSION = 384
IDLE = 5  # seconds, half of those after which ClickHouse closes a connection


class Records:
    """`count` records of 384 dimensions: the GloVe vectors of four words in a row, the words as the
    document, and the first word's metadata."""

    def __init__(self, count):
        words = load.Words(10**9)
        self.words, self.count = words.records, count
        row = 4 * words.dimension
        self.vectors = b"".join(words.vectors.row(i) for i in range(len(self.words)))
        self.row, self.dimension = row, DIMENSION
        assert 4 * words.dimension >= DIMENSION
        kind = "the full package" if len(self.words) > 100_000 else "the sample"
        self.source = f"the GloVe vectors of four words each, out of {len(self.words):,} ({kind})"

    def parts(self, i):
        """Which words record i is made of; no two records have the same."""
        n, turn = len(self.words), i // len(self.words)
        return [i % n, (7 * i + 1 + turn) % n, (31 * i + 5 + 3 * turn) % n, (101 * i + 11) % n]

    def vector(self, i):
        pieces = [self.vectors[w * self.row:(w + 1) * self.row] for w in self.parts(i)]
        return b"".join(pieces)[:4 * DIMENSION]

    def document(self, i):
        return " ".join(self.words[w]["document"] for w in self.parts(i))

    def metadata(self, i):
        return self.words[i % len(self.words)]["metadata"]

    def columns(self, numbers):
        """All but the ids, as JSON members."""
        return json.dumps({
            "embeddings": [base64.b64encode(self.vector(i)).decode() for i in numbers],
            "documents": [self.document(i) for i in numbers],
            "metadatas": [self.metadata(i) for i in numbers]})[1:]

    def body(self, numbers):
        ids = json.dumps([record_id(i) for i in numbers])
        return f'{{"ids": {ids}, {self.columns(numbers)}'.encode()

    def query(self, i, k=10, **more):
        """A vector that is near record i."""
        values = array.array("f", self.vector(i))
        values[i % DIMENSION] += 0.25
        return json.dumps({"query_embeddings": [list(values)], "n_results": k,
                           "include": ["distances"], **more}).encode()


def record_id(i):
    return f"w{i:07}"


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value):
    return varint(len(value)) + value


class BareRows:
    """Ready-made Native blocks of rows of record_log; numbers and ids are filled in for each."""

    def __init__(self, records, numbers):
        numbers = list(numbers)
        self.rows = rows = len(numbers)
        now = int(time.time())
        fill = lambda name, kind, data: text(name) + text(kind) + data  # noqa: E731
        texts = lambda values: b"".join(text(v.encode()) for v in values)  # noqa: E731
        ends = array.array("Q", range(DIMENSION, DIMENSION * (rows + 1), DIMENSION)).tobytes()
        self.head = varint(13) + varint(rows)
        self.collection = fill(b"collection_id", b"UUID", uuid.uuid4().bytes * rows)
        self.middle = (
            fill(b"epoch", b"UInt64", array.array("Q", [1] * rows).tobytes()) +
            fill(b"op", b"UInt8", bytes(rows)) +
            fill(b"flags", b"UInt8", b"\x0b" * (rows - 1) + b"\x4b"))
        self.end = (
            fill(b"vec", b"Array(Float32)", ends + b"".join(records.vector(i) for i in numbers)) +
            fill(b"meta", b"String", texts(json.dumps(records.metadata(i)) for i in numbers)) +
            fill(b"doc", b"String", texts(records.document(i) for i in numbers)) +
            fill(b"uri", b"String", bytes(rows)) +
            fill(b"prev_epoch", b"UInt64", bytes(8 * rows)) +
            fill(b"prev_last", b"UInt64", bytes(8 * rows)) +
            fill(b"ts", b"DateTime", array.array("I", [now] * rows).tobytes()))

    def block(self, first, ids):
        numbers = array.array("Q", range(first, first + self.rows)).tobytes()
        return b"".join((self.head, self.collection, text(b"seq") + text(b"UInt64") + numbers,
                         self.middle, text(b"id") + text(b"String"),
                         b"".join(text(i.encode()) for i in ids), self.end))


class ClickHouse:
    """One keep-alive connection to ClickHouse itself."""

    def __init__(self, url):
        self.url = url
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=300)
        self.used = time.monotonic()

    def ask(self, sql, body=None):
        """The answer's bytes. With a body the statement stands in the address."""
        path = "/?wait_end_of_query=1"
        if body is not None:
            path += "&" + urllib.parse.urlencode({"query": sql})
        if time.monotonic() > self.used + IDLE:
            self.connection.close()  # the next request opens it again
        self.connection.request("POST", path, sql.encode() if body is None else body)
        answer = self.connection.getresponse()
        data = answer.read()
        self.used = time.monotonic()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {data[:300]}")
        return data
