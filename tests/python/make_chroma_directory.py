"""Fills a directory with the real Chroma, and writes down what Chroma itself says is in it.

usage: make_chroma_directory.py DIRECTORY

Runs in an interpreter that has chromadb 0.4, 0.5, 0.6 or 1.x, and makes DIRECTORY/chroma and
DIRECTORY/expected.json. There are all types of metadata, updates, deletes, collections of each space,
another tenant and database; records in the vector files only, in the queue only, and in both.

The archives beside this file are such directories (0.4 needs "numpy<2"):
    tar -C DIRECTORY -cJf chroma-VERSION.tar.xz chroma expected.json
"""
import json
import pathlib
import random
import sys

import chromadb

VERSION = tuple(int(part) for part in chromadb.__version__.split("."))
MODERN = VERSION >= (1,)
# Before it there were no uris and no booleans.
URIS = VERSION >= (0, 4, 15)
RANDOM = random.Random(7)
# What collections were made with, which Chroma before 1.0 does not tell in today's form.
DEFAULTS = {"space": "l2", "ef_construction": 100, "ef_search": 100, "max_neighbors": 16,
            "resize_factor": 1.2, "sync_threshold": 1000}
ASKED = {}


def vector(dimension):
    """Numbers that compress well."""
    return [RANDOM.randint(-24, 23) / 8 + 1 / 16 for _ in range(dimension)]


def metadata_of(number):
    """Metadata of every type, and none at all."""
    kinds = [None, {"whole": number}, {"text": f"öl {number}", "real": number / 8},
             {"yes": URIS or 1, "whole": -2**53 + number, "text": ""},
             {"real": 2.0, "no": False if URIS else 0}]
    if VERSION >= (1, 5):
        kinds.append({"texts": ["a", "b", f"{number}"], "wholes": [number, 1], "reals": [0.5, 2.0],
                      "flags": [True, False], "text": "beside arrays"})
    return kinds[number % len(kinds)]


def database_of(client):
    """Its name, which versions without databases take for them all later."""
    return getattr(client, "database", "default_database")


def collection(client, name, space, own=None, **hnsw):
    """A collection, configured in the way of the version."""
    plain = {"embedding_function": None}
    ASKED[database_of(client), name] = {**DEFAULTS, "space": space, **hnsw}
    if MODERN:
        return client.create_collection(name, metadata=own, **plain,
                                        configuration={"hnsw": {"space": space, **hnsw}})
    keys = {"ef_construction": "construction_ef", "ef_search": "search_ef", "max_neighbors": "M"}
    settings = {f"hnsw:{keys.get(key, key)}": value for key, value in hnsw.items()}
    return client.create_collection(name, metadata={**(own or {}), "hnsw:space": space, **settings},
                                    **plain)


def fill(target, count, dimension, prefix="id"):
    """Adds records: documents and uris on some.

    One had an update before it was there, which does nothing (but confuses what 1.x and the first
    versions answer until they read the record from their files).
    """
    if URIS and not MODERN:
        target.update(ids=[f"{prefix}-0"], embeddings=[vector(dimension)])
    for first in range(0, count, 37):
        numbers = range(first, min(first + 37, count))
        for wanted in (0, 1):
            part = [number for number in numbers if number % 2 == wanted]
            if not part:
                continue
            target.add(ids=[f"{prefix}-{number}" for number in part],
                       embeddings=[vector(dimension) for _ in part],
                       metadatas=[metadata_of(number) for number in part],
                       documents=[f"Text {number} ß" for number in part] if wanted else None,
                       **({"uris": [f"file://{number}" for number in part]} if URIS and wanted else {}))


