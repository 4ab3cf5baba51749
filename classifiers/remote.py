"""Ask a moderation service over HTTP, and get an answer that can be trusted to be whole, or an error.

Owns the connection; what is asked and what the answer means is each plug-in's. Rules it keeps:

- https only; plain http to this machine alone. The address holds no credentials and no query: addresses are logged;
- the key comes from an option or from a file that an option names. It is in one header and nowhere else: in no log
  line, error text or representation;
- redirects are errors: what was sent here is sent nowhere else. Proxies and certificates named by the environment
  are not used;
- one limit on the time of all requests of one score, held by closing the connection, because a limit on each read
  lets a server that drips run on. Before the connection stands, `CONNECT_S` for each address of the host limits it;
- no retries: a service that is busy is a service that does not answer, and the caller refuses;
- anything but status 200 and one JSON object of at most `MAX_ANSWER_BYTES` raises. Nothing is ever guessed.

A connection lives for one score. That costs a TLS handshake a score, and no stale connection ever fails one.
Tested against servers on this machine, with TLS and without.
"""

import contextlib
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import httpx2

from classifiers.errors import OptionsInvalid, RemoteFailed

TIMEOUT_S: Final = 20.0
"""Seconds for one score unless told otherwise: less than the guard gives a classifier (30), so that the connection
ends before the guard counts the call as hanging."""
CONNECT_S: Final = 5.0
READ_S: Final = 15.0
"""Seconds that connecting, and each wait for more bytes, may take; httpx's default for both is 5, and a picture takes
these services longer."""
MAX_ANSWER_BYTES: Final = 1 << 20
"""An answer of either service is below 2 kB a text."""
MAX_KEY_BYTES: Final = 4096

_ADVICE: Final = {
    401: "check the key",
    403: "check the key and what it may do",
    404: "check the address",
    413: "it takes less at once than documented",
    429: "it wants fewer requests: ask for a higher limit",
}


