"""What the steps of the official Python client's scenario share: see official_client.py."""
import sys
import time
import uuid

import chromadb
import numpy as np
from chromadb.errors import ChromaError, InvalidArgumentError, NotFoundError

HOST, PORT = sys.argv[1], int(sys.argv[2])
REFERENCE = "--reference" in sys.argv
RUN = uuid.uuid4().hex[:8]
steps = []


def step(fact, ours=False):
    def register(function):
        steps.append((fact, function, ours))
        return function
    return register


class World:
    """What the steps share."""
    client = None
    admin = None
    books = None


w = World()
VECTORS = {"a": [1.0, 0.0, 0.0], "b": [0.0, 1.0, 0.0], "c": [0.0, 0.0, 1.0], "d": [1.0, 1.0, 0.0]}


def raises(kind, call, *words):
    try:
        call()
    except kind as error:
        for word in words:
            assert word in str(error), f"{word!r} not in {error!r}"
        return error
    except Exception as error:
        raise AssertionError(f"expected {kind.__name__}, got {type(error).__name__}: {error}")
    raise AssertionError(f"expected {kind.__name__}, nothing was raised")


def fresh(name, **kwargs):
    return w.client.create_collection(f"{name}_{RUN}", embedding_function=None, **kwargs)


def main():
    failed = 0
    done = 0
    for fact, function, ours in steps:
        if ours and REFERENCE:
            continue
        done += 1
        try:
            function()
        except Exception as error:  # a scenario reports every step
            failed += 1
            print(f"FAILED {fact}: {type(error).__name__}: {error}")
    print(f"{done - failed} passed, {failed} failed (chromadb {chromadb.__version__}, Python)")
    sys.exit(1 if failed else 0)
