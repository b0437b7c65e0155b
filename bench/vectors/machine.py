"""The processes of a measurement, where they run, and what else the machine does meanwhile."""
import json
import os
import pathlib
import subprocess

import environment

TICK = os.sysconf("SC_CLK_TCK")


def used_by(pid):
    """Seconds of processor time that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def used_by_all():
    """Seconds of processor time that all have used, and that the host took away."""
    numbers = pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, numbers[:8])
    return (user + nice + system + irq + softirq + steal) / TICK


class Others:
    """How much of one processor processes other than ours used during a block. The clock of
    /proc has ticks of 10 ms: shares of short blocks are rough, and two ticks are no disturbance."""

    LIMIT = 0.05

    def __init__(self, pids):
        self.pids = pids

    def read(self):
        """Now: wall clock, all, ours."""
        ours = sum(os.times()[:2]) + sum(used_by(pid) for pid in self.pids)
        return os.times().elapsed, used_by_all() - ours

    def __enter__(self):
        self.wall, self.before = self.read()
        return self

    def __exit__(self, *_):
        wall, after = self.read()
        spent = max(0.0, after - self.before)
        self.share = spent / max(wall - self.wall, 1 / TICK)
        self.disturbed = self.share > self.LIMIT and spent > 2.5 / TICK


class Peer:
    """A worker process: one of worker.py's, or a program that speaks as it does."""

    def __init__(self, name, command, cpus, threads, log):
        self.name, self.built, self.knobs = name, None, []
        quiet = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads),
                 "OMP_WAIT_POLICY": "PASSIVE"}
        self.process = subprocess.Popen(
            ["taskset", "-c", cpus, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=log, text=True, env=os.environ | quiet)

    def ask(self, operation, **request):
        """Sends a request and waits for its answer."""
        print(json.dumps({"op": operation} | request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {self.process.wait()}")
        answer = json.loads(line)
        if not answer.pop("ok"):
            raise RuntimeError(f"{self.name}: {answer['error']}")
        return answer

    def stop(self):
        """Ends the process; one that does not listen is ended."""
        try:
            print('{"op": "quit"}', file=self.process.stdin, flush=True)
            self.process.stdin.close()
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def worker(engine):
    """The command of one of worker.py's engines."""
    if engine == "hnswlib-cpp":
        return [str(environment.hnswlib_worker())]
    return [str(environment.python()), "-B", str(environment.HERE / "worker.py"), engine]


def free_memory():
    """Bytes that can be had without swapping."""
    text = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    return int(text.split("MemAvailable:")[1].split()[0]) * 1024


def processor():
    """What /proc/cpuinfo calls it, and the widest vectors it has."""
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = next((line.split(":")[1].strip() for line in text.splitlines()
                 if line.startswith("model name")), "unknown processor")
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    widest = next((name for name in ("avx512f", "avx2", "sse4_2") if name in flags), "no AVX")
    return f"{name}, {os.cpu_count()} processors, {widest}"
