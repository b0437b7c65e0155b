"""The command: python -m viridian.migrate DIRECTORY --into PATH|URL, which
`viridian import --from-chroma DIRECTORY` runs too.
"""
import argparse
import os
import sys

from .. import HttpClient, PersistentClient, Settings, errors
from ..client import Client
from . import MigrationError, Progress, from_chroma
from .catalogue import opened

# As the command line of `viridian` takes them.
_CA_FILE, _HEADERS = "VIRIDIAN_CLIENT_CA_FILE", "VIRIDIAN_CLIENT_HEADERS"


def main(name: str = "python -m viridian.migrate") -> int:
    """The exit status: 0 where everything came over, 1 where not, 2 where it could not go on."""
    parser = argparse.ArgumentParser(
        prog=name,
        description="Copies what Chroma 0.4 to 1.5 keeps in a directory, which is only read. "
                    "Interrupted, it goes on when it is called again.")
    parser.add_argument("directory", help="the directory that Chroma wrote, with its chroma.sqlite3")
    parser.add_argument("--into", required=True, metavar="PATH|URL",
                        help="Viridian's directory, or the address of a server (http[s]://host:port)")
    parser.add_argument("--state", metavar="FILE",
                        help="where is kept how far it is (PATH.migration.json; for a server "
                             "viridian.migration.json in the current directory)")
    parser.add_argument("--ca-file", metavar="FILE", default=os.environ.get(_CA_FILE),
                        help="certificates to trust with an https address, instead of the system's "
                             f"({_CA_FILE})")
    parser.add_argument("--header", metavar="NAME: VALUE", action="append",
                        help="sent with each request to a server; again for more "
                             f"({_HEADERS}, one a line)")
    given = parser.parse_args()
    server = given.into.startswith(("http://", "https://"))
    state = given.state or ("viridian" if server else given.into.rstrip("/")) + ".migration.json"
    try:
        with opened(given.directory):
            pass  # before a target is made for nothing
        with _server(given) if server else PersistentClient(given.into) as client:
            report = from_chroma(given.directory, client, _show, state)
    except (MigrationError, errors.ChromaError, OSError, ValueError) as error:
        print(f"viridian.migrate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("viridian.migrate: interrupted; the same command goes on", file=sys.stderr)
        return 2
    print(report)
    return 0 if report.complete else 1


def _server(given: argparse.Namespace) -> Client:
    headers = "\n".join(given.header or [os.environ.get(_HEADERS, "")])
    return HttpClient(given.into, settings=Settings(viridian={"client.ca_file": given.ca_file or "",
                                                              "client.headers": headers}))


def _show(at: Progress) -> None:
    print(f"{at.tenant}/{at.database}/{at.collection}: {at.done} of {at.total}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
