"""Whatever a moderation service does, its classifier gives whole scores or one of our errors, and never the key."""

import datetime as dt
import ipaddress
import json
import logging
import ssl
import threading
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from classifiers import OptionsInvalid, create_image_classifier, create_prompt_classifier
from classifiers.errors import RemoteFailed
from classifiers.remote import MAX_ANSWER_BYTES
from safety import Guard
from safety.errors import CannotDecide

KEY = "sk-test-0123456789abcdef"
PICTURE = np.full((64, 64, 3), 200, np.uint8)
PLUG_INS = ["prompt_openai", "image_openai", "prompt_azure", "image_azure"]


def options_of(name: str, address: str, **more: Any) -> dict[str, Any]:
    where = {"base_url": f"{address}/v1"} if name.endswith("openai") else {"endpoint": address}
    return {**where, "api_key": KEY, "timeout_s": 5.0, **more}


def build(name: str, address: str, **more: Any) -> Any:
    make: Any = create_prompt_classifier if name.startswith("prompt") else create_image_classifier
    return make(name, **options_of(name, address, **more))


def ask(name: str, address: str, **more: Any) -> Any:
    return build(name, address, **more).score("a cat" if name.startswith("prompt") else PICTURE)


def fails(name: str, address: str, match: str, **more: Any) -> None:
    with pytest.raises(RemoteFailed, match=match) as caught:
        ask(name, address, **more)
    assert str(caught.value).startswith(name)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("name", PLUG_INS)
def test_a_service_that_works_is_believed(name: str, fake_service: Any) -> None:
    assert ask(name, fake_service.address).unsafe < 0.2


def test_a_proxy_that_the_environment_names_gets_nothing(
    fake_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert ask("prompt_openai", fake_service.address).unsafe < 0.2


@pytest.mark.parametrize("name", PLUG_INS)
@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 429, 500, 503])
def test_any_status_but_200_is_an_error_that_repeats_nothing(
    name: str, status: int, fake_service: Any
) -> None:
    fake_service.misbehave = lambda handler: handler.reply(
        status, b"" if status == 204 else b'{"a": "a cat"}'
    )
    with pytest.raises(RemoteFailed, match=f"got HTTP {status}, expected 200") as caught:
        ask(name, fake_service.address)
    assert "cat" not in str(caught.value)
    assert len(fake_service.seen) == 1  # no retry


@pytest.mark.parametrize("name", PLUG_INS)
def test_a_wrong_key_is_said_to_be_the_reason(name: str, fake_service: Any) -> None:
    fake_service.key = "another"
    fails(name, fake_service.address, "HTTP 401, expected 200; check the key")


@pytest.mark.parametrize("name", PLUG_INS)
def test_a_redirect_is_not_followed(name: str, fake_service: Any) -> None:
    elsewhere = f"{fake_service.address}/elsewhere"
    fake_service.misbehave = lambda handler: handler.reply(307, b"{}", Location=elsewhere)
    fails(name, fake_service.address, "HTTP 307, expected 200; redirects are not followed")
    assert [one["path"] for one in fake_service.seen if one["path"] == "/elsewhere"] == []


@pytest.mark.parametrize("name", PLUG_INS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"results": 7, "categoriesAnalysis": 7}',
        b'{"results": [], "categoriesAnalysis": []}',
        b'{"results": [7], "categoriesAnalysis": [7]}',
        b'{"results": [{}], "categoriesAnalysis": [{}]}',
        b'{"results": [{"category_scores": 7, "category_applied_input_types": 7}], "categoriesAnalysis": {}}',
        b'{"results": [{"category_scores": {"hate": 0.1}}], "categoriesAnalysis": [{"category": "Hate"}]}',
    ],
)
def test_an_answer_in_another_format_is_an_error(name: str, data: bytes, fake_service: Any) -> None:
    fake_service.misbehave = lambda handler: handler.reply(200, data)
    fails(name, fake_service.address, "got .*, expected .*; check that the address")


@pytest.mark.parametrize("name", PLUG_INS)
def test_a_compressed_answer_that_nobody_asked_for_is_not_unpacked(name: str, fake_service: Any) -> None:
    fake_service.misbehave = lambda handler: handler.reply(
        200, b"\x1f\x8b\x08\x00", **{"Content-Encoding": "gzip"}
    )
    fails(name, fake_service.address, "not JSON")
    assert fake_service.seen[0]["headers"]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("name", PLUG_INS)
