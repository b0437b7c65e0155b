"""The libraries of frames, which are imported only where one of theirs is given or asked for."""
from __future__ import annotations

import importlib
from typing import Any, Optional

_EXTRAS = {"pandas": "pandas", "polars": "polars", "pyarrow": "arrow"}


def owner(value: Any) -> Optional[str]:
    """Which of the libraries made something; None where none of them did."""
    for cls in type(value).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in _EXTRAS:
            return root
    return None


def needed(module: str) -> Any:
    """The module; ImportError that says what to install where it is not there."""
    root = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"this needs {root}: pip install viridian[{_EXTRAS[root]}]") from error
