"""./dev run, as somebody who tries Viridian out: it serves until it is told to stop, and then nothing
of it is left.
run_test.py BINARY"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"
WORDS = 5000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        assert answer.status == 200, (path, answer.status, body)
        return body
    finally:
        connection.close()


def left_of(session):
    """Its processes, but not those that are only not waited for."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = entry.read_text().rpartition(")")
        except OSError:
            continue
        state, _, _, its_session = rest.split()[:4]
        if int(its_session) == session and state != "Z":
            found.append(name)
    return found


def command(binary, directory, port):
    return [ROOT / "dev", "run", "--program", binary, "--data", directory, "--port", str(port)]


def serves_until_told(binary, end_by, *flags):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="viridian-run-"))
    port = free_port()
    process = subprocess.Popen([*command(binary, directory, port), *flags], start_new_session=True,
                               text=True, stdout=subprocess.PIPE)
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "Stop with Ctrl-C" in line:
                break
        assert process.poll() is None, "".join(said)
        time.sleep(2)
        assert process.poll() is None, "it did not go on serving"
        words = next(one["id"] for one in ask(port, BASE) if one["name"] == "words")
        assert ask(port, f"{BASE}/{words}/count") == WORDS
        # Somebody else starts one in the same place, in vain.
        second = subprocess.run([*command(binary, directory, free_port()), "--once", *flags],
                                text=True, timeout=120, capture_output=True)
        assert second.returncode != 0, second.stdout
        assert process.poll() is None, second.stderr
        ask(port, "/readyz")  # ClickHouse is asked, too
        assert ask(port, f"{BASE}/{words}/count") == WORDS
        process.send_signal(end_by)
        assert process.wait(60) == 0, process.returncode
        assert not left_of(process.pid), left_of(process.pid)
    finally:
        if left_of(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    serves_until_told(binary, signal.SIGINT)
    if shutil.which("clickhouse-server", path=os.environ["PATH"] + ":/usr/sbin"):
        serves_until_told(binary, signal.SIGTERM, "--clickhouse")
    else:
        print("clickhouse-server is not installed: only servers without it were tried")


main()
