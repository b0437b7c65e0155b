"""Writers that remember what was acknowledged, and the comparison of a server with what they know.

Each batch writes ROWS records that carry its name and version in every part, so that one read of
everything tells whether each batch is there whole, in which version, and with the right values.
"""
import base64
import hashlib
import http.client
import json
import os
import threading

ROWS = 7


def padding(text, pad):
    """`pad` bytes that belong to a text and that nothing can compress much."""
    return base64.b64encode(hashlib.shake_128(text.encode()).digest(pad * 3 // 4)).decode()


def body_of(batch, version, pad=0):
    rows = range(ROWS)
    texts = [f"batch {batch} version {version} row {r}" for r in rows]
    return {
        "ids": [f"{batch}/{r}" for r in rows],
        "embeddings": [[float(version), float(r), 0.5, float(len(batch))] for r in rows],
        "documents": [text + padding(text, pad) for text in texts],
        "metadatas": [{"batch": batch, "version": version, "row": r} for r in rows],
    }


class Client:
    """One keep-alive connection."""

    def __init__(self, port, timeout=60):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def call(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body),
                                {"content-type": "application/json"})
        response = self.connection.getresponse()
        data = response.read()
        return response.status, json.loads(data) if data else None

    def fail(self, message):
        """Ends the whole test from whatever thread."""
        print("refused:", message[:500], flush=True)
        os._exit(3)

    def close(self):
        self.connection.close()


class Writer(threading.Thread):
    """Writes until the connection breaks or `stop` is set; remembers what was acknowledged and what
    was under way. `full`: refusals because the disk is full are no failure, and are counted."""

    def __init__(self, port, path, name, random_, known, full=False, pad=0):
        super().__init__()
        self.client, self.path, self.name_, self.random, self.known = (
            Client(port), path, name, random_, known)
        self.full, self.pad = full, pad
        self.pending = None  # (batch, version after it; 0 = deleted)
        self.unsure = {}     # batch -> versions that were refused
        self.acknowledged = self.refused = 0
        self.stop = threading.Event()

    def run(self):
        try:
            while not self.stop.is_set():
                batch, version, verb, body = self.next_operation()
                self.pending = (batch, version)
                status, answer = self.client.call("POST", f"{self.path}/{verb}", body)
                if self.full and status in (429, 503):
                    # In the log whole or not at all, says the contract.
                    self.unsure.setdefault(batch, set()).add(version)
                    self.refused += 1
                    self.stop.wait(0.01)
                    continue
                if status not in (200, 201):
                    self.client.fail(f"{verb}: {status} {answer}")
                self.known[batch] = version
                self.unsure.pop(batch, None)
                self.pending = None
                self.acknowledged += 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.client.close()

    def next_operation(self):
        live = [b for b, v in list(self.known.items()) if v and b.startswith(self.name_ + "-")
                and b not in self.unsure]
        roll = self.random.random()
        if live and roll < 0.25:
            batch = self.random.choice(live)
            version = self.known[batch] + 1
            return batch, version, "upsert", body_of(batch, version, self.pad)
        if live and roll < 0.35:
            batch = self.random.choice(live)
            return batch, 0, "delete", {"where": {"batch": batch}}
        batch = f"{self.name_}-{len(self.known)}-{self.random.randrange(10**9)}"
        return batch, 1, "add", body_of(batch, 1, self.pad)


def batches_of(got, pad=0):
    """batch -> version of an answer to get, checked row by row."""
    rows = {}
    for i, id_ in enumerate(got["ids"]):
        batch, row = id_.rsplit("/", 1)
        rows.setdefault(batch, {})[int(row)] = (got["documents"][i], got["metadatas"][i],
                                                got["embeddings"][i])
    state = {}
    for batch, by_row in rows.items():
        version = by_row[min(by_row)][1]["version"]
        expected = body_of(batch, version, pad)
        assert len(by_row) == ROWS, f"half a batch: {batch} has rows {sorted(by_row)}"
        for r in range(ROWS):
            document, metadata, embedding = by_row[r]
            assert document == expected["documents"][r], (batch, r, document)
            assert metadata == expected["metadatas"][r], (batch, r, metadata)
            assert embedding == expected["embeddings"][r], (batch, r, embedding)
        state[batch] = version
    return state


def state_of(server, path, pad=0):
    """batch -> version of a whole collection that nobody writes to."""
    status, got = server.call("POST", f"{path}/get",
                              {"include": ["documents", "metadatas", "embeddings"]})
    assert status == 200, (status, str(got)[:300])
    state = batches_of(got, pad)
    status, count = server.call("GET", f"{path}/count")
    assert status == 200 and count == ROWS * len(state), (status, count, len(state))
    return state


def compare(server, path, known, writers, pad=0):
    """Every batch must be in its acknowledged version, or in one whose fate its writer was not
    told. `known` becomes what is there."""
    state = state_of(server, path, pad)
    unsure = {}
    for writer in writers:
        for batch, versions in writer.unsure.items():
            unsure.setdefault(batch, set()).update(versions)
        if writer.pending:
            unsure.setdefault(writer.pending[0], set()).add(writer.pending[1])
    for batch in set(known) | set(state) | set(unsure):
        there, acknowledged = state.get(batch, 0), known.get(batch, 0)
        allowed = {acknowledged} | unsure.get(batch, set())
        assert there in allowed, (f"{batch}: version {there} is there, acknowledged {acknowledged}, "
                                  f"of unknown fate {unsure.get(batch)}")
        known[batch] = there
