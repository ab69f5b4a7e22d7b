"""Secrets as handles compute correctly, and never show their bytes."""

import base64
import copy
import hashlib
import hmac
import os
import pickle
import signal
import threading
import traceback
import weakref
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.native import errors as native_errors
from engine.native.ffi import ffi
from engine.native.secret import PartKey, Secret
from tests.support import decoder

RAW = bytes(range(100, 132))


def test_a_key_derives_authenticates_and_digests_as_others_do() -> None:
    with Secret.of_bytes(RAW) as key:
        assert key.md5() == hashlib.md5(RAW).digest()
        assert key.hmac(b"data") == hmac.digest(RAW, b"data", "sha256")
        for salt, prk in ((None, RAW), (b"", decoder.extract(b"", RAW)), (b"salt", decoder.extract(b"salt", RAW))):
            assert key.commitment(b"label", salt) == decoder.expand(prk, b"label")
            with key.derive(b"label", salt) as derived:
                assert derived.hmac(b"") == hmac.digest(decoder.expand(prk, b"label"), b"", "sha256")


@pytest.mark.parametrize("size", [0, 1, 64, 4096])
def test_a_text_sealed_here_opens_elsewhere_and_back(size: int) -> None:
    text, nonce = os.urandom(size), os.urandom(12)
    with Secret.of_bytes(RAW) as key:
        sealed = key.seal(nonce, b"aad", text)
        assert sealed == AESGCM(RAW).encrypt(nonce, text, b"aad")
        assert key.open(nonce, b"aad", sealed) == text
        for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:-1], sealed[:3], b""):
            with pytest.raises(native_errors.SealedDamaged):
                key.open(nonce, b"aad", wrong)
        with pytest.raises(native_errors.SealedDamaged):
            key.open(nonce, b"other", sealed)


def test_a_wrapped_key_opens_elsewhere_and_back() -> None:
    with Secret.of_bytes(RAW) as key, Secret.of_bytes(RAW[::-1]) as other:
        wrapped = key.wrap(bytes(12), b"aad", other)
        assert AESGCM(RAW).decrypt(bytes(12), wrapped, b"aad") == RAW[::-1]
        with key.unwrap(bytes(12), b"aad", wrapped) as again:
            assert again.md5() == other.md5()
        for wrong in (wrapped[:-1], wrapped + b"x", wrapped[:-1] + bytes([wrapped[-1] ^ 1])):
            with pytest.raises(native_errors.SealedDamaged):
                key.unwrap(bytes(12), b"aad", wrong)


def test_random_keys_differ() -> None:
    keys = [Secret.random() for _ in range(100)]
    assert len({key.md5() for key in keys}) == 100


@pytest.mark.parametrize("raw", [RAW, bytes(32), b"\xff" * 32, b"\xfb\xef\xbe" * 10 + b"\xff\xff"], ids=repr)
def test_the_base64_of_a_key_is_read_as_python_reads_it(raw: bytes) -> None:
    with Secret.of_base64(base64.b64encode(raw)) as key:
        assert key.md5() == hashlib.md5(raw).digest()