class RemoteService:
    """One service at one address. Thread-safe; opens no connection before `ask`."""

    def __init__(self, name: str, base_url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        """Check where to ask.

        Args:
            name: for error texts.
            base_url: where the paths given to `ask` begin.
            headers: sent with every request; holds the key.
            timeout_s: seconds in (0, 600] for all requests of one `ask`.

        Raises:
            OptionsInvalid: the address is not one that this may go to, or the time is no time.

        """
        if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s <= 600:
            raise OptionsInvalid(
                f"{name}, timeout_s: got {timeout_s!r}, expected seconds in (0, 600]; correct it"
            )
        self._name, self._timeout_s = name, float(timeout_s)
        self._base = _checked_address(name, base_url)
        self._headers = {**headers, "Accept": "application/json", "Accept-Encoding": "identity"}
        secure = self._base.startswith("https")  # loading the certificates costs 60 ms
        self._tls = httpx2.create_ssl_context(trust_env=False) if secure else _nobody()

    def ask(self, path: str, bodies: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Post each of `bodies` as JSON to `path`, one after another, and give the answers.

        Raises:
            RemoteFailed: one of them got no usable answer, or they took too long together.

        """
        limits = httpx2.Timeout(min(READ_S, self._timeout_s), connect=min(CONNECT_S, self._timeout_s))
        client = httpx2.Client(
            headers=self._headers, timeout=limits, verify=self._tls, trust_env=False, follow_redirects=False
        )
        with client, _Cutoff(self._timeout_s) as cutoff:
            return [self._post(client, cutoff, path, body) for body in bodies]

    def _post(
        self, client: httpx2.Client, cutoff: "_Cutoff", path: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        sent = json.dumps(body).encode("ascii")
        data = bytearray()
        try:
            with client.stream(
                "POST",
                self._base + path,
                content=sent,
                headers={"Content-Type": "application/json"},
                extensions={"trace": cutoff.watch},
            ) as response:
                status = response.status_code
                if status == 200:  # the words of a refusal may repeat the prompt: they are not even read
                    for part in response.iter_raw():
                        data += part
                        if len(data) > MAX_ANSWER_BYTES:
                            raise RemoteFailed(
                                f"{self._name}: got more than {MAX_ANSWER_BYTES} bytes, expected a short answer; "
                                "check the address"
                            )
        except (httpx2.HTTPError, OSError, ValueError) as error:
            if cutoff.passed:
                raise self._too_late() from error
            raise RemoteFailed(
                f"{self._name}: got {type(error).__name__}, expected an answer; check that it can be reached"
            ) from error
        if cutoff.passed:  # an answer without a length ends where the connection does
            raise self._too_late()
        if status != 200:
            advice = "redirects are not followed: correct the address" if 300 <= status < 400 else ""
            raise RemoteFailed(
                f"{self._name}: got HTTP {status}, expected 200; "
                f"{advice or _ADVICE.get(status, 'see what the service says of itself')}"
            )
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self.unusable("an answer that is not JSON", "a JSON object") from error
        if not isinstance(answer, dict):
            raise self.unusable(f"a JSON {type(answer).__name__}", "a JSON object")
        return answer

    def unusable(self, got: str, expected: str) -> RemoteFailed:
        """Give the error for an answer that is not what the service documents."""
        return RemoteFailed(
            f"{self._name}: got {got}, expected {expected}; check that the address is that of such a service"
        )

    def _too_late(self) -> RemoteFailed:
        return RemoteFailed(
            f"{self._name}: got no whole answer, expected one within {self._timeout_s:g} s; try later"
        )


class _Cutoff:
    """Ends the connections of one `ask` when its time is over, in whatever state they are.

    It holds a second descriptor of each connection: shutting that down wakes a read that waits on the first, and
    cannot hit a connection of somebody else's, as closing the first from another thread could.
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self.passed: bool = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for one in self._held:
                one.close()
            self._held.clear()

    def watch(self, event: str, told: Mapping[str, Any]) -> None:
        """Take note of a new connection (httpcore's `trace` extension calls this)."""
        if event != "connection.connect_tcp.complete":
            return
        with self._lock:
            self._held.append(told["return_value"].get_extra_info("socket").dup())
            if self.passed:
                _shut(self._held[-1])

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            for one in self._held:
                _shut(one)


def _nobody() -> ssl.SSLContext:
    """Give a context that trusts no certificate, for plain http."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


def load_key(name: str, api_key: str, api_key_file: str) -> str:
    """Give the key from the option that holds it, or from the file that the other one names.

    Raises:
        OptionsInvalid: neither or both were given, the file cannot be read, or what is there is not a key. The text
            never holds any of it.

    """
    if (
        not isinstance(api_key, str)
        or not isinstance(api_key_file, str)
        or bool(api_key) == bool(api_key_file)
    ):
        raise OptionsInvalid(
            f"{name}: got no key or more than one, expected option api_key or api_key_file; give one of them"
        )
    key, where = api_key, "api_key"
    if api_key_file:
        where = f"api_key_file {api_key_file!r}"
        try:
            if not Path(api_key_file).is_file():
                raise OptionsInvalid(
                    f"{name}, {where}: got no such file, expected the key in it; correct the path"
                )
            with Path(api_key_file).open("rb") as file:
                key = file.read(MAX_KEY_BYTES + 1).decode("ascii", "replace").strip()
        except (OSError, ValueError) as error:
            raise OptionsInvalid(
                f"{name}, {where}: got {type(error).__name__}, expected a file that can be read; correct it"
            ) from error
    if not key or len(key) > MAX_KEY_BYTES or not all("!" <= letter <= "~" for letter in key):
        raise OptionsInvalid(
            f"{name}, {where}: got {len(key)} characters that are no key, expected 1 to {MAX_KEY_BYTES} printable "
            "ASCII characters without spaces; correct it"
        )
    return key


def read_share(value: object) -> float | None:
    """Give a JSON number in [0, 1] as a float, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def _checked_address(name: str, base_url: str) -> str:
    """Give the address with one slash at its end."""
    wrong = OptionsInvalid(
        f"{name}, address: got one that is not usable, expected https://host[:port][/path] without user, query or "
        "fragment (http only to this machine); correct it"  # not repeated: it may hold a password
    )
    try:
        url = httpx2.URL(base_url)
        port_fits = url.port is None or 0 < url.port < 65536
    except (httpx2.InvalidURL, TypeError, ValueError) as error:
        raise wrong from error
    safe = url.scheme == "https" or (url.scheme == "http" and _is_this_machine(url.host))
    if not safe or not url.host or not port_fits or url.userinfo or "?" in base_url or "#" in base_url:
        raise wrong
    return f"{url.scheme}:" + base_url.split(":", 1)[1].rstrip("/") + "/"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
