"""Files with Content Credentials, signed here by a certificate that is made for the moment and thrown away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
FORMATS = {".jpg": "image/jpeg", ".png": "image/png", ".mp4": "video/mp4", ".avi": "video/avi"}
NO_USE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def sign(path: Path, *, source: str = "digitalCapture", kept_at: str | None = None) -> Path:
    """Write a signed copy beside a file, that says of which source (IPTC's word) it is.

    With `kept_at` the credentials are not in the copy, which names that address instead.
    """
    actions = [{"action": "c2pa.created", "digitalSourceType": SOURCES + source}]
    manifest = {
        "claim_generator_info": [{"name": "test"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}],
    }
    settings = {"verify": {"verify_after_sign": False, "remote_manifest_fetch": False}}
    builder = c2pa.Builder.from_json(json.dumps(manifest), context=c2pa.Context.from_dict(settings))
    if kept_at:
        builder.set_no_embed()
        builder.set_remote_url(kept_at)
    chain, key = _certificate()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None))
    signed = path.with_stem(f"{path.stem}-signed")
    with path.open("rb") as source_stream, signed.open("w+b") as target:
        builder.sign(signer, FORMATS[path.suffix], source_stream, target)
    return signed


@cache
def _certificate() -> tuple[bytes, bytes]:
    """A chain of a signer and its authority, and the signer's key, in PEM."""
    authority_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    authority = (
        _draft("authority", authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**NO_USE, "key_cert_sign": True}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    signer = (
        _draft("signer", key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**NO_USE, "digital_signature": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in (signer, authority))
    return chain, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _draft(name: str, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)

    def called(who: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test"), x509.NameAttribute(NameOID.COMMON_NAME, who)]
        )

    return (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called("authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
