// SPDX-License-Identifier: GPL-2.0

//! Tests of [`kallsyms`](super): what is made of the symbols that the kernel shows.

use super::{CloneSearch, Kallsyms, Kind, ListedMatch, NextMatch, Wanted};
use crate::selftest::{check, check_eq, suite};
use core::ffi::CStr;
use kernel::error::code;
use kernel::error::Error;

kimport_macros::import_symbols! {
    // Modules have it, this one too; the kernel image has none.
    cleanup_module: fn(),
}

/// The lowest of `addresses` above `above`, shown in this order.
fn next(above: usize, addresses: &[usize]) -> Option<usize> {
    let mut search = NextMatch {
        name: c"f",
        above,
        next: None,
    };
    for &address in addresses {
        search.see(address);
    }
    search.next
}

/// The `position`th of `addresses`, shown in this order, and how many were looked at.
fn listed(position: u32, addresses: &[usize]) -> (Option<usize>, u32) {
    let mut search = ListedMatch {
        name: c"f",
        position,
        count: 0,
        found: None,
    };
    let _ = addresses.iter().any(|&address| search.see(address));
    (search.found, search.count)
}

/// First address and number of the renames of `f` among `names`, and whether there is a clone.
fn clones(names: &[&[u8]]) -> (Option<(usize, u32)>, bool) {
    let mut search = CloneSearch {
        name: b"f",
        renamed: None,
        clone: None,
    };
    for (address, name) in (1..).zip(names) {
        search.see(name, address);
    }
    let renamed = search
        .renamed
        .map(|renamed| (renamed.address, renamed.count));
    (renamed, search.clone.is_some())
}

/// The errno of a search in the kernel image; `None` when it is found.
fn errno(name: &CStr, position: Option<u32>, kind: Kind) -> Result<Option<Error>, Error> {
    let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
    let wanted = Wanted {
        name,
        position,
        kind,
        loaded: None,
    };
    Ok(kallsyms
        .find(None, &wanted)
        .err()
        .map(|cause| cause.errno()))
}

suite! {
    kimport_kallsyms:

    fn positions_are_in_address_order() {
        let shown = [30, 10, 20, 40];
        check_eq!(next(0, &shown), Some(10));
        check_eq!(next(10, &shown), Some(20));
        check_eq!(next(20, &shown), Some(30));
        check_eq!(next(40, &shown), None);
        check_eq!(next(0, &[]), None);
        Ok(())
    }

    fn positions_of_livepatch_are_in_the_order_of_the_symbol_table() {
        let shown = [30, 10, 20];
        check_eq!(listed(1, &shown), (Some(30), 1));
        check_eq!(listed(3, &shown), (Some(20), 3));
        check_eq!(listed(4, &shown), (None, 3));
        check_eq!(listed(1, &[]), (None, 0));
        Ok(())
    }

    fn clones_are_told_from_renames() {
        check_eq!(clones(&[b"f.isra.0"]), (None, true));
        check_eq!(clones(&[b"f.constprop.0", b"f.cold"]), (None, true));
        check_eq!(clones(&[b"f.llvm.123"]), (Some((1, 1)), false));
        check_eq!(clones(&[b"f.llvm.1", b"f.llvm.2"]), (Some((1, 2)), false));
        // The renamed function may itself be split.
        check_eq!(clones(&[b"f.llvm.123", b"f.llvm.123.cold"]), (Some((1, 1)), true));
        check_eq!(clones(&[b"f.llvm.123.cold"]), (None, true));
        // Other functions that begin alike.
        check_eq!(clones(&[b"f2", b"f.", b"f.other", b"g.isra.0"]), (None, false));
        Ok(())
    }

    fn the_kernel_image_is_searched() {
        check_eq!(errno(c"nr_processes", None, Kind::Function)?, None);
        check_eq!(errno(c"nr_processes", Some(1), Kind::Function)?, None);
        check_eq!(errno(c"nr_processes", Some(2), Kind::Function)?, Some(code::ENXIO));
        check_eq!(errno(c"nr_processes", None, Kind::Data { size: 1 })?, Some(code::EPROTOTYPE));
        check_eq!(errno(c"init_task", None, Kind::Data { size: 1 })?, None);
        check_eq!(errno(c"init_task", None, Kind::Function)?, Some(code::EPROTOTYPE));
        check_eq!(errno(c"init_task", None, Kind::Data { size: 1 << 20 })?, Some(code::EOVERFLOW));
        check_eq!(errno(c"kimport_no_such_symbol", None, Kind::Function)?, Some(code::ENOENT));
        Ok(())
    }

    fn symbols_of_modules_are_not_taken_for_those_of_the_image() {
        let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
        check_eq!(errno(c"cleanup_module", None, Kind::Function)?, Some(code::ENOENT));
        let symbols = __KIMPORT_BLOCK.symbols;
        check!(kallsyms.bind(symbols) == Err(c"cleanup_module"));
        check!(symbols.iter().all(|symbol| symbol.address().is_none()));
        Ok(())
    }
}
