"""Interpreters that the tests of the Python package run in, and what they need installed."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

CHROMA = "chromadb==1.5.9"


def _has(python, modules):
    done = subprocess.run([python, "-c", f"import {modules}"], stderr=subprocess.DEVNULL)
    return done.returncode == 0


def _with(name, modules, *requirements):
    """A virtual environment, kept between runs, with packages; None where they cannot be had."""
    root = harness.cached_tools(name)
    python = root / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", root], check=True)
    if _has(python, modules):
        return python
    if subprocess.run([python, "-m", "pip", "install", "-q", *requirements]).returncode:
        return None
    return python


def numpy():
    """This interpreter, or another of its version, with NumPy."""
    if _has(sys.executable, "numpy"):
        return sys.executable
    return _with("python", "numpy", "numpy")


def chromadb():
    """One with the real Chroma, and so with NumPy."""
    return _with("chroma", "chromadb", CHROMA)


def mypy():
    """One that checks types, and has NumPy's."""
    return _with("mypy", "mypy", "mypy", "numpy")


def frames():
    """One with the libraries of data frames, and so with NumPy."""
    return _with("frames", "pandas, polars, pyarrow", "pandas", "polars", "pyarrow")


def run(python, *arguments, package):
    """A finished process of that interpreter which finds the package; its output as text."""
    environment = {**os.environ, "PYTHONPATH": package, "ANONYMIZED_TELEMETRY": "False"}
    return subprocess.run([python, "-B", "-W", "ignore", *arguments], env=environment,
                          stdout=subprocess.PIPE, text=True, timeout=300)
