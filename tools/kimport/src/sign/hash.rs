// SPDX-License-Identifier: GPL-2.0

//! The hashes that the kernel accepts in signatures.

use super::Hash;
use clap::ValueEnum;
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sha3::{Sha3_256, Sha3_384, Sha3_512};
use x509_cert::{
    der::oid::{db::rfc5912, AssociatedOid, ObjectIdentifier},
    spki::AlgorithmIdentifierOwned,
};

/// Evaluates an expression with the type `D` of the hash.
macro_rules! with {
    ($hash:expr, $D:ident => $value:expr) => {
        with!($hash, $D => $value, Sha256 Sha384 Sha512 Sha3_256 Sha3_384 Sha3_512)
    };
    ($hash:expr, $D:ident => $value:expr, $($name:ident)*) => {
        match $hash {
            $(Hash::$name => {
                type $D = $name;
                $value
            })*
        }
    };
}

impl Hash {
    /// Returns the hash of an object identifier in a signature.
    pub(super) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        let mut all = Self::value_variants().iter().copied();
        all.find(|hash| hash.algorithm().oid == oid)
    }

    /// Returns the identifier of this hash in a signature.
    pub(super) fn algorithm(self) -> AlgorithmIdentifierOwned {
        identifier(with!(self, D => D::OID))
    }

    /// Returns the identifier of ECDSA with this hash in a signature.
    pub(super) fn ecdsa(self) -> AlgorithmIdentifierOwned {
        identifier(match self {
            Self::Sha256 => rfc5912::ECDSA_WITH_SHA_256,
            Self::Sha384 => rfc5912::ECDSA_WITH_SHA_384,
            Self::Sha512 => rfc5912::ECDSA_WITH_SHA_512,
            Self::Sha3_256 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.10"),
            Self::Sha3_384 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.11"),
            Self::Sha3_512 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.12"),
        })
    }

    /// Returns the padding around the hash that an RSA key signs.
    pub(super) fn padding(self) -> Pkcs1v15Sign {
        with!(self, D => Pkcs1v15Sign::new::<D>())
    }

    pub(super) fn digest(self, content: &[u8]) -> Vec<u8> {
        with!(self, D => D::digest(content).to_vec())
    }
}

fn identifier(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid,
        parameters: None,
    }
}
