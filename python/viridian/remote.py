"""How a server is reached: its address, whom to trust there, and headers that say who asks."""
from __future__ import annotations

import base64
import re
from typing import Any, Dict, Mapping, Optional

from .config import Settings
from .errors import InvalidArgumentError

_API = "/api/v2"


def url(host: str, port: int, ssl: bool) -> str:
    """The address of a server, as the engine takes it.

    `host`: a name or an address, to which `port` belongs; or a whole URL, perhaps with a path that
    the server is below. ValueError where it is neither.

        >>> url("localhost", 8000, ssl=False)
        'http://localhost:8000'
        >>> url("https://example.org/vectors/api/v2", 8000, ssl=False)
        'https://example.org/vectors'
    """
    scheme, separator, rest = str(host).partition("://")
    if separator and scheme in ("http", "https"):
        kept = "https" if ssl else scheme
        return f"{kept}://{rest.rstrip('/').removesuffix(_API)}"
    if "/" in str(host):
        raise ValueError(f"{host!r} is no host: put http:// or https:// before it where it is a URL")
    name = f"[{host}]" if ":" in str(host).strip("[]") and not str(host).startswith("[") else host
    return f"{'https' if ssl else 'http'}://{name}:{int(port)}"


def engine_settings(settings: Settings, headers: Optional[Mapping[str, str]]) -> Dict[str, str]:
    """The engine's settings of a connection: those in `settings.viridian`, and what Chroma's say.

        >>> engine_settings(Settings(chroma_server_ssl_verify="ca.pem"), {"x-chroma-token": "abc"})
        {'client.ca_file': 'ca.pem', 'client.headers': 'x-chroma-token: abc'}
    """
    engine: Dict[str, str] = {}
    verify = settings.chroma_server_ssl_verify
    if verify is not None:
        engine.update({"client.verify": str(verify).lower()} if isinstance(verify, bool)
                      else {"client.ca_file": str(verify)})
    engine.update({name: str(value) for name, value in settings.viridian.items()})
    own = settings.chroma_server_headers if headers is None else headers
    lines = [_line(name, value) for name, value in {**(own or {}), **_who_asks(settings)}.items()]
    if lines:
        engine["client.headers"] = "\n".join([*filter(None, [engine.get("client.headers")]), *lines])
    return engine


def _line(name: str, value: str) -> str:
    # What stands on a line of its own would be a header of its own. The value may be a secret.
    if re.search(r"[\x00-\x1f\x7f:]", str(name)) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", str(value)):
        raise InvalidArgumentError(f"the header {str(name)!r} has a character that none may have")
    return f"{name}: {value}"


def _who_asks(settings: Settings) -> Dict[str, str]:
    """The header that Chroma's settings for authentication stand for."""
    provider = settings.chroma_client_auth_provider
    if not provider:
        return {}
    credentials: Any = settings.require("chroma_client_auth_credentials")
    kind = str(provider).rpartition(".")[2]
    if kind == "BasicAuthClientProvider":
        return {"Authorization": "Basic " + base64.b64encode(str(credentials).encode()).decode()}
    if kind != "TokenAuthClientProvider":
        raise ValueError(f"chroma_client_auth_provider {provider!r} is not known: there are "
                         "chromadb.auth.token_authn.TokenAuthClientProvider and "
                         "chromadb.auth.basic_authn.BasicAuthClientProvider")
    header = settings.chroma_auth_token_transport_header or "Authorization"
    header = str(getattr(header, "value", header))
    if header.lower() not in ("authorization", "x-chroma-token"):
        raise ValueError(f"a token does not travel in the header {header!r}: there are "
                         "Authorization and X-Chroma-Token")
    bearer = "Bearer " if header.lower() == "authorization" else ""
    return {header: f"{bearer}{credentials}"}
