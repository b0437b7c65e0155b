"""Executes the tour, as Jupyter does, with pandas and without.

usage: notebook_test.py PACKAGE_ROOT
In an interpreter that can, it runs itself once more: notebook_test.py --execute pandas|no-pandas
"""
import pathlib
import re
import sys
import tempfile

TOUR = pathlib.Path(__file__).resolve().parents[2] / "examples" / "notebook" / "tour.ipynb"
# What the beginnings of cells' results have to match, in their order; others may come between.
SHOWN = [
    r"5$",
    r"\[\('pancakes', 0\.42\d+\),\s+\('omelette', ",
    r"\['pancakes', 'salad'\]",
    r"\['bread', 'soup', 'salad'\]",
    r"\['bread', 'salad'\]",
    r"\['pancakes', 'omelette'\]",
    r"{'pancakes': [\s\S]*'bread': {.*'minutes': 200[\s\S]*'soup': {.*'blender'",
    r"\['Simmer pumpkin and ginger",
    {"pandas": r"\s+course\s+minutes\s+needs[\s\S]*pancakes", "no-pandas": r"\[{'id': 'pancakes'"},
    r"\(\(3, 384\), dtype\('float32'\)\)",
]


def results(book):
    """The texts of the cells' results."""
    return [output["data"]["text/plain"] for cell in book.cells if cell.cell_type == "code"
            for output in cell.outputs if output.output_type == "execute_result"]


def execute(mode):
    """Whether the tour says what it should; CellExecutionError where a cell fails."""
    import nbclient
    import nbformat
    book = nbformat.read(TOUR, as_version=4)
    nbformat.validate(book)
    if any(cell.get("outputs") or cell.get("execution_count") for cell in book.cells):
        sys.exit("the tour is stored with outputs")
    if mode == "no-pandas":
        book.cells.insert(0, nbformat.v4.new_code_cell("import sys; sys.modules['pandas'] = None"))
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    shown = iter(results(book))
    for expected in SHOWN:
        expected = expected[mode] if isinstance(expected, dict) else expected
        if not any(re.match(expected, text) for text in shown):
            sys.exit(f"no cell shows {expected!r}, in its place, but:\n" + "\n".join(results(book)))


def main(package):
    import interpreters
    python = interpreters.notebook()
    if python is None:
        print("SKIPPED: nbclient, ipykernel and pandas cannot be had")
        sys.exit(interpreters.harness.SKIPPED)
    failed = False
    for mode in ("pandas", "no-pandas"):
        with tempfile.TemporaryDirectory() as directory:
            done = interpreters.run(python, __file__, "--execute", mode, package=package,
                                    directory=directory)
            left = [path.name for path in pathlib.Path(directory).iterdir()]
            print(f"{mode}: ended with {done.returncode}, left {left}")
            failed = failed or done.returncode != 0 or bool(left)
    sys.exit(failed)


if __name__ == "__main__":
    execute(sys.argv[2]) if sys.argv[1] == "--execute" else main(*sys.argv[1:])
