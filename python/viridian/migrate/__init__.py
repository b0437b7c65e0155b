"""Moving in: copies what Chroma keeps in a directory, which is only read.

    from_chroma("old-directory", viridian.PersistentClient("new-directory"))

    python -m viridian.migrate old-directory --into new-directory

Reads what Chroma 0.4 to 1.5 wrote. Nothing may write to the directory meanwhile.
"""
from .copying import from_chroma
from .report import CollectionReport, MigrationError, Progress, Report

__all__ = ["CollectionReport", "MigrationError", "Progress", "Report", "from_chroma"]
