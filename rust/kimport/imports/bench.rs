// SPDX-License-Identifier: GPL-2.0

//! The single steps of a resolution, for tests/modules/bench to time.
//!
//! This is a part of the crate only in modules that are built with `kimport-bench := y`.

use super::Imports;
use crate::block::{bind_all, unbind_all, Block};
use crate::compat::code::EOPNOTSUPP;
use crate::provider::Provider;
use crate::resolution::look_up;
use crate::resolver::{find_by, Kallsyms};
use crate::verify::{layouts, Declared, Types};
use core::ffi::{c_void, CStr};
use kernel::prelude::*;

pub use crate::binder::bind_together;

/// Looks for `kallsyms_lookup_name` by one way. Returns whether it was found.
pub fn find_lookup(way: &CStr) -> bool {
    find_by(way).is_some()
}

/// Finds what the binder needs to bind many functions together, whether or not that pays here.
pub fn accelerate() -> Result {
    let kallsyms = Kallsyms::get().map_err(|unusable| unusable.errno())?;
    kallsyms.accelerate_anyway();
    Ok(())
}

/// The steps of a block that is resolved.
pub struct Steps<'a> {
    kallsyms: Kallsyms,
    block: &'static Block,
    provider: Option<&'a Provider>,
}

impl<'a> Steps<'a> {
    /// The steps for the block of `imports`.
    pub fn of(imports: &'a Imports) -> Result<Self> {
        Ok(Self {
            kallsyms: Kallsyms::get().map_err(|_| EOPNOTSUPP)?,
            block: imports.claim.block(),
            provider: imports.provider.as_deref(),
        })
    }

    /// Returns the address of each symbol.
    pub fn look_up(&self) -> Result<KVVec<Option<*mut c_void>>> {
        let types = Types::new(&self.kallsyms, self.block.importer.name(), self.provider);
        let found = look_up(&types, self.block.symbols);
        let (addresses, result) = found.map_err(|unusable| unusable.errno())?;
        result.map(|()| addresses)
    }

    /// Compares the declared type of each symbol, and the layouts that it leads to if they are
    /// wanted.
    pub fn verify(&self, addresses: &[Option<*mut c_void>], with_layouts: bool) -> Result {
        let types = Types::new(&self.kallsyms, self.block.importer.name(), self.provider);
        let mut layouts = layouts(self.block.layouts)?;
        let declared = self.block.symbols.iter().map(Declared::from);
        let found = types.of_symbols(declared, self.block.policy)?;
        for ((symbol, address), found) in self.block.symbols.iter().zip(addresses).zip(found) {
            if address.is_some() {
                let layouts = with_layouts.then_some(&mut layouts);
                types.verify(symbol.into(), found, self.block.policy, layouts)?;
            }
        }
        Ok(())
    }

    /// Binds each function to its address.
    ///
    /// # Safety
    ///
    /// The addresses are those that [`look_up`](Self::look_up) gave.
    pub unsafe fn bind(&self, addresses: &[Option<*mut c_void>]) {
        let entries = self.block.symbols.iter().zip(addresses.iter().copied());
        // SAFETY: By the contract of this function the addresses are the symbols'. The imports,
        // which live longer, hold the provider.
        unsafe {
            bind_all(
                &self.block.importer,
                entries.filter_map(|(symbol, address)| Some((symbol, address?))),
            )
        };
    }

    /// Unbinds all symbols.
    pub fn unbind(&self) {
        unbind_all(self.block);
    }
}
