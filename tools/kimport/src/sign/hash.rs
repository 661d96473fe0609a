// SPDX-License-Identifier: GPL-2.0

//! The hashes that the kernel accepts in signatures.

use clap::ValueEnum;
use rsa::Pkcs1v15Sign;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};
use std::fmt;
use x509_cert::{
    der::oid::{db::rfc5912, ObjectIdentifier},
    spki::AlgorithmIdentifierOwned,
};

/// A hash: the choices of `CONFIG_MODULE_SIG_HASH`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, ValueEnum)]
pub enum Hash {
    #[allow(missing_docs)]
    #[serde(rename = "sha256")]
    #[value(name = "sha256")]
    Sha2_256,
    #[allow(missing_docs)]
    #[serde(rename = "sha384")]
    #[value(name = "sha384")]
    Sha2_384,
    /// The default of the kernel's configuration.
    #[default]
    #[serde(rename = "sha512")]
    #[value(name = "sha512")]
    Sha2_512,
    #[allow(missing_docs)]
    #[serde(rename = "sha3-256")]
    #[value(name = "sha3-256")]
    Sha3_256,
    #[allow(missing_docs)]
    #[serde(rename = "sha3-384")]
    #[value(name = "sha3-384")]
    Sha3_384,
    #[allow(missing_docs)]
    #[serde(rename = "sha3-512")]
    #[value(name = "sha3-512")]
    Sha3_512,
}

impl Hash {
    /// Returns the hash of an object identifier in a signature.
    pub(super) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::value_variants()
            .iter()
            .copied()
            .find(|hash| hash.oid() == oid)
    }

    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha2_256 => rfc5912::ID_SHA_256,
            Self::Sha2_384 => rfc5912::ID_SHA_384,
            Self::Sha2_512 => rfc5912::ID_SHA_512,
            Self::Sha3_256 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.8"),
            Self::Sha3_384 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.9"),
            Self::Sha3_512 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.10"),
        }
    }

    /// Returns the identifier of this hash in a signature.
    pub(super) fn algorithm(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned {
            oid: self.oid(),
            parameters: None,
        }
    }

    /// Returns the identifier of ECDSA with this hash in a signature.
    pub(super) fn ecdsa(self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::Sha2_256 => rfc5912::ECDSA_WITH_SHA_256,
            Self::Sha2_384 => rfc5912::ECDSA_WITH_SHA_384,
            Self::Sha2_512 => rfc5912::ECDSA_WITH_SHA_512,
            Self::Sha3_256 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.10"),
            Self::Sha3_384 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.11"),
            Self::Sha3_512 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.12"),
        };
        AlgorithmIdentifierOwned {
            oid,
            parameters: None,
        }
    }

    /// Returns the padding around the hash that an RSA key signs.
    pub(super) fn padding(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha2_256 => Pkcs1v15Sign::new::<Sha256>(),
            Self::Sha2_384 => Pkcs1v15Sign::new::<Sha384>(),
            Self::Sha2_512 => Pkcs1v15Sign::new::<Sha512>(),
            Self::Sha3_256 => Pkcs1v15Sign::new::<Sha3_256>(),
            Self::Sha3_384 => Pkcs1v15Sign::new::<Sha3_384>(),
            Self::Sha3_512 => Pkcs1v15Sign::new::<Sha3_512>(),
        }
    }

    /// Returns the hash of `content`.
    pub(super) fn digest(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha2_256 => Sha256::digest(content).to_vec(),
            Self::Sha2_384 => Sha384::digest(content).to_vec(),
            Self::Sha2_512 => Sha512::digest(content).to_vec(),
            Self::Sha3_256 => Sha3_256::digest(content).to_vec(),
            Self::Sha3_384 => Sha3_384::digest(content).to_vec(),
            Self::Sha3_512 => Sha3_512::digest(content).to_vec(),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No variant is skipped.
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
