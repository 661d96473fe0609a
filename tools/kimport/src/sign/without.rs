// SPDX-License-Identifier: GPL-2.0

//! The replacement of [`Signer`] in a command that is built without the feature `sign`.

use super::{Hash, Signature};
use crate::{
    error::{Error, Result},
    module_file::ModuleFile,
};
use std::{convert::Infallible, path::Path};

/// A signer that cannot be.
pub struct Signer(Infallible);

impl Signer {
    /// Fails.
    pub fn read(_key: &Path, _certificate: &Path, _passphrase: Option<&str>) -> Result<Self> {
        let error = Error::unusable("this kimport cannot sign, as it was built without that");
        Err(error.help("build it with cargo's feature `sign`, as `make tools` does"))
    }

    /// Is never called.
    pub fn sign(&self, _module: &ModuleFile, _hash: Hash) -> Result<(Vec<u8>, Signature)> {
        match self.0 {}
    }
}

/// Returns [`None`], because no hash is needed.
pub fn hash_of(_module: &ModuleFile) -> Option<Hash> {
    None
}
