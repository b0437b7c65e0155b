"""Clients of several servers that share their data: each request goes to a random server, which may
be gone, frozen or without its database. What was acknowledged is remembered, and what may have
happened, too."""
import http.client
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fault"))
import harness  # noqa: E402
import model  # noqa: E402

PATIENCE = 12         # seconds that a client waits for an answer
BUSY = (429, 503, 504)  # "try again": done or not done, never half


class Servers:
    """The ports of those that live; any of them will do."""

    def __init__(self, servers):
        self.servers = list(servers)

    def choose(self, random_):
        return random_.choice(self.servers).port


class Writer(model.Writer):
    """Goes on whatever happens. A batch whose fate was not told is left alone from then on."""

    def __init__(self, servers, path, name, random_):
        super().__init__(servers.choose(random_), path, name, random_, {})
        self.client.close()
        self.servers, self.last_at, self.longest = servers, time.monotonic(), 0.0

    def run(self):
        client, port = None, None
        while not self.stop.is_set():
            if client is None or self.random.random() < 0.2:
                if client:
                    client.close()
                port = self.servers.choose(self.random)
                client = model.Client(port, timeout=PATIENCE)
            batch, version, verb, body = self.next_operation()
            self.pending = (batch, version)
            try:
                status, answer = client.call("POST", f"{self.path}/{verb}", body)
            except (OSError, http.client.HTTPException):
                status, answer, client = None, None, None
            if status in (None, *BUSY):
                self.unsure.setdefault(batch, set()).add(version)
                self.refused += 1
                self.stop.wait(0.05)
            elif status not in (200, 201):
                self.client.fail(f"{verb} by {port}: {status} {answer}")
            else:
                self.known[batch] = version
                self.acknowledged += 1
                now = time.monotonic()
                self.longest = max(self.longest, now - self.last_at)
                self.last_at = now
            self.pending = None
        if client:
            client.close()

    def settled(self):
        """Batches whose state nobody is about to change, as they must be read from now on."""
        pending = self.pending
        return {batch: version for batch, version in list(self.known.items())
                if batch not in self.unsure and (pending is None or pending[0] != batch)}


def read_whole(server, path, writers):
    """Reads a collection and compares it with what was acknowledged before. False: refused."""
    of_path = [writer for writer in writers if writer.path == path]
    before = [writer.settled() for writer in of_path]
    try:
        status, got = server.call("POST", f"{path}/get", {
            "include": ["documents", "metadatas", "embeddings"]}, timeout=PATIENCE)
    except (OSError, http.client.HTTPException):
        return False
    if status in BUSY:
        return False
    assert status == 200, (status, str(got)[:300])
    state = model.batches_of(got)
    for writer, known in zip(of_path, before):
        after = writer.settled()
        for batch, version in known.items():
            if after.get(batch) == version:
                assert state.get(batch, 0) == version, (
                    f"{path} by {server.flags[-1]}: {batch} is read in version "
                    f"{state.get(batch, 0)}, acknowledged was {version}")
    return True


class Reader(threading.Thread):
    """Reads collections through random servers and checks that whatever was acknowledged before is
    in the answer, and that no batch is there in part."""

    def __init__(self, servers, writers, random_):
        super().__init__()
        self.servers, self.writers, self.random = servers, writers, random_
        self.stop, self.reads, self.refused, self.error = threading.Event(), 0, 0, None

    def run(self):
        while not self.stop.is_set() and self.error is None:
            path = self.random.choice(self.writers).path
            try:
                if read_whole(self.random.choice(self.servers.servers), path, self.writers):
                    self.reads += 1
                    continue
            except Exception as error:  # noqa: BLE001: told by whoever waits for this thread
                self.error = error
            self.refused += 1
            self.stop.wait(0.05)


class Load:
    """Writers and readers on some collections."""

    def __init__(self, servers, paths, writers, readers, random_):
        self.writers = [Writer(servers, paths[i % len(paths)], f"w{i}",
                               type(random_)(random_.random())) for i in range(writers)]
        self.readers = [Reader(servers, self.writers, type(random_)(random_.random()))
                        for _ in range(readers)]
        self.paths, self.threads = paths, [*self.writers, *self.readers]
        for thread in self.threads:
            thread.start()

    def acknowledged(self, paths=None):
        return sum(w.acknowledged for w in self.writers if paths is None or w.path in paths)

    def wait_for_writes(self, paths=None, batches=5, seconds=60):
        """Until every writer of these collections was acknowledged some more: in what time."""
        begun = time.monotonic()
        writers = [w for w in self.writers if paths is None or w.path in paths]
        wanted = [w.acknowledged + batches for w in writers]
        while any(w.acknowledged < n for w, n in zip(writers, wanted)):
            self.check()
            lacking = [w.name_ for w, n in zip(writers, wanted) if w.acknowledged < n]
            assert time.monotonic() - begun < seconds, f"nothing is acknowledged of {lacking}"
            time.sleep(0.02)
        return time.monotonic() - begun

    def check(self):
        for reader in self.readers:
            if reader.error:
                raise reader.error

    def end(self):
        for thread in self.threads:
            thread.stop.set()
        for thread in self.threads:
            thread.join()
        self.check()

    def compare(self, servers):
        """Every server must have exactly what was acknowledged, and all the same."""
        for path in self.paths:
            states = []
            for server in servers:
                known = {}
                writers = [w for w in self.writers if w.path == path]
                for writer in writers:
                    known.update(writer.known)
                model.compare(server, path, known, writers)
                states.append({batch: version for batch, version in known.items() if version})
            assert all(state == states[0] for state in states), f"servers differ on {path}"

    def told(self):
        refused = sum(t.refused for t in self.threads)
        reads = sum(reader.reads for reader in self.readers)
        return (f"{self.acknowledged()} batches of {model.ROWS} acknowledged, {reads} whole reads, "
                f"{refused} answers that said to try again or none")


def create_collections(server, count):
    return [harness.create_collection(server, f"collection-{i}") for i in range(count)]
