"""The tables: a column for each engine, and how many times better Viridian is than each other."""
import statistics


def row(what, names, values, shape, better="less"):
    """A line: values by name, and ratios to the first engine's; `better`: less, more or neither."""
    cells = ["-" if values.get(name) is None else shape(values[name]) for name in names]
    mine, ratios = values.get(names[0]), []
    for name in names[1:]:
        other = values.get(name)
        if mine and other and better != "neither":
            ratios.append(f"{name} {other / mine if better == 'less' else mine / other:.3g}")
    print(f"| {what} |" + "".join(f" {cell} |" for cell in cells) + f" {', '.join(ratios)} |")


def head(title, names):
    """A table's first lines."""
    print(f"\n## {title}\n\n| |" + "".join(f" {name} |" for name in names) + " Viridian better, times |")
    print("|---|" + "--:|" * len(names) + "---|")


def middle(found, get, pick=statistics.median):
    """The median of what get() takes from each answer, by name; None where nothing came."""
    return {name: pick([get(one) for one in answers]) if answers and get(answers[0]) is not None else None
            for name, answers in found.items()}


def milliseconds(seconds):
    """Of three digits."""
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:,.0f}"


def microseconds(seconds):
    """Of three digits."""
    return f"{seconds * 1e6:.3g}" if seconds < 1e-3 else f"{seconds * 1e6:,.0f}"


def mebibytes(count):
    """Of one digit after the point where there are few."""
    return f"{count / 2 ** 20:,.1f}" if count < 100 * 2 ** 20 else f"{count / 2 ** 20:,.0f}"


def starts(title):
    """A table of seconds by the wall's clock, the best and the median, and of a processor."""
    def table(names, found, count):
        head(title.format(count=f"{count:,}"), names)
        for what, pick in (("best", min), ("median", statistics.median)):
            row(f"{what}, ms", names, middle(found, lambda one: one[0], pick), milliseconds)
        row("processor time, median, ms", names, middle(found, lambda one: one[1]), milliseconds)
    return table


def add(names, found, count):
    """Records a second, and files."""
    head(f"Adding {count:,} records by calls of 5,000 (FAISS and hnswlib: vectors alone, in memory until "
         "indexed)", names)
    for what, key in (("records a second until acknowledged", "acknowledged"),
                      ("records a second until all is indexed and in files", "settled")):
        row(what, names, middle(found, lambda one, key=key: count / one[key]), "{:,.0f}".format, "more")
    row("MiB on the disk then", names, middle(found, lambda one: one["bytes"]), mebibytes)


def search(names, found, count):
    """Latencies, threads and memory."""
    head(f"Queries of {count:,} vectors, k = 10, one thread calls", names)
    row("recall@10", names, middle(found, lambda one: one["recall"]), "{:.3f}".format, "neither")
    for what, key in (("1 vector, ids and distances", "one"), ("100 vectors in a call", "hundred"),
                      ("1 vector, with documents and metadata", "records")):
        for part, called in (("p50", "p50"), ("p99", "p99"), ("spent", "processor time")):
            row(f"{what}: {called}, ms", names, middle(
                found, lambda one, key=key, part=part: one[key][part] if key in one else None), milliseconds)
    head("Threads of Python that ask at once", names)
    for threads in (1, 8):
        row(f"queries a second, {threads}", names, middle(
            found, lambda one, at=threads: one["threads"][f"query {at}"]["rate"]), "{:,.0f}".format, "more")
    for what, work in (("8 threads' rate / 1 thread's", "query"), ("the same of hashing beside it", "hash")):
        row(what, names, middle(
            found, lambda one, at=work: one["threads"][at + " 8"]["rate"] / one["threads"][at + " 1"]["rate"]),
            "{:.2f}".format, "neither")
    for what, work in (("processors at work, 8", "query"), ("the same of hashing", "hash")):
        row(what, names, middle(found, lambda one, at=work: one["threads"][at + " 8"]["processors"]),
            "{:.2f}".format, "neither")
    head("MiB of memory beyond Python's and NumPy's (mapped files that were read count)", names)
    for what, key in (("open", "opened"), ("after the queries", "asked"), ("at most", "most")):
        row(what, names, middle(found, lambda one, key=key: one[key]), mebibytes)


def calls(names, found, _):
    """What a call costs."""
    head("A call in memory, one record of 384 numbers (the best of rounds)", names)
    for what, key in (("query, us", "query"), ("count, us", "count")):
        row(what, names, middle(found, lambda one, key=key: one[key], min), microseconds)


def size(names, found, _):
    """Of wheels."""
    head("Wheels, MiB (hnswlib's: compiled here)", names)
    for what, key in (("its own", "own"), ("with all it needs", "all"), ("unpacked", "unpacked")):
        row(what, names, middle(found, lambda one, key=key: one[key]), mebibytes)
    row("packages", names, middle(found, lambda one: one["packages"]), str)


TABLES = {"import": starts("Import in a new process"), "add": add,
          "first": starts("From the start of a process to the first answer out of {count} records"),
          "search": search, "calls": calls, "size": size}