def test_an_oversized_answer_is_not_read_to_its_end(name: str, fake_service: Any) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b" " * (MAX_ANSWER_BYTES + 1)
    fake_service.misbehave = lambda handler: handler.drip(start, b" " * 4096)
    fails(name, fake_service.address, f"more than {MAX_ANSWER_BYTES} bytes")
    assert fake_service.left.wait(10)


HEADERS = b"HTTP/1.1 200 OK\r\n"
SLOW = {
    "silent": (b"", b""),
    "drips the headers": (HEADERS + b"X-A: ", b"a"),
    "sends header after header": (HEADERS, b"X-A: a\r\n"),
    "drips the body": (HEADERS + b"Content-Length: 1000000\r\n\r\n", b" "),
    "drips a body without length": (HEADERS + b"Connection: close\r\n\r\n{}", b" "),
}


@pytest.mark.parametrize("name", PLUG_INS)
@pytest.mark.parametrize("how", SLOW)
def test_a_service_that_hangs_or_drips_is_left_at_the_deadline(
    name: str, how: str, fake_service: Any
) -> None:
    fake_service.misbehave = lambda handler: handler.drip(*SLOW[how])
    fails(
        name, fake_service.address, "whole answer, expected one within 0.2 s|got ReadTimeout", timeout_s=0.2
    )


def test_leaving_at_the_deadline_ends_the_connection(fake_service: Any) -> None:
    fake_service.misbehave = lambda handler: handler.drip(*SLOW["drips the headers"])
    fails("prompt_azure", fake_service.address, "whole answer", timeout_s=0.2)
    assert fake_service.left.wait(10)


def test_the_deadline_counts_all_windows_of_a_text_together(fake_service: Any) -> None:
    answer = {
        "categoriesAnalysis": [
            {"category": c, "severity": 0} for c in ("Hate", "SelfHarm", "Sexual", "Violence")
        ]
    }

    def slow(handler: Any) -> None:
        fake_service.released.wait(0.1)
        handler.reply(200, json.dumps(answer).encode())

    fake_service.misbehave = slow
    judge = build("prompt_azure", fake_service.address, timeout_s=0.35)
    with pytest.raises(RemoteFailed, match="within 0.35 s"):
        judge.score("cats " * 20_000)  # 21 windows, 0.1 s each
    assert 1 < len(fake_service.seen) < 21


def _closes_at_once(handler: Any) -> None:
    handler.close_connection = True


def _stops_in_the_middle(handler: Any) -> None:
    handler.wfile.write(HEADERS + b"Content-Length: 100\r\n\r\n{")
    handler.close_connection = True


def _talks_something_else(handler: Any) -> None:
    handler.wfile.write(b"220 ready\r\n\r\n")
    handler.close_connection = True


@pytest.mark.parametrize("name", PLUG_INS)
@pytest.mark.parametrize("how", [_closes_at_once, _stops_in_the_middle, _talks_something_else])
def test_a_connection_that_breaks_is_an_error(name: str, how: Any, fake_service: Any) -> None:
    fake_service.misbehave = how
    fails(name, fake_service.address, "got RemoteProtocolError, expected an answer")


@pytest.mark.parametrize("name", PLUG_INS)
def test_nobody_at_the_address_is_an_error(name: str, fake_service: Any) -> None:
    import socket

    with socket.socket() as taken:  # bound and not listening: refuses
        taken.bind(("127.0.0.1", 0))
        fails(name, f"http://127.0.0.1:{taken.getsockname()[1]}", "got ConnectError")


def test_many_threads_may_ask_at_once(fake_service: Any) -> None:
    judge = build("prompt_openai", fake_service.address)
    texts = ["a cat", "blood"] * 8
    levels: dict[int, float] = {}
    threads = [
        threading.Thread(target=lambda i=i: levels.update({i: judge.score(texts[i]).unsafe}))
        for i in range(16)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [levels[i] > 0.5 for i in range(16)] == [False, True] * 8


def test_the_guard_refuses_when_the_service_fails(fake_service: Any) -> None:
    guard = Guard(
        prompt_classifiers=("prompt_openai",),
        image_classifiers=(),
        options={"prompt_openai": options_of("prompt_openai", fake_service.address)},
    )
    assert guard.check_prompt("a cat").action == "allow"
    assert guard.check_prompt("naked").action == "block"
    fake_service.misbehave = lambda handler: handler.reply(500, b"{}")
    with pytest.raises(CannotDecide):
        guard.check_prompt("a cat")


# ---- options


@pytest.mark.parametrize("name", PLUG_INS)
@pytest.mark.parametrize(
    "address",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://192.168.0.1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "https://",
        "https://user:hunter2@example.com",
        "https://example.com?key=hunter2",
        "https://example.com#hunter2",
        "https://example.com:99999",
        "https://exa\nmple.com",
        "example.com",
        "",
        7,
        None,
    ],
)
def test_an_address_that_is_not_safe_is_refused(name: str, address: Any) -> None:
    option = "base_url" if name.endswith("openai") else "endpoint"
    with pytest.raises(OptionsInvalid, match="expected https://") as caught:
        build(name, "https://example.com", **{option: address})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["https://example.com", "http://127.9.9.9:1", "http://localhost", "http://[::1]:8"]
)
def test_https_and_this_machine_are_taken(address: str) -> None:
    build("prompt_azure", address)


