"""What is masked, in whatever form it arrives, and what is not."""

import base64
import html
import json
import random
import re
import sysconfig
import urllib.parse
from pathlib import Path

import pytest

from kimi_tools import redact

SECRET = "k7-Canary/Value+42="
redact.know(SECRET)


def token(prefix: str, length: int) -> str:
    """A made-up token; put together here so that no scanner takes this file for a leak."""
    return prefix + "".join(random.Random(length).choices("abcdefGHIJKL0123456789", k=length))


TOKENS = [
    token("gh" + "p_", 36),
    token("github_" + "pat_", 60),
    token("glpat" + "-", 20),
    token("sk" + "-", 48),
    token("sk-" + "ant-api03-", 90),
    token("xox" + "b-", 40),
    token("AI" + "za", 35),
    token("hf" + "_", 34),
    token("np" + "m_", 36),
    token("pypi" + "-AgE", 80),
    token("sk_" + "live_", 24),
    "AK" + "IA" + "ABCDEFGHIJKLMNOP",
    ".".join(["ey" + "J" + token("", 30), "ey" + "J" + token("", 80), token("", 43)]),
    "SG." + token("", 22) + "." + token("", 43),
]
PEM = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "\n".join(token("", 64) for _ in range(30)) + "\n"
PEM_END = "-----END RSA PRIVATE " + "KEY-----"


@pytest.mark.parametrize("secret", TOKENS, ids=lambda value: value[:8])
def test_a_token_of_a_known_shape_is_masked(secret: str) -> None:
    masked = redact.mask(f'key = "{secret}"; rest')
    assert secret[8:] not in masked
    assert masked.endswith("rest")


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        urllib.parse.quote(SECRET, safe=""),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"x" + SECRET.encode() + b"yy").decode(),
        base64.b64encode(b"xy" + SECRET.encode() + b"y").decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode(),
        f"\x1b[31m{SECRET[:9]}\x1b[0m{SECRET[9:]}",
    ],
)
def test_a_known_value_is_masked_in_the_forms_in_which_programs_print_it(form: str) -> None:
    assert "left out]" in redact.mask(f"<<{form}>>")


AWKWARD = "pa\"ss\\w\u00f6rd/12 34&<x>'"


@pytest.mark.parametrize(
    "form",
    [
        AWKWARD,
        json.dumps({"key": AWKWARD}),
        json.dumps({"key": AWKWARD}, ensure_ascii=False),
        json.dumps(json.dumps({"key": AWKWARD})),
        json.dumps(json.dumps({"key": AWKWARD}, ensure_ascii=False), ensure_ascii=False),
        html.escape(AWKWARD),
        repr(AWKWARD),
        repr({"key": AWKWARD}),
        urllib.parse.quote(AWKWARD),
        urllib.parse.quote_plus(AWKWARD),
        re.sub("%..", lambda match: match[0].lower(), urllib.parse.quote(AWKWARD, safe="")),
        AWKWARD.encode().hex().upper(),
        base64.encodebytes(b"x" * 50 + AWKWARD.encode() + b"y" * 40).decode(),
        base64.encodebytes(b"x" * 50 + AWKWARD.encode() + b"y" * 40).decode().replace("\n", "\r\n"),
        AWKWARD.encode("utf-16-le").decode("latin-1"),
    ],
)
def test_a_value_with_characters_that_are_escaped_is_masked_in_every_form(form: str) -> None:
    redact.know(AWKWARD)
    data = form.encode("latin-1") if "\0" in form else form.encode()
    assert b"left out]" in redact.mask_bytes(b"<<" + data + b">>")


def test_base64_in_lines_is_masked_in_a_stream_of_lines() -> None:
    redact.know(AWKWARD)
    whole = b"before\n" + base64.encodebytes(b"x" * 50 + AWKWARD.encode() + b"y" * 90) + b"after\n"
    expected = redact.mask_bytes(whole)
    assert b"left out]" in expected
    for size in (1, 3, 76, 77, 200):
        out: list[bytes] = []
        stream = redact.Stream(out.append)
        for start in range(0, len(whole), size):
            stream.add(whole[start : start + size])
        stream.close()
        assert b"".join(out) == expected, size


def test_the_password_of_a_url_is_masked_and_the_rest_of_it_kept() -> None:
    masked = redact.mask("fatal: https://ada:" + "hunter2xyz" + "@example.org/r.git not found")
    assert masked == "fatal: https://[password left out]@example.org/r.git not found"


@pytest.mark.parametrize("text", [PEM + PEM_END, PEM, repr(PEM + PEM_END), PEM[: len(PEM) // 2]])
def test_a_private_key_is_masked_whole_or_cut(text: str) -> None:
    masked = redact.mask(f"before\n{text}\nafter.")
    assert "before" in masked
    assert "after." in masked
    assert not any(line in masked for line in PEM.splitlines()[1:-2] if line in text)


@pytest.mark.parametrize(
    "text",
    [
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "123e4567-e89b-12d3-a456-426614174000",
        "sha512-9NMGYJhGHgJxoMvVOVMtHTh0hR3bHxNk6PpSoHbTmLkNzzgEN4lmbzJyYBhGCEiqYjLrGgvgBGHmFmpyIDSE2A==",
        "http://user:password@example.com",
        "risk-management-of-task-scheduling-systems",
        "-----BEGIN CERTIFICATE-----\nMIIB",
    ],
)
def test_what_only_looks_random_is_left_alone(text: str) -> None:
    assert redact.mask(text) is text


def test_no_secret_slips_through_between_two_pieces_of_a_stream() -> None:
    whole = (f"line\n{TOKENS[0]} {SECRET}\n" + PEM + PEM_END + "\nend " + TOKENS[3]).encode()
    expected = redact.mask_bytes(whole)
    for size in (1, 2, 7, 64, 500):
        out: list[bytes] = []
        stream = redact.Stream(out.append)
        for start in range(0, len(whole), size):
            stream.add(whole[start : start + size])
        stream.close()
        assert b"".join(out) == expected, size


def test_a_line_without_an_end_is_masked_and_does_not_grow_memory() -> None:
    whole = (b"x" * 30_000 + b" " + SECRET.encode() + b" ") * 20
    out: list[bytes] = []
    stream = redact.Stream(out.append)
    for start in range(0, len(whole), 4096):
        stream.add(whole[start : start + 4096])
        assert len(stream._held) <= redact.LONGEST + 4096
    stream.close()
    assert SECRET.encode() not in b"".join(out)
    assert b"".join(out).count(b"[secret left out]") == 20


def test_variables_with_secret_names_are_known_but_not_their_ordinary_values() -> None:
    redact.know_environment(
        {"MY_API_KEY": "zq81-mv-environment", "AUTH_MODE": "disabled", "SSH_AUTH_SOCK": "/run/x/y"}
    )
    assert redact.mask("zq81-mv-environment disabled /run/x/y") == "[secret left out] disabled /run/x/y"


def test_the_standard_library_holds_no_false_hit() -> None:
    folder = Path(sysconfig.get_path("stdlib"))
    files = list(folder.glob("*.py"))
    assert len(files) > 100
    assert [path.name for path in files if redact.mask_bytes(data := path.read_bytes()) is not data] == []
