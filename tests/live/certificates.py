"""Writes a CA certificate, a localhost certificate signed by that CA, and an unrelated CA certificate to a folder."""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

folder = pathlib.Path(sys.argv[1])
now = datetime.datetime.now(datetime.timezone.utc)


def signed(name, issuer=None, issuer_key=None, host=None):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = certificate.add_extension(names, critical=False)
    certificate = certificate.sign(issuer_key or key, hashes.SHA256())
    return key, certificate


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


authority_key, authority = signed("authority")
server_key, server = signed("server", authority.subject, authority_key, "localhost")
_, other = signed("another authority")
(folder / "authority.pem").write_bytes(pem(authority))
(folder / "other.pem").write_bytes(pem(other))
(folder / "server.crt").write_bytes(pem(server))
(folder / "server.key").write_bytes(
    server_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
)
