"""Databases that are opened, used and closed over and over, and what the process still holds after that.

usage: cycles.py MEMORY_CYCLES DIRECTORY_CYCLES
Prints what is left after so many cycles of a database in memory and of one in a directory; the exit
status says whether it is nothing: no descriptor, no thread, and less than 16 MiB of memory.
"""
import gc
import os
import pathlib
import sys
import tempfile

import viridian

VECTORS = [[float(i), 1.0, 0.0, 0.5] for i in range(8)]
ALLOWED = 16 << 20
WARM_UP = 1_000  # cycles at most, until allocators have what they need


def use(client):
    """Writes, asks, and closes."""
    with client:
        collection = client.get_or_create_collection("cycle", embedding_function=None)
        collection.upsert(ids=[str(i) for i in range(8)], embeddings=VECTORS,
                          documents=["text"] * 8, metadatas=[{"n": i} for i in range(8)])
        found = collection.query(query_embeddings=VECTORS[3], n_results=1, where={"n": {"$gt": 2}})
        assert found["ids"] == [["3"]], found


def memory():
    use(viridian.EphemeralClient())


def in_directory(path):
    """A cycle on the directory."""
    return lambda: use(viridian.PersistentClient(path))


def held():
    """Descriptors and threads of this process, and the bytes of its memory."""
    gc.collect()
    pages = int(pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return ((len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))),
            pages * os.sysconf("SC_PAGE_SIZE"))


def left(cycle, warm_up, count):
    """(descriptors and threads before, the same after, bytes more) of `count` cycles."""
    for _ in range(warm_up):
        cycle()
    before, least = held()
    for _ in range(count):
        cycle()
    after, most = held()
    return before, after, most - least


def main(in_memory, on_disk):
    leaks = False
    with tempfile.TemporaryDirectory() as path:
        for name, cycle, count in (("memory", memory, int(in_memory)),
                                   ("a directory", in_directory(path), int(on_disk))):
            warm_up = min(WARM_UP, count)
            before, after, more = left(cycle, warm_up, count)
            print(f"{count:,} databases in {name}, after {warm_up:,} others: {before[0]} descriptors, "
                  f"then {after[0]}; {before[1]} threads, then {after[1]}; {more / 1024:,.0f} KiB more",
                  flush=True)
            leaks = leaks or before != after or more > ALLOWED
    sys.exit(leaks)


if __name__ == "__main__":
    main(*sys.argv[1:])
