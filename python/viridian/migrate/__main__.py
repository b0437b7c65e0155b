"""The command: python -m viridian.migrate DIRECTORY --into PATH|URL."""
import argparse
import sys

from .. import HttpClient, PersistentClient, errors
from . import MigrationError, Progress, from_chroma


def main() -> int:
    """The exit status: 0 where everything came over, 1 where not, 2 where it could not go on."""
    parser = argparse.ArgumentParser(
        prog="python -m viridian.migrate",
        description="Copies what Chroma 0.4 to 1.5 keeps in a directory, which is only read. "
                    "Interrupted, it goes on when it is called again.")
    parser.add_argument("directory", help="the directory that Chroma wrote, with its chroma.sqlite3")
    parser.add_argument("--into", required=True, metavar="PATH|URL",
                        help="Viridian's directory, or the address of a server (http://host:port)")
    parser.add_argument("--state", metavar="FILE",
                        help="where is kept how far it is (PATH.migration.json; for a server "
                             "viridian.migration.json in the current directory)")
    given = parser.parse_args()
    server = given.into.startswith("http:")
    state = given.state or ("viridian" if server else given.into.rstrip("/")) + ".migration.json"
    try:
        with HttpClient(given.into) if server else PersistentClient(given.into) as client:
            report = from_chroma(given.directory, client, _show, state)
    except (MigrationError, errors.ChromaError, OSError, ValueError) as error:
        print(f"viridian.migrate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("viridian.migrate: interrupted; the same command goes on", file=sys.stderr)
        return 2
    print(report)
    return 0 if report.complete else 1


def _show(at: Progress) -> None:
    print(f"{at.tenant}/{at.database}/{at.collection}: {at.done} of {at.total}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
