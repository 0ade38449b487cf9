"""Identifiers, tokens and the protection of personal data at rest.

Certificate numbers, phones and bank cards are stored encrypted; beside each stands a keyed hash by which the same
number is found again. The algorithms are settings: AES-256-GCM with HMAC-SHA256, or the domestic SM4-GCM with
HMAC-SM3. Every stored value names its algorithm and key, so that values written before a change stay readable.
"""

from __future__ import annotations

import secrets
import uuid
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hospital_prepay.clock import Clock
from hospital_prepay.domain.errors import DatabaseFault

_VERSION: Final = "v1"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_SHORTEST_SECRET: Final = 16


class FieldUnreadable(DatabaseFault):
    """A stored value can't be decrypted: another key, another place, or altered. Exit 70."""

    code = "field_unreadable"


class FieldAlgorithm(StrEnum):
    """How a field is encrypted."""

    AES_256_GCM = "aes256gcm"
    SM4_GCM = "sm4gcm"


class HashAlgorithm(StrEnum):
    """How a look-up hash is computed."""

    HMAC_SHA256 = "hmacsha256"
    HMAC_SM3 = "hmacsm3"


_KEY_BYTES: Final = {FieldAlgorithm.AES_256_GCM: 32, FieldAlgorithm.SM4_GCM: 16}


def new_id(clock: Clock) -> str:
    """A UUID version 7 (RFC 9562): sorts by the millisecond it was made in, the rest is random."""
    milliseconds = int(clock.now().timestamp() * 1000)
    number = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0b11 << 62) | 0b10 << 62
    return str(uuid.UUID(int=number))


def new_token(bits: int = 128) -> str:
    """An unguessable text for addresses and sessions, of ``bits`` (a multiple of 8, at least 128) of randomness."""
    if bits < 128 or bits % 8:
        raise ValueError("a token has at least 128 bits, in whole bytes")
    return secrets.token_urlsafe(bits // 8)


def derive(secret: str | bytes, purpose: str, length: int = 32) -> bytes:
    """A key of its own for each ``purpose`` from one configured secret (HKDF with SHA-256).

    Raises ``ValueError`` for a secret shorter than 16 bytes.
    """
    material = secret.encode() if isinstance(secret, str) else secret
    if len(material) < _SHORTEST_SECRET:
        raise ValueError("the secret is too short")
    return HKDF(hashes.SHA256(), length, salt=b"hospital-prepay", info=purpose.encode()).derive(material)


class FieldCipher:
    """Encrypts text of personal data, bound to its institution and field.

    ``key`` is a secret of at least 16 bytes; ``former_keys`` are those that old values may still carry. Each
    algorithm takes a key derived for it alone.
    """

    def __init__(self, key: bytes, algorithm: FieldAlgorithm, former_keys: Iterable[bytes] = ()) -> None:
        self._algorithm = algorithm
        self._key_id = _key_id(key)
        self._keys = {
            (each, _key_id(secret)): derive(secret, f"field {each}", _KEY_BYTES[each])
            for secret in (key, *former_keys)
            for each in FieldAlgorithm
        }
        self._head = f"{_VERSION}.{algorithm}.{self._key_id}"

    def encrypt(self, text: str, *, institution: str, field: str) -> str:
        """``version.algorithm.key id.value``; the same text gives another value each time."""
        return self.sealing(institution, field)(text)

    def sealing(self, institution: str, field: str) -> Callable[[str], str]:
        """:meth:`encrypt` for one place: what is the same for a million texts is looked up once."""
        place, head = _place(self._head, institution, field), f"{self._head}."
        seal = _sealing(self._algorithm, self._keys[self._algorithm, self._key_id])

        def encrypt(text: str) -> str:
            nonce = secrets.token_bytes(_NONCE_BYTES)
            return head + urlsafe_b64encode(nonce + seal(nonce, text.encode(), place)).decode()

        return encrypt

    def decrypt(self, value: str, *, institution: str, field: str) -> str:
        """The text. Raises :class:`FieldUnreadable`."""
        try:
            head, _, body = value.rpartition(".")
            version, algorithm_name, key_id = head.split(".")
            algorithm = FieldAlgorithm(algorithm_name)
            if version != _VERSION:
                raise _unreadable(field)
            # Strict: the lenient decoder skips foreign characters, so that many texts would stand for one value.
            raw = b64decode(body.encode("ascii"), altchars=b"-_", validate=True)
            nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            key = self._keys[algorithm, key_id]
            return _open(algorithm, key, nonce, sealed, _place(head, institution, field)).decode()
        except (ValueError, KeyError, InvalidTag) as error:
            raise _unreadable(field) from error

    def is_current(self, value: str) -> bool:
        """Whether ``value`` was written with the present key and algorithm, or should be written again."""
        return value.startswith(f"{self._head}.")


class KeyedHash:
    """A hash that finds equal numbers again, and that nobody without the key can compute or try out."""

    def __init__(self, key: bytes, algorithm: HashAlgorithm, former: Iterable[KeyedHash] = ()) -> None:
        self._algorithm = algorithm
        self._former = tuple(former)
        function = hashes.SHA256() if algorithm is HashAlgorithm.HMAC_SHA256 else hashes.SM3()
        # Taking the key in costs as much as a short text: it is done once and copied.
        self._begun = hmac.HMAC(derive(key, f"look-up {algorithm}"), function)
        self._head = f"{algorithm}.{_key_id(key)}"

    def digest(self, text: str, *, institution: str, field: str) -> str:
        """``algorithm.key id.hash``; equal texts agree within one institution and field only."""
        return self.digesting(institution, field)(text)

    def digesting(self, institution: str, field: str) -> Callable[[str], str]:
        """:meth:`digest` for one place: what is the same for a million texts is taken in once."""
        head, begun = f"{self._head}.", self._begun.copy()
        begun.update(_place(self._head, institution, field))

        def digest(text: str) -> str:
            computed = begun.copy()
            computed.update(text.encode())
            return head + computed.finalize().hex()

        return digest

    def candidates(self, text: str, *, institution: str, field: str) -> tuple[str, ...]:
        """Every hash under which ``text`` may be stored: the present one first, then those of former keys."""
        return tuple(one.digest(text, institution=institution, field=field) for one in (self, *self._former))


def _key_id(key: bytes) -> str:
    """Names a key without telling anything about it."""
    return derive(key, "key id", 6).hex()


@lru_cache(maxsize=256)
def _place(head: str, institution: str, field: str) -> bytes:
    """Where a value belongs; lengths keep neighbouring parts apart."""
    parts = [part.encode() for part in (head, institution, field)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _sealing(algorithm: FieldAlgorithm, key: bytes) -> Callable[[bytes, bytes, bytes], bytes]:
    """Seals with a nonce, the text and its place."""
    if algorithm is FieldAlgorithm.AES_256_GCM:
        return _aes(key).encrypt

    def seal(nonce: bytes, text: bytes, place: bytes) -> bytes:
        encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(place)
        return encryptor.update(text) + encryptor.finalize() + encryptor.tag

    return seal


@lru_cache(maxsize=8)
def _aes(key: bytes) -> AESGCM:
    return AESGCM(key)


def _open(algorithm: FieldAlgorithm, key: bytes, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
    if algorithm is FieldAlgorithm.AES_256_GCM:
        return _aes(key).decrypt(nonce, sealed, place)
    text, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(place)
    return decryptor.update(text) + decryptor.finalize()


def _unreadable(field: str) -> FieldUnreadable:
    return FieldUnreadable("有一项个人信息读不出来，可能换过密钥，请联系系统管理员。", details={"field": field})