def test_every_digit_of_base64_is_read_at_every_place() -> None:
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for shift in range(64):
        text = (
            bytes(digits[(i * 7 + shift) % 64] for i in range(42)) + digits[shift // 4 * 4 : shift // 4 * 4 + 1] + b"="
        )
        with Secret.of_base64(text) as key:
            assert key.md5() == hashlib.md5(base64.b64decode(text, validate=True)).digest()


def test_no_character_outside_of_base64_is_taken() -> None:
    text, digits = base64.b64encode(RAW), b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for byte in set(range(256)) - set(digits):
        for place in (0, 1, 41):
            with pytest.raises(native_errors.KeyTextInvalid):
                Secret.of_base64(text[:place] + bytes([byte]) + text[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [b"", b"=", base64.b64encode(RAW)[:-1], base64.b64encode(RAW) + b"=", base64.b64encode(RAW[:31]),
     base64.b64encode(RAW + b"x"), base64.b64encode(RAW)[:42] + b"B=", base64.urlsafe_b64encode(b"\xff" * 32),
     base64.b64encode(RAW)[:40] + b"====", b" " + base64.b64encode(RAW)[1:]],
)  # fmt: skip
def test_any_other_text_is_refused(text: bytes) -> None:
    with pytest.raises(native_errors.KeyTextInvalid, match="reading a key: this is not the base64 of 32 bytes"):
        Secret.of_base64(text)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_length_is_a_value_error(size: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {size}"):
        Secret.of_bytes(bytes(size))


def test_a_key_goes_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    with Secret.of_bytes(RAW) as key:
        key.write(fd, 5)
        with Secret.read(fd, 5) as again:
            assert again.md5() == key.md5()
    assert path.read_bytes() == bytes(5) + RAW
    with pytest.raises(native_errors.ReadFailed):
        Secret.read(fd, 6)
    os.close(fd)
    with Secret.of_bytes(RAW) as key, pytest.raises(native_errors.WriteFailed, match="Bad file descriptor"):
        key.write(fd, 0)


def test_a_closed_key_does_nothing_and_closes_again() -> None:
    key = Secret.random()
    key.close()
    key.close()
    for act in (key.md5, lambda: key.derive(b""), lambda: Secret.random().wrap(bytes(12), b"", key)):
        with pytest.raises(ValueError, match="the key is closed"):
            act()


def test_bounds_are_kept_before_c_is_called() -> None:
    with Secret.random() as key:
        key.derive(bytes(2048)).close()
        for act in (lambda: key.derive(bytes(2049)), lambda: key.commitment(bytes(2049)), lambda: key.seal(bytes(11), b"", b""),
                    lambda: key.open(bytes(13), b"", bytes(16)), lambda: key.seal(bytes(12), b"", bytes(4097)),
                    lambda: key.unwrap(bytes(5), b"", bytes(48)), lambda: key.wrap(bytes(5), b"", key)):  # fmt: skip
            with pytest.raises(ValueError, match=r"bytes, (not|more than)"):
                act()


def test_no_text_of_a_handle_shows_the_key() -> None:
    key = Secret.of_bytes(RAW)
    assert repr(key) == str(key) == "<Secret>"
    assert repr(PartKey(key, 7)) == "<PartKey of part 7>"
    assert not hasattr(key, "__dict__")
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            copied(key)
    try:
        key.unwrap(bytes(12), b"", bytes(48))
    except native_errors.SealedDamaged as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    for shown in (repr(RAW)[2:-1], RAW.hex(), base64.b64encode(RAW).decode()):
        assert shown not in told


def test_a_key_wraps_itself_and_outlives_its_closing_while_it_is_used() -> None:
    key = Secret.of_bytes(RAW)
    assert AESGCM(RAW).decrypt(bytes(12), key.wrap(bytes(12), b"", key), b"") == RAW
    handle = key.handle
    key.close()
    assert bytes(ffi.buffer(ffi.cast("uint8_t *", handle), 32)) == RAW
    with pytest.raises(ValueError, match="closed"):
        key.md5()
    wiped = weakref.ref(handle)
    del handle
    assert wiped() is None


def test_one_key_serves_many_threads_while_another_closes_it() -> None:
    key, outcomes = Secret.of_bytes(RAW), []

    def work() -> None:
        try:
            while True:
                assert key.hmac(b"x") == hmac.digest(RAW, b"x", "sha256")
        except ValueError:
            outcomes.append("closed")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    key.md5()
    key.close()
    for thread in threads:
        thread.join()
    assert outcomes == ["closed"] * 4


def test_children_forked_amid_another_threads_use_have_keys_that_work() -> None:
    begun, ended = threading.Event(), threading.Event()

    def use() -> None:
        while not ended.is_set():
            key.hmac(bytes(1 << 16))
            begun.set()

    with Secret.of_bytes(RAW) as key:
        user = threading.Thread(target=use)
        user.start()
        assert begun.wait(60)
        children = []
        for _ in range(20):
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(60)
                os._exit(key.hmac(b"x") != hmac.digest(RAW, b"x", "sha256"))
            children.append(child)
        ends = [os.waitpid(child, 0)[1] for child in children]
        ended.set()
        user.join()
    assert not any(ends), "a child that waits for ever is killed by its alarm"
