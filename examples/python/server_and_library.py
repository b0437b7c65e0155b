"""One directory, first behind a server, then in the process.

    python server_and_library.py [PROGRAM]

Starts a server on a directory, writes through viridian.HttpClient, reads with Chroma's own client
too where that is installed, stops the server and opens the directory as a library.

Needs: viridian, NumPy, and the program `viridian`: on the PATH, or given as PROGRAM.
"""
import contextlib
import importlib.util
import re
import subprocess
import sys
import tempfile

import viridian
from viridian.embedding_functions import HashingEmbeddingFunction

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "viridian"
RIVERS = {"nile": "The Nile flows north", "danube": "The Danube flows east to the Black Sea"}
QUESTION = "which flows north"


@contextlib.contextmanager
def serving(directory):
    """The port of a server on the directory, which is stopped afterwards."""
    server = subprocess.Popen([PROGRAM, "serve", "--path", directory, "--port", "0"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        # Its first line says that it is ready, and where.
        yield int(re.search(r":(\d+)$", server.stdout.readline().strip())[1])
    finally:
        server.terminate()
        server.wait()


hashing = HashingEmbeddingFunction()
with tempfile.TemporaryDirectory() as directory:
    with serving(directory) as port:
        with viridian.HttpClient("127.0.0.1", port) as client:
            rivers = client.create_collection("rivers", embedding_function=hashing)
            rivers.add(ids=list(RIVERS), documents=list(RIVERS.values()))
            print("viridian.HttpClient:", rivers.query(query_texts=QUESTION, n_results=1)["ids"])
        if importlib.util.find_spec("chromadb"):
            import chromadb
            theirs = chromadb.HttpClient("127.0.0.1", port).get_collection(
                "rivers", embedding_function=None)
            found = theirs.query(query_embeddings=hashing([QUESTION]), n_results=1)["ids"]
            print("chromadb.HttpClient:", found)
    with viridian.PersistentClient(directory) as client:
        rivers = client.get_collection("rivers")
        print("in the process:", rivers.query(query_texts=QUESTION, n_results=1)["ids"])
