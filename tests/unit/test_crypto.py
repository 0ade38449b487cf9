from __future__ import annotations

import hmac
import time
import uuid
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hospital_prepay.clock import Clock, FixedClock
from hospital_prepay.crypto import (
    FieldAlgorithm,
    FieldCipher,
    FieldUnreadable,
    HashAlgorithm,
    KeyedHash,
    derive,
    new_id,
    new_token,
)

KEY, OTHER = b"k" * 32, b"o" * 32
HERE = {"institution": "H52010200001", "field": "certno"}
ALGORITHMS = pytest.mark.parametrize("algorithm", list(FieldAlgorithm))


def test_an_id_is_a_uuid_of_version_7_that_carries_its_millisecond() -> None:
    moment = datetime(2026, 1, 15, 8, 30, 0, 123000, tzinfo=UTC)
    made = uuid.UUID(new_id(FixedClock(moment)))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == int(moment.timestamp() * 1000)


def test_ids_sort_by_time_and_never_repeat() -> None:
    clock = FixedClock(datetime(2026, 1, 15, tzinfo=UTC))
    made = []
    for _ in range(100):
        made.append(new_id(clock))
        clock.moment += timedelta(milliseconds=1)
    assert made == sorted(made)
    at_once = {new_id(clock) for _ in range(10_000)}
    assert len(at_once) == 10_000


def test_an_id_is_cheap() -> None:
    start = time.perf_counter()
    for _ in range(10_000):
        new_id(Clock())
    assert time.perf_counter() - start < 1


def test_tokens_are_urlsafe_and_long_enough() -> None:
    assert len(new_token()) == 22
    assert len(new_token(256)) == 43
    assert len({new_token() for _ in range(1000)}) == 1000
    for bits in (120, 130, 0):
        with pytest.raises(ValueError, match="128"):
            new_token(bits)


@ALGORITHMS
@given(text=st.text(max_size=60))
def test_what_was_encrypted_comes_back(algorithm: FieldAlgorithm, text: str) -> None:
    cipher = FieldCipher(KEY, algorithm)
    assert cipher.decrypt(cipher.encrypt(text, **HERE), **HERE) == text


@ALGORITHMS
def test_a_stored_value_shows_nothing_and_differs_each_time(algorithm: FieldAlgorithm) -> None:
    cipher = FieldCipher(KEY, algorithm)
    values = {cipher.encrypt("522601195001010421", **HERE) for _ in range(50)}
    assert len(values) == 50
    assert not any(b"522601" in urlsafe_b64decode(value.split(".")[3]) for value in values)
    assert all(value.startswith(f"v1.{algorithm}.") for value in values)


@ALGORITHMS
def test_a_value_of_another_key_is_refused(algorithm: FieldAlgorithm) -> None:
    value = FieldCipher(OTHER, algorithm).encrypt("13800006620", **HERE)
    with pytest.raises(FieldUnreadable):
        FieldCipher(KEY, algorithm).decrypt(value, **HERE)


@ALGORITHMS
@pytest.mark.parametrize(
    "elsewhere",
    [
        {"institution": "H52010200002", "field": "certno"},
        {"institution": "H52010200001", "field": "phone"},
        {"institution": "H52010200001c", "field": "ertno"},
    ],
)
def test_a_value_moved_to_another_place_is_refused(algorithm: FieldAlgorithm, elsewhere: dict[str, str]) -> None:
    cipher = FieldCipher(KEY, algorithm)
    with pytest.raises(FieldUnreadable):
        cipher.decrypt(cipher.encrypt("13800006620", **HERE), **elsewhere)


@ALGORITHMS
def test_any_altered_character_is_found(algorithm: FieldAlgorithm) -> None:
    cipher = FieldCipher(KEY, algorithm)
    # 12 + 5 + 16 bytes: no spare bits in the last character.
    value = cipher.encrypt("13800", **HERE)
    for index, character in enumerate(value):
        altered = value[:index] + ("A" if character != "A" else "B") + value[index + 1 :]
        with pytest.raises(FieldUnreadable):
            cipher.decrypt(altered, **HERE)


