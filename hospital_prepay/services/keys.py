"""The keys that the settings hold. Nothing of the database is needed here: who only seals starts at once."""

from __future__ import annotations

from hospital_prepay.crypto import FieldAlgorithm, FieldCipher, HashAlgorithm, KeyedHash, derive
from hospital_prepay.settings import Settings


def field_cipher(settings: Settings) -> FieldCipher:
    """The cipher that the settings ask for."""
    algorithm = FieldAlgorithm.SM4_GCM if settings.domestic_cryptography else FieldAlgorithm.AES_256_GCM
    return FieldCipher(derive(settings.field_key, "field"), algorithm)


def keyed_hash(settings: Settings) -> KeyedHash:
    """The hash that the settings ask for."""
    algorithm = HashAlgorithm.HMAC_SM3 if settings.domestic_cryptography else HashAlgorithm.HMAC_SHA256
    return KeyedHash(derive(settings.field_key, "look-up"), algorithm)
