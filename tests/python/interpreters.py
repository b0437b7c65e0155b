"""Interpreters that the tests of the Python package run in, and what they need installed."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

CHROMA = "chromadb==1.5.9"


def _has(python, module):
    return subprocess.run([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


def _with(name, module, requirement):
    """A virtual environment, kept between runs, that has a package; None where that is not to be had."""
    root = harness.cached_tools(name)
    python = root / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", root], check=True)
    if _has(python, module):
        return python
    if subprocess.run([python, "-m", "pip", "install", "-q", requirement]).returncode:
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


def run(python, *arguments, package, preload=True):
    """A finished process of that interpreter which finds the package; its output as text. It loads
    what the module needs to be loaded before it, a sanitizer, unless it does without the module."""
    environment = {**os.environ, "PYTHONPATH": package, "ANONYMIZED_TELEMETRY": "False"}
    if preload and "PACKAGE_PRELOAD" in os.environ:
        environment["LD_PRELOAD"] = os.environ["PACKAGE_PRELOAD"]
    return subprocess.run([python, "-B", "-W", "ignore", *arguments], env=environment,
                          stdout=subprocess.PIPE, text=True, timeout=300)
