"""Runs the gallery's programs and looks at what they print, and that they leave nothing behind.

usage: examples_test.py PACKAGE_ROOT VIRIDIAN_BINARY
Those that need a framework are run by frameworks_test.py.
"""
import contextlib
import http.server
import json
import pathlib
import re
import sys
import tempfile
import threading

import interpreters
from interpreters import harness

GALLERY = pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"
# Of each program: what its output has to match.
EXPECTED = {
    "rag.py": r"^\d\d\d passages; nearest: .*\.md#\d+, .*\n(.*\n)*- To restore(.*\n)*"
              r"Question: How do I restore a snapshot under another name\?\n",
    "image_search.py": r"any colour:\n(.* green rows, .*\n){3}"
                       r".* not green:\n(.* (red|blue) rows, .*\n){3}",
    "deduplication.py": r"^a = c = e\nb = f\nd\ng\nkept 4 of 7: a, b, d, g\n$",
    "filters.py": r"^is: moby\nbetween two dates: moby walden\none of: emma alice\n"
                  r"none of: moby island walden\na list that contains: moby island\n"
                  r"a list that does not: alice walden\neither: alice walden\n"
                  r"text contains: moby island\ntext does not contain: emma alice walden\n"
                  r"text matches a regular expression: walden\ntext both: walden\n"
                  r"nearest of those that match both kinds: moby walden\n$",
    "folder_sync.py": r"3 written, 0 deleted, 3 there\n.* 0 written, 0 deleted, 3 there\n"
                      r".* 1 written, 1 deleted, 2 there\nabout four minutes: tea.txt\n$",
    "more_like_this.py": r"^like Moon Base: Signal from Vega, The Long Orbit\n"
                         r"for .*: Robots in Love, Space Janitors\n$",
    "tenants.py": r"bakery: 2 orders, apples: a crate of apples\nbakery: 0 .*\n"
                  r"garage: 3 orders, apples: apples for the break\ngarage: 0 .*\n"
                  r".*{'bakery': \['test'\], 'garage': \['live', 'test'\]}\n$",
    "backups.py": r"mistake: 0 .*\n.* 2 poems; nearest to a burning tyger: tyger\n"
                  r".*\['tyger', 'daffodils'\]\nin the copy: 2\n$",
    "server_and_library.py": r"viridian.HttpClient: \[\['nile'\]\]\n(.*\n)?"
                             r"in the process: \[\['nile'\]\]\n$",
}
FRAMEWORKS = {"with_langchain.py", "with_llamaindex.py"}
NEEDS_THE_PROGRAM = {"backups.py", "server_and_library.py"}


def failures(python, package, name, *arguments, expected):
    """What is wrong with a run of one program, in a directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        done = interpreters.run(python, GALLERY / name, *arguments, package=package,
                                directory=directory)
        if done.returncode != 0:
            yield f"{name} ended with {done.returncode}"
        elif not re.search(expected, done.stdout):
            yield f"{name} printed:\n{done.stdout}"
        left = sorted(path.name for path in pathlib.Path(directory).iterdir())
        if left:
            yield f"{name} left {left}"


@contextlib.contextmanager
def language_model():
    """The address of a server that answers a chat with the last line of its message."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt = body["messages"][0]["content"]
            said = f"{body['model']} was asked: {prompt.splitlines()[-1]}"
            answer = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
            self.send_response(200 if self.path == "/v1/chat/completions" else 404)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def rag_failures(python, package):
    """The same of the RAG program on a folder of one's own, with a model that answers."""
    with tempfile.TemporaryDirectory() as folder, language_model() as llm:
        (pathlib.Path(folder) / "cat.md").write_text("The cat sleeps on the stove")
        (pathlib.Path(folder) / "dog.txt").write_text("The dog guards")
        (pathlib.Path(folder) / "picture.png").write_bytes(b"\xff")
        arguments = ("--folder", folder, "Where does the cat sleep?")
        yield from failures(python, package, "rag.py", *arguments, expected=(
            r"^2 passages; nearest: cat.md#0, dog.txt#0\n"
            r"(.*\n)*\[cat.md\]\nThe cat sleeps on the stove\n"))
        yield from failures(python, package, "rag.py", "--llm", llm, "--model", "parrot",
                            *arguments, expected=(
                                r"\nparrot was asked: Question: Where does the cat sleep\?\n$"))


def main(package, binary):
    python, chroma = interpreters.numpy(), interpreters.chromadb()
    if python is None:
        print("SKIPPED: no NumPy can be had")
        sys.exit(harness.SKIPPED)
    readme, found = (GALLERY / "README.md").read_text(), []
    for name in sorted(path.name for path in GALLERY.glob("*.py")):
        if f"]({name})" not in readme:
            found.append(f"{name} is not in the gallery's README")
        if name in FRAMEWORKS:
            continue
        arguments = [binary] if name in NEEDS_THE_PROGRAM else []
        found += failures(python, package, name, *arguments, expected=EXPECTED[name])
    found += rag_failures(python, package)
    if chroma is None:
        print(f"{interpreters.CHROMA} could not be installed: its client was not tried")
    else:
        found += failures(chroma, package, "server_and_library.py", binary,
                          expected=r"chromadb.HttpClient: \[\['nile'\]\]")
    print(f"{len(found)} failures", *found, sep="\n  ")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
