"""The tables that are printed."""
import statistics


def milliseconds(seconds):
    """With three significant digits."""
    if seconds is None:
        return ""
    value = 1e3 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def times(ours, theirs):
    """How many times as quick."""
    return f"{theirs / ours:,.1f}" if ours and theirs else ""


def goals(floor, aim):
    """Two cells."""
    return f"{floor or ''} | {aim or ''}"


class Table:
    """Operations as rows, engines as columns; remarks are collected for below."""

    def __init__(self, names):
        self.names, self.remarks = names, []

    def head(self):
        """The first lines."""
        columns = "".join(f" {name} |" for name in self.names)
        print(f"\n| milliseconds a request | results |{columns} times Chroma | floor | aim |\n|---|"
              + "--:|" * (len(self.names) + 4), flush=True)

    def row(self, operation, expected, outcomes):
        """An operation's. A star is an answer that is not right; see the remarks."""
        cells = []
        for name, outcome in zip(self.names, outcomes):
            cells.append(milliseconds(outcome.seconds()) or "-")
            if outcome.failed:
                self.remarks.append(f"{operation.name}: {name}: {outcome.failed}")
            for wrong in sorted(set(outcome.wrong))[:2]:
                self.remarks.append(f"{operation.name}: {name} does not agree in {len(outcome.wrong)} of "
                                    f"{len(outcome.first)} requests, such as {wrong}")
            cells[-1] += "*" if outcome.wrong else ""
            if outcome.recalls and min(outcome.recalls) < 1:
                self.remarks.append(f"{operation.name}: {name} finds "
                                    f"{sum(outcome.recalls) / len(outcome.recalls):.4f} of the nearest")
        seconds = dict(zip(self.names, (outcome.seconds() for outcome in outcomes)))
        ratio = times(seconds.get("Viridian"), seconds.get("Chroma"))
        results = f"{statistics.median(one.count for one in expected):,.0f}"
        self.line(operation.title, [results, *cells], ratio, operation.floor, operation.aim)

    def line(self, title, cells, ratio, floor=None, aim=None):
        """A row of ready cells."""
        print(f"| {title} | {' | '.join(cells)} | {ratio} | {goals(floor, aim)} |", flush=True)

    def foot(self):
        """The remarks."""
        print()
        for remark in self.remarks:
            print(f"- {remark}")
        self.remarks = []
