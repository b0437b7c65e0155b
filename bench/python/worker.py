"""One task of one engine, in a process of its own; prints what it took as a line of JSON.

usage: worker.py MODULE TASK CORPUS DIRECTORY [BREADTH]

load    fills a new directory: seconds until acknowledged, and until everything is indexed
recall  of the queries that breadths are chosen by
first   opens, asks one query and prints at once: whoever started the process knows how long it took
search  latencies, rates of threads, recall and memory
calls   what a call takes where there is nearly nothing to search
"""
import hashlib
import json
import pathlib
import statistics
import sys
import threading
import time

from engines import ENGINES

BATCH = 5_000
NEAREST = 10
WARM_UP = 200
WINDOWS, SECONDS = 5, 0.6  # of a measurement of threads
BUDGET = 8.0  # seconds for a row of latencies


def resident():
    """Bytes of memory now, and at most."""
    fields = dict(line.split(":", 1) for line in
                  pathlib.Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    return [int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")]


def load(engine, corpus, path):
    """Seconds of all adds, and of all until the index is made."""
    made = engine(path)
    made.create()
    batches = list(corpus.batches(BATCH))
    began = time.perf_counter()
    for batch in batches:
        made.add(*batch)
    acknowledged = time.perf_counter() - began
    made.settle()
    settled = time.perf_counter() - began
    made.close()
    return {"acknowledged": acknowledged, "settled": settled}


def opened(engine, path, breadth):
    """The engine with its collection."""
    made = engine(path, breadth)
    made.open()
    return made


def recall(engine, corpus, path, breadth, tuning):
    """The share of the nearest that the first queries find."""
    made = opened(engine, path, breadth)
    answers = [made.numbers(made.query(corpus.queries[i:i + 1], NEAREST))[0] for i in range(tuning)]
    found = {"recall": corpus.recall(0, answers)}
    made.close()
    return found


def latencies(call, rows):
    """Seconds of each call, until the budget is used up, and those of a processor on average."""
    took, end, spent = [], time.perf_counter() + BUDGET, time.process_time()
    for row in rows:
        began = time.perf_counter()
        call(row)
        took.append(time.perf_counter() - began)
        if began > end:
            break
    spent = time.process_time() - spent
    took.sort()
    return {"p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)], "spent": spent / len(took)}


def rate(call, threads):
    """Calls a second of the wall's clock, and the processors that were at work meanwhile. Each thread
    counts its calls from a place of its own."""
    done, end = [0] * threads, threading.Event()

    def work(number):
        while not end.is_set():
            call(done[number] + number * 250)
            done[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    began, spent = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    time.sleep(SECONDS)
    end.set()
    for worker in workers:
        worker.join()
    wall = time.perf_counter() - began
    return {"rate": sum(done) / wall, "processors": (time.process_time() - spent) / wall}


def many_threads(ask, queries):
    """Medians of what one thread and eight do in windows that take turns, by queries and by hashing,
    which waits for nothing and so tells what the machine had to give."""
    block = bytes(1 << 20)
    work = {"query": lambda at: ask(queries[at % len(queries)][None]),
            "hash": lambda at: hashlib.sha256(block).digest()}
    runs = {f"{name} {threads}": [] for name in work for threads in (1, 8)}
    for _ in range(WINDOWS):
        for name, call in work.items():
            for threads in (1, 8):
                runs[f"{name} {threads}"].append(rate(call, threads))
    return {name: {key: statistics.median(one[key] for one in windows) for key in windows[0]}
            for name, windows in runs.items()}


def search(engine, corpus, path, breadth, tuning):
    """Everything that is asked of an open collection."""
    before = resident()[0]
    made = opened(engine, path, breadth)
    found = {"opened": resident()[0] - before}
    queries = corpus.queries[tuning:]

    def ask(vectors):
        return made.query(vectors, NEAREST)

    for row in queries[:WARM_UP]:
        ask(row[None])
    found["one"] = latencies(ask, [row[None] for row in queries])
    found["hundred"] = latencies(ask, [queries[i:i + 100] for i in range(0, len(queries), 100)])
    if engine.database:
        found["records"] = latencies(lambda rows: made.records(rows, NEAREST),
                                     [row[None] for row in queries])
    found["threads"] = many_threads(ask, queries)
    now, most = resident()
    found |= {"asked": now - before, "most": most - before}
    answers = [made.numbers(ask(row[None]))[0] for row in queries[:tuning]]
    found["recall"] = corpus.recall(tuning, answers)
    made.close()
    return found


def calls(engine, corpus, rounds=5, seconds=0.5):
    """Seconds of a call on a collection of one record: the best of some rounds, which last as long
    as said, but for quick calls, of which there are 2,000 at most."""
    made = engine()
    made.create()
    vector = corpus.queries[:1]
    made.add(["0"], vector, ["text"], [{"key": 1}])
    found = {}
    for name, call in (("query", lambda: made.query(vector, 1)), ("count", made.count)):
        call()
        began, took = time.perf_counter(), []
        call()
        repeats = min(2_000, 1 + int(seconds / (time.perf_counter() - began)))
        for _ in range(rounds):
            began = time.perf_counter()
            for _ in range(repeats):
                call()
            took.append((time.perf_counter() - began) / repeats)
        found[name] = min(took)
    made.close()
    return found


def first(engine, folder, path, breadth):
    """The first answer of a process."""
    query = json.loads((pathlib.Path(folder) / "query.json").read_text(encoding="utf-8"))
    made = opened(engine, path, breadth)
    return {"first": made.numbers(made.query([query], NEAREST))[0][0]}


def run(module, task, folder, path, breadth=None):
    """The task's answer."""
    engine, breadth = ENGINES[module], breadth and json.loads(breadth)
    if task == "first":  # without NumPy, unless the engine brings it
        return first(engine, folder, path, breadth)
    import corpus as corpora
    corpus = corpora.Corpus(folder)
    if task == "load":
        return load(engine, corpus, path)
    if task == "calls":
        return calls(engine, corpus)
    return {"recall": recall, "search": search}[task](engine, corpus, path, breadth, corpora.TUNING)


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:])), flush=True)
