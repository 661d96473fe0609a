// SPDX-License-Identifier: GPL-2.0

//! Private keys in the formats that OpenSSL writes.

use super::Hash;
use crate::error::{printable, Error, Result};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use pem::Pem;
use pkcs8::{
    der::asn1::ObjectIdentifier, DecodePrivateKey, EncryptedPrivateKeyInfo, PrivateKeyInfo,
};
use rsa::{pkcs1::DecodeRsaPrivateKey, rand_core::OsRng, RsaPrivateKey};
use std::fmt;
use x509_cert::{
    der::{oid::db::rfc5912, Any},
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
};

/// The end of the label of every PEM block that holds a private key.
const LABEL: &str = "PRIVATE KEY";

/// A private key of a kind whose signatures the kernel can check.
#[derive(Clone)]
pub(super) enum Key {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    P521(p521::SecretKey),
}

impl Key {
    /// Reads the first private key of a PEM file.
    pub(super) fn parse(file: &[u8], passphrase: Option<&str>) -> Result<Self> {
        let blocks = pem::parse_many(file).map_err(unreadable)?;
        let block = blocks
            .iter()
            .find(|block| block.tag().ends_with(LABEL))
            .ok_or_else(|| {
                Error::unusable("there is no private key in PEM form in it")
                    .help("give the file that has a line -----BEGIN PRIVATE KEY-----")
            })?;
        Self::from_block(block, passphrase)
    }

    fn from_block(block: &Pem, passphrase: Option<&str>) -> Result<Self> {
        let der = block.contents();
        if block.headers().iter().any(|(name, _)| name == "DEK-Info") {
            return Err(Error::unusable(
                "the key is encrypted in OpenSSL's old way, which is not supported",
            )
            .help("convert it: openssl pkcs8 -topk8 -in KEY -out NEW-KEY"));
        }
        match block.tag() {
            "PRIVATE KEY" => Self::from_pkcs8(der),
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or_else(|| {
                    Error::unusable("the key is encrypted")
                        .help("set KBUILD_SIGN_PIN to its passphrase")
                })?;
                let plain = EncryptedPrivateKeyInfo::try_from(der)
                    .map_err(unreadable)?
                    .decrypt(passphrase)
                    .map_err(|error| {
                        Error::unusable(format_args!("the key cannot be decrypted: {error}"))
                            .help("KBUILD_SIGN_PIN has to be its passphrase")
                    })?;
                Self::from_pkcs8(plain.as_bytes())
            }
            "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(unreadable),
            "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(der)
                .map(Self::P256)
                .or_else(|_| p384::SecretKey::from_sec1_der(der).map(Self::P384))
                .or_else(|_| p521::SecretKey::from_sec1_der(der).map(Self::P521))
                .map_err(|_| unsupported("of another curve than P-256, P-384 and P-521")),
            label => Err(unsupported(format_args!(
                "in a block '{}'",
                printable(label)
            ))),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self> {
        let algorithm = PrivateKeyInfo::try_from(der).map_err(unreadable)?.algorithm;
        match algorithm.oid {
            rfc5912::RSA_ENCRYPTION => RsaPrivateKey::from_pkcs8_der(der)
                .map(|key| Self::Rsa(Box::new(key)))
                .map_err(unreadable),
            rfc5912::ID_EC_PUBLIC_KEY => match algorithm
                .parameters
                .and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok())
            {
                Some(rfc5912::SECP_256_R_1) => p256::SecretKey::from_pkcs8_der(der).map(Self::P256),
                Some(rfc5912::SECP_384_R_1) => p384::SecretKey::from_pkcs8_der(der).map(Self::P384),
                Some(rfc5912::SECP_521_R_1) => p521::SecretKey::from_pkcs8_der(der).map(Self::P521),
                _ => return Err(unsupported("of another curve than P-256, P-384 and P-521")),
            }
            .map_err(unreadable),
            other => Err(unsupported(format_args!("of the algorithm {other}"))),
        }
    }

    /// Returns the public key as a certificate holds it.
    pub(super) fn public(&self) -> Result<SubjectPublicKeyInfoOwned> {
        match self {
            Self::Rsa(key) => SubjectPublicKeyInfoOwned::from_key(key.to_public_key()),
            Self::P256(key) => SubjectPublicKeyInfoOwned::from_key(key.public_key()),
            Self::P384(key) => SubjectPublicKeyInfoOwned::from_key(key.public_key()),
            Self::P521(key) => SubjectPublicKeyInfoOwned::from_key(key.public_key()),
        }
        .map_err(unreadable)
    }

    /// Returns the identifier of the signature algorithm in a signature.
    pub(super) fn algorithm(&self, hash: Hash) -> AlgorithmIdentifierOwned {
        match self {
            Self::Rsa(_) => AlgorithmIdentifierOwned {
                oid: rfc5912::RSA_ENCRYPTION,
                parameters: Some(Any::null()),
            },
            _ => hash.ecdsa(),
        }
    }

    pub(super) fn sign(&self, content: &[u8], hash: Hash) -> Result<Vec<u8>> {
        let digest = hash.digest(content);
        let impossible = |error: &dyn fmt::Display| {
            Error::unusable(format_args!("the key cannot sign a {hash} hash: {error}"))
                .help("choose another with --hash, or use a longer key")
        };
        match self {
            // The random numbers blind the computation. The signature does not depend on them.
            Self::Rsa(key) => key
                .sign_with_rng(&mut OsRng, hash.padding(), &digest)
                .map_err(|error| impossible(&error)),
            Self::P256(key) => p256::ecdsa::SigningKey::from(key)
                .sign_prehash(&digest)
                .map(|signature: p256::ecdsa::Signature| signature.to_der().as_bytes().to_vec())
                .map_err(|error| impossible(&error)),
            Self::P384(key) => p384::ecdsa::SigningKey::from(key)
                .sign_prehash(&digest)
                .map(|signature: p384::ecdsa::Signature| signature.to_der().as_bytes().to_vec())
                .map_err(|error| impossible(&error)),
            Self::P521(key) => p521::ecdsa::SigningKey::from_bytes(&key.to_bytes())
                .and_then(|key| key.sign_prehash(&digest))
                .map(|signature: p521::ecdsa::Signature| signature.to_der().as_bytes().to_vec())
                .map_err(|error| impossible(&error)),
        }
    }
}

fn unreadable(error: impl fmt::Display) -> Error {
    Error::unusable(format_args!("cannot read the key: {error}"))
        .help("give a private key in PEM form, as OpenSSL writes it")
}

fn unsupported(what: impl fmt::Display) -> Error {
    Error::unusable(format_args!("a private key {what} is not supported"))
        .help("use an RSA or EC key, or sign the output with the kernel's scripts/sign-file")
}
