"""Runs scenario.py on everything that is to answer it like Chroma, and compares the answers.

usage: scenario_test.py PACKAGE_ROOT VIRIDIAN_BINARY [--record]
Chroma's own answers are in chroma-1.5.9.json (--record writes them). Where the real Chroma can be
installed they are asked for again, and its clients are run on the drop-in component.
"""
import json
import pathlib
import sys
import tempfile

import interpreters
from interpreters import harness

HERE = pathlib.Path(__file__).parent
RECORDED = HERE / "chroma-1.5.9.json"


def differences(expected, got, path=""):
    """Where two answers differ, one a line."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted({*expected, *got}):
            yield from differences(expected.get(key), got.get(key), f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for i, (one, other) in enumerate(zip(expected, got)):
            yield from differences(one, other, f"{path}/{i}")
    elif expected != got:
        yield f"{path}: {json.dumps(expected)[:200]} expected, {json.dumps(got)[:200]} came"


def answers(python, package, *arguments):
    # An unchanged program of Chroma's, which scenario.py is for the backend chromadb, on this library.
    program, backend = [HERE / "scenario.py"], arguments
    if arguments == ("unchanged",):
        program, backend = ["-m", "viridian.chroma", *program], ("chromadb",)
    done = interpreters.run(python, *program, *backend, package=package,
                            preload=arguments != ("chromadb",))
    return json.loads(done.stdout) if done.returncode == 0 else {"ended with": done.returncode}


def main(package, binary, *flags):
    python, chroma = interpreters.numpy(), interpreters.chromadb()
    if python is None:
        print("SKIPPED: no NumPy can be had")
        sys.exit(harness.SKIPPED)
    if "--record" in flags:
        RECORDED.write_text(json.dumps(answers(chroma, package, "chromadb"), indent=0) + "\n")
    expected, failed = json.loads(RECORDED.read_text()), False
    with tempfile.TemporaryDirectory() as directory, harness.running(binary) as server:
        runs = [(python, "ephemeral"), (python, "persistent", f"{directory}/a"),
                (python, "http", f"127.0.0.1:{server.port}")]
        if chroma is None:
            print(f"{interpreters.CHROMA} could not be installed: its recorded answers must do")
        else:
            runs += [(chroma, "chromadb"), (chroma, "component", f"{directory}/b"),
                     (chroma, "unchanged")]
        for interpreter, *arguments in runs:
            found = list(differences(expected, answers(interpreter, package, *arguments)))
            print(f"{arguments[0]}: {len(found)} differences", *found, sep="\n  ")
            failed = failed or bool(found)
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
