// SPDX-License-Identifier: GPL-2.0

//! Signatures in the kernel's format, as its `scripts/sign-file` appends them.
//!
//! A signature follows the ELF file and consists of three parts: a detached PKCS#7 message that
//! names the certificate by issuer and serial number, `struct module_signature`, and a marker. The
//! message carries neither certificates nor signed attributes: the hash of the file itself is
//! signed.

#[cfg(feature = "sign")]
mod hash;
#[cfg(feature = "sign")]
mod key;
#[cfg_attr(not(feature = "sign"), path = "without.rs")]
mod signer;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

pub use signer::{hash_of, Signer};

/// The signature of a module.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Signature {
    /// The subject of the certificate.
    pub signer: String,
    /// The certificate's serial number, `sig_key` of modinfo.
    pub key: String,
    /// The hash.
    pub hash: Hash,
}

/// A hash: the choices of `CONFIG_MODULE_SIG_HASH`.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Hash {
    Sha256,
    Sha384,
    /// The default of the kernel's configuration.
    #[default]
    Sha512,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No variant is skipped.
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
