#!/usr/bin/env python3
"""Keeps the format that a version writes: tests/formats/vN.tar.xz and vN.json.

    tests/formats/make_fixture.py VIRIDIAN_BINARY vN

To be run with the program of a version before the next one changes the format, and never again.
The archive holds the same directory twice: `killed`, as a process that was killed left it, and
`stopped`, after a stop in order. The JSON file is what that program answered.
"""
import io
import json
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile

from contents import FLAGS, differences, state_of, write_all

import harness

HERE = pathlib.Path(__file__).parent


def archive(path, root):
    """The same bytes for the same files, whenever and by whomever it is made."""
    def plain(info):
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as tar:
        for name in ("killed", "stopped"):
            tar.add(os.path.join(root, name), name, filter=plain)
    path.write_bytes(buffer.getvalue())


def main():
    binary, name = sys.argv[1], sys.argv[2]
    target = HERE / f"{name}.tar.xz"
    if target.exists():
        sys.exit(f"{target} exists: the format that a version wrote does not change")
    with tempfile.TemporaryDirectory(prefix="viridian-fixture-") as root:
        data = os.path.join(root, "stopped")
        server = harness.Server(binary, data, *FLAGS).start()
        ids = write_all(server, data)
        state = state_of(server)
        for collection, expected in ids.items():
            assert sorted(state[collection]["get"]["ids"]) == expected, collection
        assert set(ids) == set(state), (sorted(ids), sorted(state))
        server.kill()
        shutil.copytree(data, os.path.join(root, "killed"))
        server.start()
        found = list(differences(state, state_of(server)))
        assert not found, found[:10]
        assert server.stop() == 0
        archive(target, root)
    (HERE / f"{name}.json").write_text(
        json.dumps(state, indent=None, separators=(",", ":"), sort_keys=True) + "\n")
    print(f"{target}: {target.stat().st_size} bytes, {len(ids)} collections, "
          f"{sum(map(len, ids.values()))} records")


main()
