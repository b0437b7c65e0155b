"""Runs both official clients' scenarios against a real server.

usage: official_clients_test.py VIRIDIAN_BINARY [clickhouse|postgres]
With the name of a store the scenarios run against two servers over a private ClickHouse, with its
catalogue there or in PostgreSQL, each request going to a random one.
Installs the clients from their registries once; where a registry cannot be reached, that client's
scenario is skipped and said to be.
"""
import contextlib
import pathlib
import shutil
import subprocess
import sys

import harness
import shared_servers

HERE = pathlib.Path(__file__).parent
PYTHON_CLIENT = "chromadb-client==1.5.9"
NODE_CLIENT = "chromadb@3.5.0"


def python_client():
    root = harness.cached_tools("python-client")
    python = root / "bin" / "python"
    if not (root / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", root], check=True)
        if subprocess.run([python, "-m", "pip", "install", "-q", PYTHON_CLIENT]).returncode:
            return None
        (root / "installed").touch()
    return python


def node_client():
    if not shutil.which("node") or not shutil.which("npm"):
        return None
    root = harness.cached_tools("node-client")
    if not (root / "installed").exists():
        (root / "package.json").write_text('{"private": true}')
        if subprocess.run(["npm", "install", "--silent", NODE_CLIENT], cwd=root).returncode:
            return None
        (root / "installed").touch()
    return root / "node_modules"


@contextlib.contextmanager
def served(binary, store):
    """The port of a server, or of a proxy before two of them."""
    if not store:
        with harness.running(binary) as server:
            yield server.port
        return
    with shared_servers.running(binary, store, count=2) as (servers, _):
        proxy = shared_servers.RandomProxy([server.port for server in servers])
        try:
            yield proxy.port
        finally:
            proxy.stop()


def main(binary, store=None):
    lacking = store and shared_servers.missing(store)
    if lacking:
        print(f"SKIPPED: {lacking}")
        sys.exit(harness.SKIPPED)
    ran, failed = 0, 0
    with served(binary, store) as port:
        address = ["127.0.0.1", str(port)]
        python = python_client()
        if python:
            ran += 1
            failed += subprocess.run([python, HERE / "official_client.py", *address]).returncode != 0
        else:
            print(f"SKIPPED: {PYTHON_CLIENT} could not be installed")
        modules = node_client()
        if modules:
            ran += 1
            failed += subprocess.run(["node", HERE / "official_client.mjs", *address],
                                     env={"NODE_MODULES": str(modules),
                                          "PATH": "/usr/local/bin:/usr/bin:/bin"}).returncode != 0
        else:
            print(f"SKIPPED: {NODE_CLIENT} could not be installed (is Node.js there?)")
    sys.exit(1 if failed else 0 if ran else harness.SKIPPED)


main(*sys.argv[1:])
