"""Ask another service's C2PA Soft Binding Resolution API where a picture comes from.

Rules: only hosts that the operator listed; https, plain http to this machine alone; a listed name that leads to a
private address is refused unless that address is listed itself; no redirects, no proxy from the environment; answers
are capped in bytes, each request in time. What comes back is a stranger's: ids are checked before they are put into an
address, and a manifest counts only for what its validation against the picture says.
"""

import base64
import ipaddress
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from service.errors import ServiceError

TIMEOUT_S = 10.0
MAX_BYTES = 32 * 1024 * 1024
MOST_MATCHES = 10
_MOST_ID = 200


class ResolutionFailed(ServiceError):
    """The other service may not be asked, does not answer, or answers nonsense."""

    code = "resolution_failed"


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest that the other service names: its id, where it is kept, and how alike the pictures are (0..100)."""

    manifest_id: str
    server: str
    score: float | None


class ResolutionClient:
    """One other service.

    Args:
        server: its address, such as "https://credentials.example.org".
        hosts: the hosts that may be asked, as host or host:port.
        headers: credentials, sent to `server` only, never to another endpoint that a match names.
        connect: makes the HTTP client; tests give one without a network.

    Raises:
        ResolutionFailed: the server may not be asked.

    """

    def __init__(
        self,
        server: str,
        hosts: Sequence[str],
        *,
        headers: Mapping[str, str] | None = None,
        connect: Callable[[], httpx2.Client] | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._server, self._headers = self.permitted(server), dict(headers or {})
        make = connect or (lambda: httpx2.Client(follow_redirects=False, trust_env=False, timeout=TIMEOUT_S))
        self._client = make()

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def algorithms(self) -> dict[str, list[str]]:
        """Return the names of the other's watermarks and fingerprints."""
        answer = self._json("GET", f"{self._server}/services/supportedAlgorithms")
        return {
            kind: [str(row["alg"]) for row in _rows(answer.get(kind)) if "alg" in row]
            for kind in ("watermarks", "fingerprints")
        }

    def by_binding(self, alg: str, value: bytes) -> list[Found]:
        """Ask by the value of a soft binding; the picture stays here."""
        body = {"alg": alg, "value": base64.b64encode(value).decode()}
        return self._found(self._json("POST", f"{self._server}/matches/byBinding", json_=body))

    def by_content(self, data: bytes, mime: str) -> list[Found]:
        """Ask by the picture itself, which is sent."""
        address = f"{self._server}/matches/byContent"
        return self._found(self._json("POST", address, data=data, mime=mime))

    def manifest(self, found: Found) -> bytes:
        """Fetch a manifest store."""
        address = f"{self.permitted(found.server)}/manifests/{quote(found.manifest_id, safe=':')}"
        return self._ask("GET", address)

    def permitted(self, server: str) -> str:
        """Return the address without a slash at its end.

        Raises:
            ResolutionFailed: it may not be asked.

        """
        try:
            parts = urlsplit(server)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise ResolutionFailed(f"server: got {server[:100]!r}, expected an address.") from error
        if not host or parts.username is not None or parts.query or parts.fragment:
            raise ResolutionFailed(
                f"server: got {server[:100]!r}, expected https://host or https://host/path."
            )
        listed = {host, f"{host}:{port}"} & self._hosts
        if not listed:
            raise ResolutionFailed(f"server: {host} is not in resolution_hosts; list it there to ask it.")
        addresses = _addresses(host, port or (443 if parts.scheme == "https" else 80))
        local = all(address.is_loopback for address in addresses)
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ResolutionFailed(f"server: got {parts.scheme}, expected https.")
        for address in addresses:
            if not address.is_global and str(address) not in {host, *self._hosts}:
                raise ResolutionFailed(
                    f"server: {host} leads to the private address {address}; list that in resolution_hosts to ask it."
                )
        return server.rstrip("/")

    def _found(self, answer: dict[str, Any]) -> list[Found]:
        found = []
        for row in _rows(answer.get("matches"))[:MOST_MATCHES]:
            manifest_id, endpoint, score = (
                row.get("manifestId"),
                row.get("endpoint"),
                row.get("similarityScore"),
            )
            if not isinstance(manifest_id, str) or not 0 < len(manifest_id) <= _MOST_ID:
                raise ResolutionFailed("the other service named a manifest by what is no id.")
            server = endpoint if isinstance(endpoint, str) and endpoint else self._server
            number = float(score) if isinstance(score, int | float) else None
            found.append(Found(manifest_id, server, number))
        return found

    def _json(self, method: str, address: str, **request: Any) -> dict[str, Any]:
        try:
            answer = json.loads(self._ask(method, address, **request))
        except (ValueError, RecursionError) as error:
            raise ResolutionFailed("the other service did not answer with JSON.") from error
        if not isinstance(answer, dict):
            raise ResolutionFailed("the other service did not answer with an object.")
        return answer

    def _ask(
        self,
        method: str,
        address: str,
        *,
        data: bytes | None = None,
        mime: str = "",
        json_: Mapping[str, str] | None = None,
    ) -> bytes:
        headers = self._headers.copy() if address.startswith(f"{self._server}/") else {}
        if json_ is not None:
            data, mime = json.dumps(json_).encode(), "application/json"
        if mime:
            headers["Content-Type"] = mime
        deadline, received = time.monotonic() + 3 * TIMEOUT_S, bytearray()
        try:
            with self._client.stream(method, address, content=data, headers=headers) as answer:
                if answer.status_code != 200:
                    raise ResolutionFailed(f"the other service answered {answer.status_code}.")
                for piece in answer.iter_bytes():
                    received += piece
                    if len(received) > MAX_BYTES or time.monotonic() > deadline:
                        raise ResolutionFailed("the other service's answer is too long or too slow.")
        except httpx2.HTTPError as error:
            raise ResolutionFailed(f"the other service did not answer ({type(error).__name__}).") from error
        return bytes(received)


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _addresses(host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]
    except (OSError, ValueError) as error:
        raise ResolutionFailed(f"server: {host} cannot be found.") from error
