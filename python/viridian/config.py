"""Settings of a client, under the names that Chroma gives them."""
from __future__ import annotations

from typing import Any, Dict, Optional, Union

DEFAULT_TENANT = "default_tenant"
DEFAULT_DATABASE = "default_database"
# What is not for log files.
_SECRET = ("chroma_client_auth_credentials", "chroma_server_headers")


class Settings:
    """How to open a database.

    What Chroma's settings have and this package has no use for (telemetry, component names) is
    accepted and kept, so that programs for Chroma need no change.

    `allow_reset` lets `Client.reset` work. `viridian` is a dict of settings of the engine, such as
    `{"executor.threads": "4"}`; docs/configuration.md lists them.

    For servers: `chroma_server_ssl_verify` is True, False (any certificate does) or the path of
    the certificates to trust. `chroma_client_auth_provider` names Chroma's class for a token or
    for basic authentication, `chroma_client_auth_credentials` has the token or "user:password".

        >>> settings = Settings(allow_reset=True, anonymized_telemetry=False)
        >>> settings.allow_reset
        True
    """

    def __init__(self, **values: Any) -> None:
        self.allow_reset = False
        self.is_persistent = False
        self.persist_directory = "./chroma"
        self.chroma_server_host: Optional[str] = None
        self.chroma_server_http_port: Optional[int] = None
        self.chroma_server_ssl_enabled: Optional[bool] = False
        self.chroma_server_ssl_verify: Union[bool, str, None] = None
        self.chroma_server_headers: Optional[Dict[str, str]] = None
        self.chroma_client_auth_provider: Optional[str] = None
        self.chroma_client_auth_credentials: Optional[str] = None
        self.chroma_auth_token_transport_header: Any = None
        self.viridian: Dict[str, Any] = {}
        self.__dict__.update(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and vars(self) == vars(other)

    def __repr__(self) -> str:
        shown = {name: "..." if value and name in _SECRET else value
                 for name, value in vars(self).items()}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def require(self, key: str) -> Any:
        """The value of a setting; ValueError where it is None."""
        value = getattr(self, key)
        if value is None:
            raise ValueError(f"the setting {key} is needed")
        return value

    def of_engine(self) -> Dict[str, str]:
        """The settings that the engine is opened with, by its own names."""
        engine = {name: str(value) for name, value in self.viridian.items()}
        engine.setdefault("allow_reset", "true" if self.allow_reset else "false")
        return engine
