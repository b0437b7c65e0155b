"""Interpreters that the tests of the Python package run in, and what they need installed."""
import fcntl
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

CHROMA = "chromadb==1.5.9"
LANGCHAIN = ("langchain-chroma==1.1.0", "langchain-core==1.7.2")
LLAMAINDEX = ("llama-index-vector-stores-chroma==0.6.0", "llama-index-core==0.14.25")
NOTEBOOK = ("nbclient==0.11.0", "ipykernel==7.4.0", "numpy", "pandas")


def _has(python, modules):
    done = subprocess.run([python, "-c", f"import {modules}"], stderr=subprocess.DEVNULL)
    return done.returncode == 0


def _with(name, modules, *requirements):
    """A virtual environment, kept between runs, with packages; None where they cannot be had.

    It has them if `modules` can be imported.
    """
    root = harness.cached_tools(name)
    python = root / "bin" / "python"
    with open(root / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run at once share it
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


def langchain():
    """One with LangChain's store for Chroma, and the real Chroma."""
    return _with("langchain", "langchain_chroma", CHROMA, *LANGCHAIN)


def llamaindex():
    """One with LlamaIndex's store for Chroma, and the real Chroma."""
    return _with("llamaindex", "llama_index.vector_stores.chroma", CHROMA, *LLAMAINDEX)


def notebook():
    """One that executes notebooks, and has what a table needs."""
    return _with("notebook", "nbclient, ipykernel, numpy, pandas", *NOTEBOOK)


def run(python, *arguments, package, directory=None, preload=True):
    """A finished process of that interpreter which finds the package; its output as text.

    `directory`: where it runs, and keeps temporary files. `preload`: loads what the module needs to be
    loaded before it, a sanitizer; not for those that do without the module.
    """
    environment = {**os.environ, "PYTHONPATH": package, "ANONYMIZED_TELEMETRY": "False"}
    if directory is not None:
        environment["TMPDIR"] = directory
    if preload and "PACKAGE_PRELOAD" in os.environ:
        environment["LD_PRELOAD"] = os.environ["PACKAGE_PRELOAD"]
    return subprocess.run([python, "-B", "-W", "ignore", *arguments], env=environment,
                          cwd=directory, stdout=subprocess.PIPE, text=True, timeout=300)
