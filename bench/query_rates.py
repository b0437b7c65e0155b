"""Queries per second of one and of two servers, asked by wrk, and the processor time that these,
the servers and ClickHouse took for them.

All run on the same two processors. What two servers that are free to use a processor each reach
together is therefore less than twice what one does, whatever they share: nothing is left for wrk and
ClickHouse. So both are also measured with a share of a processor that leaves enough for the others.
"""
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import tempfile

SHARE = 0.4  # of a processor, for each server
PERIOD = 10_000  # microseconds, over which that is kept
CONNECTIONS = 4  # for each server
TICKS = os.sysconf("SC_CLK_TCK")

SCRIPT = """
wrk.headers["content-type"] = "application/json"
wrk.headers["x-viridian-read"] = "%s"
local requests, next = {}, 0
init = function()
  for i, body in ipairs({%s}) do requests[i] = wrk.format("POST", "%s/query", nil, body) end
end
request = function()
  next = next %% #requests + 1
  return requests[next]
end
done = function(summary, latency)
  local wrong = summary.errors
  io.write(string.format("FIGURES %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout, latency:percentile(50)))
end
"""


def missing():
    """Why nothing can be measured here, or None."""
    return None if shutil.which("wrk") else "wrk is not installed"


def script(directory, level, path, bodies):
    """A file that has wrk ask these queries in turn."""
    file = pathlib.Path(directory) / f"{level}.lua"
    texts = ", ".join(f"[==[{body.decode()}]==]" for body in bodies)
    file.write_text(SCRIPT % (level, texts, path), encoding="ascii")
    return str(file)


class Shares:
    """Control groups, each of which keeps one process to a share of a processor."""

    def __init__(self):
        self.groups = []
        for root, quota in (("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us"), ("/sys/fs/cgroup", "cpu.max")):
            self.root, self.quota = pathlib.Path(root), quota
            if self.add(os.getpid(), None):
                self.end()
                return
        self.root = None

    def add(self, pid, share):
        """Whether it could be done. None: a trial with nobody in it."""
        group = self.root / f"viridian-bench-{pid}"
        try:
            group.mkdir()
            self.groups.append(group)
            if not (group / self.quota).exists():
                self.end()
                return False
            if share is None:
                return True
            if self.quota == "cpu.max":
                (group / self.quota).write_text(f"{int(PERIOD * share)} {PERIOD}")
            else:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD))
                (group / self.quota).write_text(str(int(PERIOD * share)))
            (group / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def end(self):
        """Everybody may have as much as there is again."""
        for group in self.groups:
            members = group / "cgroup.procs"
            for pid in members.read_text().split() if members.exists() else ():
                (self.root / "cgroup.procs").write_text(pid)
            group.rmdir()
        self.groups = []


def processor(pid):
    """Seconds of processor time that a process has taken."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def clients():
    """The same of all clients that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Run:
    """What wrk, one for each server, says after so many seconds."""

    def __init__(self, servers, store, lua, seconds):
        pids = [server.process.pid for server in servers]
        before = [sum(map(processor, pids)), processor(store), clients()]
        asking = [subprocess.Popen(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", lua,
             f"http://127.0.0.1:{server.port}"], stdout=subprocess.PIPE, text=True)
            for server in servers]
        said = [one.communicate(timeout=seconds + 120)[0] for one in asking]
        after = [sum(map(processor, pids)), processor(store), clients()]
        self.rate, self.middle, longest = 0.0, 0.0, 0.0
        for text in said:
            found = re.search(r"^FIGURES (\d+) (\d+) (\d+) (\d+)$", text, re.MULTILINE)
            assert found, text
            asked, took, wrong, middle = map(int, found.groups())
            assert asked and not wrong, f"{wrong} of {asked} queries failed: {text}"
            self.rate += asked / (took / 1e6)
            self.middle = max(self.middle, middle / 1e3)
            longest = max(longest, took / 1e6)
        self.busy = [(b - a) / longest for a, b in zip(before, after)]


HEAD = ("| records | level | each server may use | holder alone | the other alone | both | both over "
        "the holder | over the mean of each alone | p50 ms of the holder alone | of both | queries per "
        "second of the servers' processor time, holder alone | the other | both | processors at work "
        "while both: servers | ClickHouse | wrk |\n|--:|---|---|" + "--:|" * 13)


def print_row(name, groups, store, lua, rounds, seconds):
    """Measures each group of servers in turn."""
    notes = [[] for _ in groups]
    for _ in range(rounds):
        for note, group in zip(notes, groups):
            note.append(Run(group, store, lua, seconds))
    of = lambda note, get: statistics.median(get(run) for run in note)  # noqa: E731
    one, other, both = rates = [of(note, lambda run: run.rate) for note in notes]
    each = [f"{of(note, lambda run: run.rate / run.busy[0]):,.0f}" for note in notes]
    busy = [f"{of(notes[2], lambda run, i=i: run.busy[i]):.2f}" for i in range(3)]
    cells = [f"{x:,.0f}" if x >= 100 else f"{x:.1f}" for x in rates] + [
        f"{both / one:.2f}", f"{2 * both / (one + other):.2f}",
        f"{of(notes[0], lambda run: run.middle):.2f}", f"{of(notes[2], lambda run: run.middle):.2f}"]
    print("| " + " | ".join([name] + cells + each + busy) + " |", flush=True)


def measure(collections, store, bodies, rounds, seconds):
    """`collections`: of each its number of records, its path, and the servers, the holder first."""
    shares = Shares()
    print(HEAD)
    with tempfile.TemporaryDirectory() as directory:
        for allowed in (None, SHARE) if shares.root else (None,):
            for count, path, servers in collections:
                for level in ("strong", "eventual"):
                    lua = script(directory, level, path, bodies)
                    may = f"{allowed} of a processor" if allowed else "a processor"
                    groups = (servers[:1], servers[1:], servers)
                    try:
                        for server in servers if allowed else ():
                            assert shares.add(server.process.pid, allowed), "no share of a processor"
                        print_row(f"{count:,} | {level} | {may}", groups, store, lua, rounds, seconds)
                    finally:
                        shares.end()
    if not shares.root:
        print("\nWith a share of a processor nothing was measured: there is no control group to be had.")
