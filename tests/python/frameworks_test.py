"""LangChain's and LlamaIndex's stores for Chroma, unmodified, on this library.

usage: frameworks_test.py langchain|llamaindex PACKAGE_ROOT VIRIDIAN_BINARY
Runs the gallery's program, and a scenario on the real Chroma, in three ways on this library and on a
server of it, whose answers have to be Chroma's.
"""
import json
import pathlib
import sys
import tempfile

import examples_test
import interpreters
from interpreters import harness
from scenario_test import differences

HERE = pathlib.Path(__file__).parent
HARBOUR = {
    "langchain": r"  tide, distance 0.368\n  keeper, distance 0.470\n  after page 2: cafe\n"
                 r"  near and unlike each other: cafe tide\n  then left: tide cafe\n",
    "llamaindex": r"  tide, score 0.655\n  keeper, score 0.591\n  after page 2: cafe\n"
                  r"  then left: 2 passages\n",
}


def example_failures(python, package, framework):
    """What is wrong with the gallery's program."""
    told = HARBOUR[framework]
    expected = f"^a client of Chroma:\n{told}a client of Viridian:\n{told}$"
    return examples_test.failures(python, package, f"with_{framework}.py", expected=expected)


def scenario_failures(python, package, binary, framework):
    """Where the scenario's answers are not those of the real Chroma."""
    scenario = HERE / f"{framework}_scenario.py"

    def answers(place, *arguments):
        done = interpreters.run(python, *arguments, place, package=package)
        if done.returncode != 0:
            return {"ended with": done.returncode}
        return json.loads(done.stdout)

    with tempfile.TemporaryDirectory() as directory:
        expected = answers(f"{directory}/chroma", scenario, "chromadb")
        for way, arguments in (("unchanged", ("-m", "viridian.chroma", scenario, "chromadb")),
                               ("component", (scenario, "component")),
                               ("client", (scenario, "client"))):
            got = answers(f"{directory}/{way}", *arguments)
            yield from (f"{way}: {found}" for found in differences(expected, got))
            if not (pathlib.Path(directory) / way / "FORMAT").exists():
                yield f"{way}: the directory is not Viridian's"
        with harness.running(binary) as server:
            got = answers(str(server.port), scenario, "http")
        yield from (f"server: {found}" for found in differences(expected, got))
    if expected.get("ended with"):
        yield "the scenario failed on the real Chroma"


def main(framework, package, binary):
    python = getattr(interpreters, framework)()
    if python is None:
        print(f"SKIPPED: {framework} cannot be had")
        sys.exit(harness.SKIPPED)
    found = [*example_failures(python, package, framework),
             *scenario_failures(python, package, binary, framework)]
    print(f"{framework}: {len(found)} failures", *found, sep="\n  ")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