@pytest.mark.parametrize(
    "value", ["", "13800006620", "v1.aes256gcm", "v2.aes256gcm.00.AAAA", "v1.des.00.AAAA", "é.é.é.é"]
)
def test_what_is_no_stored_value_is_refused(value: str) -> None:
    with pytest.raises(FieldUnreadable) as caught:
        FieldCipher(KEY, FieldAlgorithm.AES_256_GCM).decrypt(value, **HERE)
    assert caught.value.details == {"field": "certno"}


@ALGORITHMS
@pytest.mark.parametrize("foreign", ["!", "\n", "=", "+", "/"])
def test_a_foreign_character_in_a_stored_value_is_refused(algorithm: FieldAlgorithm, foreign: str) -> None:
    cipher = FieldCipher(KEY, algorithm)
    value = cipher.encrypt("13800", **HERE)
    with pytest.raises(FieldUnreadable):
        cipher.decrypt(value[:-4] + foreign + value[-4:], **HERE)


@ALGORITHMS
def test_a_cut_value_is_refused(algorithm: FieldAlgorithm) -> None:
    cipher = FieldCipher(KEY, algorithm)
    head, _, body = cipher.encrypt("13800", **HERE).rpartition(".")
    for length in range(0, len(body), 4):
        with pytest.raises(FieldUnreadable):
            cipher.decrypt(f"{head}.{body[:length]}", **HERE)


def test_values_written_before_a_change_of_key_and_algorithm_stay_readable() -> None:
    before = FieldCipher(OTHER, FieldAlgorithm.AES_256_GCM)
    after = FieldCipher(KEY, FieldAlgorithm.SM4_GCM, former_keys=[OTHER])
    old = before.encrypt("13800006620", **HERE)
    assert after.decrypt(old, **HERE) == "13800006620"
    assert (after.is_current(old), before.is_current(old)) == (False, True)
    assert after.is_current(after.encrypt("13800006620", **HERE))


@pytest.mark.parametrize("algorithm", list(HashAlgorithm))
def test_equal_numbers_are_found_again_within_their_place_only(algorithm: HashAlgorithm) -> None:
    look_up = KeyedHash(KEY, algorithm)
    digest = look_up.digest("13800006620", **HERE)
    assert digest == KeyedHash(KEY, algorithm).digest("13800006620", **HERE)
    others = {
        look_up.digest("13800006621", **HERE),
        look_up.digest("13800006620", institution="H52010200002", field="certno"),
        look_up.digest("13800006620", institution="H52010200001", field="phone"),
        KeyedHash(OTHER, algorithm).digest("13800006620", **HERE),
    }
    assert len(others | {digest}) == 5


def test_the_hashes_are_the_named_ones() -> None:
    head = b"".join(len(p).to_bytes(4, "big") + p for p in (b"", b"H52010200001", b"certno"))
    for algorithm, name in ((HashAlgorithm.HMAC_SHA256, "sha256"), (HashAlgorithm.HMAC_SM3, "sm3")):
        digest = KeyedHash(KEY, algorithm).digest("1", **HERE)
        label = digest.rpartition(".")[0].encode()
        message = len(label).to_bytes(4, "big") + label + head[4:] + b"1"
        assert digest.rpartition(".")[2] == hmac.new(derive(KEY, f"look-up {algorithm}"), message, name).hexdigest()


def test_after_a_change_a_number_is_looked_up_under_both_hashes() -> None:
    before = KeyedHash(OTHER, HashAlgorithm.HMAC_SHA256)
    after = KeyedHash(KEY, HashAlgorithm.HMAC_SM3, former=[before])
    assert after.candidates("1", **HERE) == (after.digest("1", **HERE), before.digest("1", **HERE))


def test_each_purpose_has_a_key_of_its_own() -> None:
    assert derive("a secret of some length", "a") == derive(b"a secret of some length", "a")
    assert derive(KEY, "a") != derive(KEY, "b") != derive(OTHER, "b")
    assert len(derive(KEY, "a", 16)) == 16
    with pytest.raises(ValueError, match="short"):
        derive("short", "a")
