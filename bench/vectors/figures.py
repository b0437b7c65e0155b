"""What a measurement says: recall of a pass, medians over rounds, the front, values at equal recall."""
import math
import statistics

import numpy as np

from truth import exact_distances

TARGETS = (0.90, 0.95, 0.99)
TIE = 1e-6


class Judge:
    """Computes recall against the exact answers of a set."""

    def __init__(self, base, queries, metric, truth, distances, rows_allowed=None):
        self.base, self.queries, self.metric = base, queries, metric
        self.truth, self.distances, self.allowed = truth, distances, rows_allowed

    def recall(self, ids, k):
        """Recall@k of a pass: how many different ids of each query are as near as its k-th neighbour,
        or nearer, a tie being 1e-6 of that distance. Also the share of queries below one half, and
        how many ids came twice or were none of the set's, or not allowed: an engine's bugs."""
        if ids.shape != (len(self.queries), k):
            raise ValueError(f"{ids.shape} ids for {len(self.queries)} queries and k {k}")
        hits, twice, foreign = np.zeros(len(ids)), 0, 0
        for i, row in enumerate(ids):
            found = [int(id) for id in row if id >= 0]
            different = set(found)
            twice += len(found) - len(different)
            sound = {id for id in different if id < len(self.base) and self.is_allowed(id)}
            foreign += len(different) - len(sound)
            hits[i] = min(k, self.count_near(i, sound, k))
        wanted = min(k, self.truth.shape[1])
        return {"recall": float(hits.mean() / wanted), "low": float((hits < wanted / 2).mean()),
                "twice": twice, "foreign": foreign}

    def is_allowed(self, id):
        """Whether a filter lets the row through."""
        return self.allowed is None or bool(self.allowed[id])

    def count_near(self, i, ids, k):
        """How many of the ids are within the distance of the k-th neighbour of query i."""
        distances = self.distances[i]
        last = distances[min(k, len(distances)) - 1]
        limit = last + TIE * abs(last) + 1e-12 * self.scale(i)
        known = dict(zip(self.truth[i].tolist(), distances.tolist()))
        hits = sum(1 for id in ids if known.get(id, math.inf) <= limit)
        others = sorted(id for id in ids if id not in known)
        if others and distances[-1] <= limit:  # more ties than the exact answer has places
            found = exact_distances(np.asarray(self.base[others]), self.queries[i], self.metric)
            hits += int((found <= limit).sum())
        return hits

    def scale(self, i):
        """What the last bits of a distance near zero are relative to."""
        return 1.0 if self.metric != "l2" else float(np.dot(self.queries[i], self.queries[i]))


def medians(points):
    """One point a knob: medians over its rounds; of the undisturbed ones where these are a half or
    more. `calm` tells."""
    groups = {}
    for point in points:
        groups.setdefault(str(point["knob"]), []).append(point)
    result = []
    for group in groups.values():
        calm = [point for point in group if not point["disturbed"]]
        used = calm if 2 * len(calm) >= len(group) else group
        middle = {name: statistics.median([point[name] for point in used])
                  for name in ("recall", "qps", "p50", "p99") if used[0].get(name) is not None}
        result.append(middle | {"knob": group[0]["knob"], "rounds": len(used), "calm": used is calm})
    return result


def front(points):
    """Those that no other beats in both recall and rate, by rising recall."""
    result, best = [], 0.0
    for point in sorted(points, key=lambda point: (-point["recall"], -point["qps"])):
        if point["qps"] > best:
            result.append(point)
            best = point["qps"]
    return result[::-1]


def at_recall(points, target, name="qps"):
    """(value, mark) at a recall, between two points of the front on a logarithmic scale. The mark is
    ">=" where all points have more recall, so that the fastest of them bounds the rate (and, from the
    other side, a latency); (None, "") where none reaches it: nothing is extrapolated."""
    if not points or points[-1]["recall"] < target:
        return None, ""
    if points[0]["recall"] >= target:
        return points[0].get(name), "" if points[0]["recall"] == target else ">="
    for low, high in zip(points, points[1:]):
        if low["recall"] <= target <= high["recall"]:
            share = (target - low["recall"]) / (high["recall"] - low["recall"])
            return math.exp((1 - share) * math.log(low[name]) + share * math.log(high[name])), ""
    return None, ""


def worth_keeping(points, slack=0.85, low=0.85, high=0.995):
    """Knobs that a first look leaves in the race: within some slack of the front, and at recalls that
    say something about the targets; of those below and above, the ones next to them."""
    racing = [point for point in points
              if all(other["qps"] * slack <= point["qps"] for other in points
                     if other["recall"] >= point["recall"])]
    below = max((p["recall"] for p in racing if p["recall"] < low), default=0.0)
    above = min((p["recall"] for p in racing if p["recall"] > high), default=1.0)
    return [point["knob"] for point in racing if below <= point["recall"] <= above]


def cell(value, mark="", form=",.0f"):
    """A number of the table."""
    return "-" if value is None else f"{mark}{value:{form}}"


def row(name, built, points, reference):
    """An engine's row; `reference` has the front of the engine to compare with, if it was measured."""
    best = front(points)
    rates = [at_recall(best, target) for target in TARGETS]
    ratios = []
    for target, (rate, mark) in zip(TARGETS, rates):
        other, other_mark = at_recall(reference, target) if reference else (None, "")
        sound = rate and other and not other_mark
        ratios.append(cell(rate / other if sound else None, mark, ".2f"))
    latency = [at_recall(best, 0.95, part) if all(part in p for p in best) else (None, "")
               for part in ("p50", "p99")]
    calm = all(point["calm"] for point in best)
    return [name, cell(built["seconds"], "", ",.1f"), cell(built["cpu"], "", ",.1f"),
            cell(built["bytes"] / built["rows"]), *[cell(*rate) for rate in rates],
            *[cell(value and value * 1e6, mark.replace(">", "<")) for value, mark in latency],
            cell(built["overhead"] * 1e6, "", ".1f"), *ratios, "" if calm else "disturbed"]


HEADS = ["engine", "build s", "cpu s", "B/vector", *[f"QPS {t:.2f}" for t in TARGETS],
         "p50 us", "p99 us", "binding us", *[f"x at {t:.2f}" for t in TARGETS], ""]


def table(rows):
    """Lines of aligned columns."""
    rows = [HEADS] + rows
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    return "\n".join("  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                               for i, (text, width) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)