def change(target, count, dimension, prefix="id"):
    """Updates, upserts and deletes; ids that come back; adds of ids that are there already."""
    def name(number):
        return f"{prefix}-{number}"
    target.update(ids=[name(1), name(2)], embeddings=[vector(dimension), vector(dimension)],
                  metadatas=[{"whole": 5}, {"text": "other", **({"real": None} if MODERN else {})}])
    target.update(ids=[name(3)], embeddings=[vector(dimension)], documents=["a new text"])
    target.update(ids=[name(7)], metadatas=[{"new": "key"}])
    target.delete(ids=[name(number) for number in range(4, count, 9)])
    target.upsert(ids=[name(4), name(5), "extra"], embeddings=[vector(dimension) for _ in range(3)],
                  metadatas=[{"back": URIS or 1}, {"kept": "?"}, {"first": 1}],
                  documents=["back again", "upserted", "extra"])
    target.add(ids=[name(6), "late"], embeddings=[vector(dimension), vector(dimension)],
               documents=["not to be taken", "late"])
    target.update(ids=["nowhere"], embeddings=[vector(dimension)])


def fill_all(client):
    small = {"batch_size": 10, "sync_threshold": 50}
    for space in ("l2", "cosine", "ip"):
        # More than is in the files: a part of each is in the queue only.
        target = collection(client, f"some-{space}", space,
                            {"about": space, "number": 3, "ratio": 0.25}, **small)
        fill(target, 130, 3)
        change(target, 130, 3)
    target = collection(client, "queue-only", "l2", ef_construction=77, ef_search=33, max_neighbors=8)
    fill(target, 20, 4)
    change(target, 20, 4)
    target = collection(client, "many", "cosine")
    fill(target, 1060, 2)
    change(target, 1060, 2)
    collection(client, "empty", "ip", {"nothing": "in it"})
    gone = collection(client, "gone", "l2", **small)
    fill(gone, 60, 3)
    client.delete_collection("gone")
    renamed = collection(client, "renamed", "cosine", **small)
    fill(renamed, 60, 3)
    renamed.modify(name="after-renaming", metadata={"changed": "yes"})
    ASKED[database_of(client), "after-renaming"] = ASKED[database_of(client), "renamed"]
    client.create_collection("defaults", embedding_function=None).add(
        ids=["a"], embeddings=[[0.5, 0.25]], metadatas=[{"one": 1}])


def plain(rows):
    """An array, or nested lists, as lists of Python's numbers."""
    return [[float(number) for number in row] for row in rows]


def configuration(client, found):
    """In the form of Chroma 1.x."""
    if MODERN:
        return found.configuration_json
    hnsw = ASKED.get((database_of(client), found.name), DEFAULTS)
    return {"hnsw": {key: hnsw[key] for key in DEFAULTS}, "spann": None, "embedding_function": None}


def described(client):
    """What Chroma says of every collection of a database."""
    for listed in client.list_collections():
        name = listed if isinstance(listed, str) else listed.name
        found = client.get_collection(name, embedding_function=None)
        got = found.get(include=["metadatas", "documents", *(["uris"] if URIS else [])])
        # One by one: asked for many, Chroma 0.4.3 gives vectors to the wrong ids.
        vectors = [found.get(ids=[id], include=["embeddings"])["embeddings"][0] for id in got["ids"]]
        yield {"tenant": getattr(client, "tenant", "default_tenant"),
               "database": database_of(client), "name": name,
               "metadata": found.metadata,
               "configuration": configuration(client, found),
               "ids": got["ids"],
               "embeddings": plain(vectors),
               "metadatas": [metadata or None for metadata in got["metadatas"]], "documents": got["documents"],
               "uris": got["uris"] if URIS else [None] * len(got["ids"])}


def main(directory):
    settings = chromadb.Settings(anonymized_telemetry=False)
    kept = str(pathlib.Path(directory) / "chroma")
    client = chromadb.PersistentClient(kept, settings)
    fill_all(client)
    answers = [*described(client)]
    if hasattr(chromadb, "AdminClient"):
        admin = chromadb.AdminClient(client._system.settings)
        admin.create_tenant("press")
        admin.create_database("novels", tenant="press")
        other = chromadb.PersistentClient(kept, settings, tenant="press", database="novels")
        fill(collection(other, "some-l2", "l2"), 10, 2, "novel")
        answers += described(other)
    text = json.dumps({"version": chromadb.__version__, "collections": answers})
    (pathlib.Path(directory) / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