@pytest.mark.parametrize("name", PLUG_INS)
@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 601, True, "5", None])
def test_a_time_that_is_none_is_refused(name: str, seconds: Any) -> None:
    with pytest.raises(OptionsInvalid, match="timeout_s: got .*, expected seconds"):
        build(name, "https://example.com", timeout_s=seconds)


@pytest.mark.parametrize("name", PLUG_INS)
def test_without_a_key_nothing_is_built_or_sent(name: str, fake_service: Any) -> None:
    with pytest.raises(OptionsInvalid, match="expected option api_key or api_key_file"):
        build(name, fake_service.address, api_key="")
    with pytest.raises(OptionsInvalid, match="got no key or more than one"):
        build(name, fake_service.address, api_key_file="/dev/null")
    make: Any = create_prompt_classifier if name.startswith("prompt") else create_image_classifier
    with pytest.raises(OptionsInvalid):
        make(name)
    assert fake_service.seen == []


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "\x00", "x" * 5000, 7])
def test_a_key_that_no_header_can_carry_is_refused_unshown(key: Any) -> None:
    with pytest.raises(OptionsInvalid) as caught:
        build("prompt_azure", "https://example.com", api_key=key)
    assert not isinstance(key, str) or key not in "".join(traceback.format_exception(caught.value))


def test_the_key_may_be_in_a_file(tmp_path: Path, fake_service: Any) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    for name in PLUG_INS:
        assert ask(name, fake_service.address, api_key="", api_key_file=str(file)).unsafe < 0.2
    for content in (b"", b"\n", b"\xff\xff", b"a b", b"x" * 10_000):
        file.write_bytes(content)
        with pytest.raises(OptionsInvalid, match="characters that are no key"):
            build("prompt_azure", "https://example.com", api_key="", api_key_file=str(file))
    for path in (tmp_path, tmp_path / "absent", "a\x00b", "/dev/zero"):
        with pytest.raises(OptionsInvalid, match="api_key_file"):
            build("prompt_azure", "https://example.com", api_key="", api_key_file=str(path))


@pytest.mark.parametrize("name", PLUG_INS)
def test_the_key_is_in_no_log_line_and_no_representation(
    name: str, fake_service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    judge = build(name, fake_service.address)
    with caplog.at_level(logging.DEBUG):
        judge.score("a cat" if name.startswith("prompt") else PICTURE)
        fake_service.misbehave = lambda handler: handler.reply(500, b"{}")
        with pytest.raises(RemoteFailed):
            judge.score("a cat" if name.startswith("prompt") else PICTURE)
    assert any(KEY in str(one["headers"]) for one in fake_service.seen)
    assert caplog.records
    assert KEY not in caplog.text + repr(judge) + judge.model
    assert "a cat" not in caplog.text


# ---- TLS


def _with_tls(fake_service: Any, folder: Path) -> str:
    """Put the server behind TLS with a certificate of its own; gives the certificate as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    fake_service.socket = context.wrap_socket(
        fake_service.socket, server_side=True, do_handshake_on_connect=False
    )
    fake_service.scheme = "https"
    return pem.decode()


def test_a_certificate_that_nobody_vouches_for_is_refused(fake_service: Any, tmp_path: Path) -> None:
    _with_tls(fake_service, tmp_path)
    fails("prompt_openai", fake_service.address, "got ConnectError")
    assert fake_service.seen == []


def test_over_tls_it_scores_and_keeps_the_deadline(fake_service: Any, tmp_path: Path) -> None:
    pem = _with_tls(fake_service, tmp_path)
    judge = build("prompt_openai", fake_service.address, timeout_s=2.0)
    judge._service._tls.load_verify_locations(cadata=pem)
    assert judge.score("blood").unsafe == 0.75
    fake_service.misbehave = lambda handler: handler.drip(*SLOW["drips the headers"])
    with pytest.raises(RemoteFailed, match="expected one within 2 s"):
        judge.score("blood")
    assert fake_service.left.wait(10)
