"""Open databases of this process, and who shares them."""
from __future__ import annotations

import atexit
import os
import threading
import weakref

from . import _core
from .errors import FailedPreconditionError

# Held while a database is opened or closed, so that whoever opens a directory finds it either open
# or free. Reentrant, since the collector may end a client wherever this thread is.
_lock = threading.RLock()
# A session that nobody refers to is gone before its database is closed, hence both.
_directories: dict[str, tuple[weakref.ref[Session], _core.Database]] = {}
_in_memory: dict[str, Session] = {}
_open: weakref.WeakSet[Session] = weakref.WeakSet()


class Session:
    """An open database or a connection to a server, which clients and collections share.

    Whoever is given one is a user of it. It closes when the last of them has closed it, or when
    nobody refers to it any more.
    """

    def __init__(self, database, settings):
        self.database = database
        self._settings = settings
        self._users = 0
        _open.add(self)

    def acquire(self):
        """One more user."""
        with _lock:
            self._users += 1
        return self

    def acquire_with(self, settings):
        """The same; ValueError where it was opened with other settings."""
        if settings != self._settings:
            raise ValueError("this database is open in this process, with other settings: close "
                             "those clients first, or give the same settings")
        return self.acquire()

    def release(self, close):
        """One user less. `close`: it was closed, rather than forgotten by the program."""
        with _lock:
            self._users -= 1
            if not close or self._users > 0:
                return
            for key in [key for key, held in _directories.items() if held[0]() is self]:
                del _directories[key]
            for key in [key for key, session in _in_memory.items() if session is self]:
                del _in_memory[key]
            self.database.close()


def _forgotten(reference):
    """Closes a directory that nobody refers to any more."""
    with _lock:
        for key in [key for key, held in _directories.items() if held[0] is reference]:
            _directories.pop(key)[1].close()


def refuse_chromas(path):
    """FailedPreconditionError for a directory that Chroma wrote: in it there would seem to be nothing."""
    path = os.fsdecode(path)
    there = os.path.exists(os.path.join(path, "chroma.sqlite3"))
    if there and not os.path.exists(os.path.join(path, "FORMAT")):
        raise FailedPreconditionError(
            f"{path} is a directory of Chroma's, which is left as it is: copy what is in it with "
            f"'python -m viridian.migrate {path} --into PATH', and open PATH")


def directory(path, settings):
    """The session of a data directory; one for all clients of a process."""
    key = os.path.realpath(os.fsdecode(path))
    with _lock:
        held = _directories.get(key)
        session = None if held is None else held[0]()
        if session is None:
            if held is not None:
                held[1].close()  # forgotten, by a thread that waits for its turn to close it
            refuse_chromas(path)
            session = Session(_core.Database.open(os.fsencode(path), settings), settings)
            _directories[key] = (weakref.ref(session, _forgotten), session.database)
        return session.acquire_with(settings)


def memory(settings):
    """The session of the database in memory; one for all clients of a process, as in Chroma."""
    with _lock:
        session = _in_memory.get("memory")
        if session is None:
            session = Session(_core.Database.memory(settings), settings)
            _in_memory["memory"] = session
        return session.acquire_with(settings)


def server(url, settings):
    """A session of its own with a server."""
    return Session(_core.Database.connect(url, settings), settings).acquire()


def _forget():
    """In a forked process: its parent's databases are not open here."""
    global _lock
    _lock = threading.RLock()
    _directories.clear()
    _in_memory.clear()
    _open.clear()


def _close_all():
    """Before the interpreter goes: the library's threads end while what they use is there."""
    _directories.clear()
    for session in list(_open):
        session.database.close()


os.register_at_fork(after_in_child=_forget)
atexit.register(_close_all)
