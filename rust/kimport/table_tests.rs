// SPDX-License-Identifier: GPL-2.0

//! Tests of [`table`](super).

use super::{Block, DataBinding, Symbol, Taken};
use crate::selftest::{check, check_eq, suite};
use core::ptr::null_mut;

static BINDING: DataBinding = DataBinding::new("a test");
static SYMBOLS: &[Symbol] = &[Symbol::data(c"a_symbol", &BINDING, 8)
    .rust_name("other")
    .optional()
    .position(3)];
static BLOCK: Block = Block::new(c"a_block", Some(c"a_provider"), SYMBOLS);

suite! {
    kimport_table:

    fn data_is_bound_and_unbound() {
        static DATA: DataBinding = DataBinding::new("a test");
        let mut target = 0u32;
        let address = (&raw mut target).cast();

        check_eq!(DATA.get(), None);
        DATA.set(address);
        check_eq!(DATA.get(), Some(address));
        check_eq!(DATA.address(), address);
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

    fn a_block_is_taken_once() {
        let taken = Taken::new(&BLOCK);
        check!(taken.is_some());
        check!(Taken::new(&BLOCK).is_none());
        drop(taken);
        check!(Taken::new(&BLOCK).is_some());
        Ok(())
    }
}
