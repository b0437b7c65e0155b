"""Viridian and Chroma, by the same light client: Python's http.client, one connection that is kept."""
import base64
import contextlib
import http.client
import json
import pathlib
import sys
import time

from engine import Engine, Unable

sys.path += [str(pathlib.Path(__file__).resolve().parents[1]),
             str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "e2e")]
import chroma  # noqa: E402
import harness  # noqa: E402

COLLECTIONS = f"{harness.DATABASE}/collections"
TIMEOUT = 60  # seconds for a question
LONG = 3600  # seconds for a load, a flush or a delete
HEADERS = {"content-type": "application/json"}


class Http(Engine):
    """A server of Chroma's HTTP interface; `start` starts it on a directory."""
    in_process = False

    def __init__(self, directory):
        super().__init__(directory)
        self.server, self.connection, self.ids_of = self.start(str(self.directory / "data")), None, {}

    def start(self, directory):
        """Its process on that directory."""
        raise NotImplementedError

    def close(self):
        self.server.stop()

    def call(self, method, path, body, timeout=LONG):
        """The answer's bytes."""
        if self.connection is None:
            self.refresh()
        self.connection.sock.settimeout(timeout)
        try:
            self.connection.request(method, path, body, HEADERS)
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            raise
        if response.status >= 300:
            raise Unable(f"{response.status} {text[:300].decode(errors='replace')}")
        return text

    def refresh(self):
        if self.connection:
            self.connection.close()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        self.connection.connect()

    def recover(self):
        self.server.stop()
        self.server = self.start(str(self.directory / "data"))
        self.refresh()

    def create(self, set_):
        body = {"name": f"set-{set_.name}", "configuration": {"hnsw": {"space": "cosine"}}}
        with contextlib.suppress(Unable):
            self.call("DELETE", f"{COLLECTIONS}/{body['name']}", None)
        self.call("POST", COLLECTIONS, json.dumps(body))

    def present(self, set_):
        with contextlib.suppress(Unable):
            return int(self.call("GET", f"{self.path(set_)}/count", None))
        return 0

    def path(self, set_):
        """Of a set's collection."""
        if set_.name not in self.ids_of:
            answer = self.call("GET", f"{COLLECTIONS}/set-{set_.name}", None)
            self.ids_of[set_.name] = json.loads(answer)["id"]
        return f"{COLLECTIONS}/{self.ids_of[set_.name]}"

    def batch(self, set_, rows):
        body = json.dumps({
            "ids": [str(row) for row in rows],
            "embeddings": [base64.b64encode(set_.vectors[row].tobytes()).decode() for row in rows],
            "documents": [set_.documents[row] for row in rows],
            "metadatas": [set_.metadata(row) for row in rows]})
        path = self.path(set_) + "/add"
        return lambda: self.call("POST", path, body)

    def request(self, set_, request):
        path = self.path(set_)
        if request.count:
            return lambda: self.call("GET", f"{path}/count", None, TIMEOUT)
        body = {"include": list(request.include)}
        for name in ("where", "where_document", "ids", "limit", "offset"):
            if getattr(request, name) is not None:
                body[name] = getattr(request, name)
        if request.vector is not None:
            body |= {"query_embeddings": [request.vector.tolist()], "n_results": request.n_results}
        path += "/get" if request.vector is None else "/query"
        text = json.dumps(body)
        return lambda: self.call("POST", path, text, TIMEOUT)

    def ids(self, answer):
        found = json.loads(answer)["ids"]
        return found[0] if found and isinstance(found[0], list) else found

    def delete(self, set_, where):
        path, body = self.path(set_) + "/delete", json.dumps({"where": where})
        return lambda: json.loads(self.call("POST", path, body))["deleted"]


class Viridian(Http):
    """This repository's server on a directory. Nothing is kept for the next run: it is loaded anew, since
    what it keeps on disk is what is worked on."""
    name, cached = "Viridian", False
    program = None  # the path of its binary, set by run.py

    def start(self, directory):
        return harness.Server(self.program, directory).start(120)

    def seal(self, set_):
        self.call("POST", f"{self.path(set_)}/compact", b"{}")


class Chroma(Http):
    """Chroma's own server."""
    name = "Chroma"
    program = None  # the path of `chroma`, set by run.py

    def start(self, directory):
        server = chroma.Chroma(self.program, directory)
        time.sleep(0.5)
        return server
