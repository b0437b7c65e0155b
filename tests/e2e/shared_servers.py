"""Servers that share the data of a private ClickHouse, and a proxy that sends each request to a
random one of them."""
import contextlib
import http.client
import http.server
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading

import harness

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"


def missing(scheme):
    """What this machine lacks for that, or None."""
    paths = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    if not shutil.which("clickhouse-server", path=paths):
        return "clickhouse-server is not installed"
    if scheme == "postgres" and not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        return "postgresql is not installed"
    return None


class Store:
    """A private ClickHouse or PostgreSQL, by its script."""

    def __init__(self, script, directory):
        self.script, self.directory = str(DEPLOY / script), str(directory)

    def run(self, verb, **options):
        return subprocess.run([self.script, verb, self.directory], check=True, text=True, **options)

    def start(self):
        self.run("start", stdout=subprocess.DEVNULL)
        return self

    def url(self):
        return self.run("url", stdout=subprocess.PIPE).stdout.strip()


class SharedServer(harness.Server):
    """A `viridian serve` process without data of its own."""

    def __init__(self, binary, name, flags):
        super().__init__(binary, "unused", *flags, "--node.id", name)

    def command(self):
        return [self.binary, "serve", "--port", str(self.port), *self.flags]


class RandomProxy:
    """Speaks HTTP on a port of its own; each request goes to a random server."""

    def __init__(self, ports, seed=1):
        self.ports, self.random, self.lock = list(ports), random.Random(seed), threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                proxy.pass_on(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = pass_on

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that hangs up is no news

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def choose(self):
        with self.lock:
            return self.random.choice(self.ports)

    def pass_on(self, request):
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        headers = {name: value for name, value in request.headers.items()
                   if name.lower() not in ("host", "connection", "content-length")}
        connection = http.client.HTTPConnection("127.0.0.1", self.choose(), timeout=120)
        try:
            connection.request(request.command, request.path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        request.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "date", "server"):
                request.send_header(name, value)
        request.send_header("content-length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def running(binary, scheme="clickhouse", count=1, flags=()):
    """`count` servers over fresh stores; all is gone afterwards. `scheme`: where the catalogue is.
    Gives the servers and the stores."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="viridian-shared-"))
    directory.chmod(0o755)  # a store may run as another user
    stores, servers = [], []
    try:
        stores.append(Store("private-clickhouse", directory / "clickhouse").start())
        arguments = ["--clickhouse", stores[0].url(), *flags]
        if scheme == "postgres":
            stores.append(Store("private-postgres", directory / "postgres").start())
            arguments += ["--postgres", stores[1].url()]
        for i in range(count):
            servers.append(SharedServer(binary, f"server-{i}", arguments).start())
        yield servers, stores
        for server in servers:
            code = server.stop()
            if code != 0:
                raise RuntimeError(f"a server ended with {code} on SIGTERM")
    finally:
        for server in servers:
            if server.process and server.process.poll() is None:
                server.kill()
        for store in stores:
            store.run("kill", stdout=subprocess.DEVNULL)
        shutil.rmtree(directory, ignore_errors=True)
