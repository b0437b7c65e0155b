"""Open databases of this process, and who shares them."""
from __future__ import annotations

import atexit
import os
import threading
import weakref

from . import _core

_lock = threading.Lock()
_directories: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
_in_memory: dict[str, Session] = {}
_open: weakref.WeakSet[Session] = weakref.WeakSet()


class Session:
    """An open database or a connection to a server, which clients and collections share.

    It closes when the last client that uses it is closed, or when nobody refers to it any more.
    """

    def __init__(self, database, settings):
        self.database = database
        self._settings = settings
        self._clients = 0
        _open.add(self)

    def acquire(self):
        """One more client uses it."""
        with _lock:
            self._clients += 1
        return self

    def fits(self, settings):
        """Itself; ValueError where it was opened with other settings."""
        if settings != self._settings:
            raise ValueError("this database is open in this process, with other settings: close "
                             "those clients first, or give the same settings")
        return self

    def release(self, close):
        """One client less. `close`: it was closed, rather than forgotten by the program."""
        with _lock:
            self._clients -= 1
            if not close or self._clients > 0:
                return
            for shared in (_directories, _in_memory):
                for key in [key for key, session in shared.items() if session is self]:
                    del shared[key]
        self.database.close()


def directory(path, settings):
    """The session of a data directory; one for all clients of a process."""
    key = os.path.realpath(path)
    with _lock:
        session = _directories.get(key)
        if session is None:
            session = Session(_core.Database.open(os.fspath(path), settings), settings)
            _directories[key] = session
        return session.fits(settings)


def memory(settings):
    """The session of the database in memory; one for all clients of a process, as in Chroma."""
    with _lock:
        session = _in_memory.get("memory")
        if session is None:
            session = Session(_core.Database.memory(settings), settings)
            _in_memory["memory"] = session
        return session.fits(settings)


def server(url, settings):
    """A session of its own with a server."""
    return Session(_core.Database.connect(url, settings), settings)


def _forget():
    """In a forked process: its parent's databases are not open here."""
    global _lock
    _lock = threading.Lock()
    _directories.clear()
    _in_memory.clear()
    _open.clear()


def _close_all():
    """Before the interpreter goes: the library's threads end while what they use is there."""
    for session in list(_open):
        session.database.close()


os.register_at_fork(after_in_child=_forget)
atexit.register(_close_all)
