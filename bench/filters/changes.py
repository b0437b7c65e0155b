"""What is not asked but done: ingest, deletes by filter, and the bytes that are left on disk."""
import pathlib
import shutil
import statistics
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import load  # noqa: E402

INGEST_BATCH = 1000


def bytes_a_record(directory, set_):
    """Allocated bytes of all its files, less those of the vectors as they are (4 bytes a dimension)."""
    return load.directory_bytes(directory) / len(set_) - 4 * set_.vectors.shape[1]


def ingest_once(make, folder, set_):
    """Records a second until all are acknowledged, and until every index is made; bytes a record then."""
    engine = make(folder)
    try:
        engine.create(set_)
        batches = [engine.batch(set_, range(first, min(first + INGEST_BATCH, len(set_))))
                   for first in range(0, len(set_), INGEST_BATCH)]
        engine.refresh()
        began = time.perf_counter()
        for batch in batches:
            batch()
        acknowledged = time.perf_counter() - began
        engine.seal(set_)
        sealed = time.perf_counter() - began
    finally:
        engine.close()
    stored = bytes_a_record(folder, set_)
    engine.forget()
    return len(set_) / acknowledged, len(set_) / sealed, stored


def ingest(makers, folder, set_, rounds, say):
    """The medians of the three figures of each engine; or what it said instead."""
    found = {name: [] for name in makers}
    for number in range(rounds):
        for name, make in makers.items():
            if isinstance(found[name], str):
                continue
            try:
                found[name].append(ingest_once(make, folder / f"ingest-{name}", set_))
                say(f"{name}: ingest {number + 1} of {rounds}: {found[name][-1][0]:,.0f} records/s")
            except Exception as error:  # its answer, whatever it is  # pylint: disable=broad-except
                found[name] = f"{type(error).__name__}: {str(error)[:200]}"
                shutil.rmtree(folder / f"ingest-{name}", ignore_errors=True)
    return {name: runs if isinstance(runs, str) else [statistics.median(one) for one in zip(*runs)]
            for name, runs in found.items()}


def delete(make, folder, scratch, set_):
    """Seconds of one request that deletes a tenth of all by a range, and how many are left. What an engine
    keeps for later runs is copied before."""
    if make.cached:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(folder, scratch)
        folder = scratch
    engine = make(folder)
    try:
        call = engine.delete(set_, {"number": {"$lt": len(set_) // 10}})
        engine.refresh()
        began = time.perf_counter()
        deleted = call()
        took = time.perf_counter() - began
    finally:
        engine.close()
        if make.cached:
            engine.forget()
    wrong = None if deleted == len(set_) // 10 else f"{deleted:,} instead of {len(set_) // 10:,}"
    return took, wrong
