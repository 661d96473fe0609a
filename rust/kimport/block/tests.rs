// SPDX-License-Identifier: GPL-2.0

//! Tests of blocks: their entries, bindings and claims.

use super::{Block, Symbol};
use crate::binding::DataBinding;
use crate::claim::Claim;
use crate::importer::THIS;
use crate::selftest::{check, check_eq, suite};
use crate::verify::Declared;
use core::ptr::null_mut;

static BINDING: DataBinding = DataBinding::unbound();
static SYMBOLS: &[Symbol] = &[Symbol::data(c"a_symbol", &BINDING, 8)
    .rust_name("other")
    .optional()
    .position(3)];
static BLOCK: Block = Block::new(THIS, c"a_block", Some(c"a_provider"), SYMBOLS);

suite! {
    kimport_block:

    fn data_is_bound_and_unbound() {
        static DATA: DataBinding = DataBinding::unbound();
        let mut target = 0u32;
        let address = (&raw mut target).cast();

        check_eq!(DATA.get(), None);
        DATA.set(address);
        check_eq!(DATA.get(), Some(address));
        check_eq!(DATA.address(&BLOCK), address);
        DATA.set(null_mut());
        check_eq!(DATA.get(), None);
        Ok(())
    }

    fn symbols_keep_their_attributes() {
        let symbol = &SYMBOLS[0];
        check_eq!(symbol.name, c"a_symbol");
        check_eq!(symbol.rust_name, Some("other"));
        check_eq!(symbol.position, Some(3));
        check!(symbol.optional && !symbol.unverified);
        check_eq!(symbol.address(), None);
        Ok(())
    }

    fn functions_of_livepatch_blocks_are_functions() {
        let function = Symbol::livepatch_function(c"a_function", &BINDING);
        check!(Declared::from(&function).is_function);
        check!(!Declared::from(&SYMBOLS[0]).is_function);
        Ok(())
    }

    fn a_block_is_claimed_once() {
        let claim = Claim::new(&BLOCK);
        check!(claim.is_some());
        check!(Claim::new(&BLOCK).is_none());
        drop(claim);
        check!(Claim::new(&BLOCK).is_some());
        Ok(())
    }
}
