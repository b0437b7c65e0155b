"""Runs scenario.py on everything that is to answer it like Chroma, and compares the answers.

usage: scenario_test.py PACKAGE_ROOT VIRIDIAN_BINARY [--record]
Chroma's own answers are in chroma-1.5.9.json (--record writes them). Where the real Chroma can be
installed they are asked for again, its clients are run on the drop-in component, and the client of
servers on a server of Chroma's.
"""
import contextlib
import json
import math
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import interpreters
from interpreters import harness

HERE = pathlib.Path(__file__).parent
RECORDED = HERE / "chroma-1.5.9.json"


def same(expected, got):
    """Whether two values are equal; numbers nearly, since distances are summed in some order."""
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=1e-5, abs_tol=1e-6)
    return expected == got


def differences(expected, got, path=""):
    """Where two answers differ, one a line."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted({*expected, *got}):
            yield from differences(expected.get(key), got.get(key), f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for i, (one, other) in enumerate(zip(expected, got)):
            yield from differences(one, other, f"{path}/{i}")
    elif not same(expected, got):
        yield f"{path}: {json.dumps(expected)[:200]} expected, {json.dumps(got)[:200]} came"


def answers(python, package, *arguments):
    # An unchanged program of Chroma's, which scenario.py is for the backend chromadb, on this library.
    program, backend = [HERE / "scenario.py"], arguments
    if arguments == ("unchanged",):
        program, backend = ["-m", "viridian.chroma", *program], ("chromadb",)
    done = interpreters.run(python, *program, *backend, package=package,
                            preload=arguments != ("chromadb",))
    return json.loads(done.stdout) if done.returncode == 0 else {"ended with": done.returncode}


@contextlib.contextmanager
def chroma_server(python, directory):
    """The port of a server of Chroma's own."""
    port = harness.free_port()
    server = subprocess.Popen(
        [python, "-c", "from chromadb.cli.cli import app; app()", "run", "--path", directory, "--port",
         str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.05)
        yield port
    finally:
        server.kill()
        server.wait()


def main(package, binary, *flags):
    python, chroma = interpreters.numpy(), interpreters.chromadb()
    if python is None:
        print("SKIPPED: no NumPy can be had")
        sys.exit(harness.SKIPPED)
    if "--record" in flags:
        RECORDED.write_text(json.dumps(answers(chroma, package, "chromadb"), indent=0) + "\n")
    expected, failed = json.loads(RECORDED.read_text()), False
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as servers:
        server = servers.enter_context(harness.running(binary))
        runs = [(python, "ephemeral"), (python, "persistent", f"{directory}/a"),
                (python, "http", f"127.0.0.1:{server.port}")]
        if chroma is None:
            print(f"{interpreters.CHROMA} could not be installed: its recorded answers must do")
        else:
            runs += [(chroma, "chromadb"), (chroma, "component", f"{directory}/b"),
                     (chroma, "unchanged")]
            port = servers.enter_context(chroma_server(chroma, f"{directory}/c"))
            runs.append((python, "http", f"127.0.0.1:{port}"))
        for interpreter, *arguments in runs:
            found = list(differences(expected, answers(interpreter, package, *arguments)))
            print(f"{' '.join(arguments)}: {len(found)} differences", *found, sep="\n  ")
            failed = failed or bool(found)
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
