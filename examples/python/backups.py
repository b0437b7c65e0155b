"""Keeps a snapshot, loses a collection and gets it back; moves a collection by a file.

    python backups.py [PROGRAM]

A snapshot holds all collections at one moment, and lies in the data directory unless the setting
`snapshots.path` says where else. Here the program `viridian` opens the directory, which no client
has open then; with --url it asks a server, while that goes on.

Needs: viridian, NumPy, and the program `viridian`: on the PATH, or given as PROGRAM.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import viridian
from viridian.embedding_functions import HashingEmbeddingFunction

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "viridian"


def command(*words):
    """What the program prints; CalledProcessError where it fails."""
    return subprocess.run([PROGRAM, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


with tempfile.TemporaryDirectory() as directory:
    data = str(pathlib.Path(directory) / "data")
    with viridian.PersistentClient(data) as client:
        poems = client.create_collection("poems", embedding_function=HashingEmbeddingFunction())
        poems.add(ids=["tyger", "daffodils"], documents=["Tyger tyger, burning bright",
                                                         "I wandered lonely as a cloud"])

    command("snapshot", "create", "monday", "--path", data)
    command("snapshot", "verify", "monday", "--path", data)
    with viridian.PersistentClient(data) as client:
        client.delete_collection("poems")
        print("after the mistake:", client.count_collections(), "collections")

    command("snapshot", "restore", "monday", "--path", data)
    with viridian.PersistentClient(data) as client:
        poems = client.get_collection("poems")
        found = poems.query(query_texts="a burning tyger", n_results=1)["ids"][0]
        print("after the restore:", poems.count(), "poems; nearest to a burning tyger:", *found)

    # A file that other programs read: one record a line, with its vector.
    file = pathlib.Path(directory) / "poems.jsonl"
    command("export", "poems", str(file), "--path", data)
    print("in the file:", [json.loads(line)["id"] for line in file.open()])
    command("import", "copy", str(file), "--space", "cosine", "--path", data)
    print("in the copy:", command("count", "copy", "--path", data).strip())
