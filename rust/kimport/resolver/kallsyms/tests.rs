// SPDX-License-Identifier: GPL-2.0

//! Tests of [`kallsyms`](super): look-ups in the running kernel.

use super::{Kallsyms, Kind, Query, Refusal, Unusable};
use crate::block::Symbol;
use crate::compat::code;
use crate::selftest::{check, check_eq, suite};
use core::ffi::CStr;
use core::ops::Range;
use kernel::error::Error;

kimport_macros::import_symbols! {
    // Modules have this symbol, this module too, but the kernel image does not.
    cleanup_module: fn(),

    init_once: fn(*mut core::ffi::c_void),
    start_kernel: fn(),
    runqueues: u64,
    saved_command_line: fn(),
    kimport_no_such_function: fn(),

    nr_context_switches: fn() -> u64,
    // The kernel's function returns an `int`.
    nr_processes: fn() -> u64,
}

const IN_MODULES: Range<usize> = 0..1;
const REFUSED: Range<usize> = 1..6;
const MISTYPED: Range<usize> = 6..8;

/// Returns the errno of a search in the kernel image; [`None`] if the symbol is found.
fn errno(name: &CStr, position: Option<u32>, kind: Kind) -> Result<Option<Error>, Error> {
    let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
    let query = Query {
        name,
        position,
        kind,
        is_optional: false,
        loaded: None,
    };
    let found = kallsyms.find(None, core::iter::once(query));
    let mut found = found.map_err(|unusable| unusable.errno())?.into_iter();
    Ok(found.find_map(Result::err).map(|cause| cause.errno()))
}

/// Returns the refusal of one of `symbols`.
fn refusal(kallsyms: &Kallsyms, symbols: &'static [Symbol]) -> Option<Refusal> {
    match kallsyms.bind(symbols) {
        Err(Unusable::Refused(refusal)) => Some(refusal),
        _ => None,
    }
}

suite! {
    kimport_kallsyms:

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

    fn own_symbols_are_judged_as_those_of_users() {
        let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
        for (symbol, expected) in __KIMPORT_BLOCK.symbols[REFUSED].chunks(1).zip([
            code::ENOTUNIQ,
            code::ESTALE,
            code::EPROTOTYPE,
            code::EPROTOTYPE,
            code::ENOENT,
        ]) {
            let refusal = refusal(&kallsyms, symbol);
            check_eq!(refusal.map(|refusal| refusal.cause.errno()), Some(expected));
            check!(symbol[0].address().is_none());
        }
        Ok(())
    }

    fn own_types_are_compared() {
        if !cfg!(CONFIG_DEBUG_INFO_BTF) {
            return Ok(());
        }
        let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
        let symbols = &__KIMPORT_BLOCK.symbols[MISTYPED];
        let checked = crate::verify::check_types(&kallsyms, symbols, crate::types::Policy::Strict);
        check!(matches!(checked, Err(Unusable::Mistyped(name)) if name == c"nr_processes"));
        Ok(())
    }

    fn symbols_of_modules_are_not_taken_for_those_of_the_image() {
        let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
        check_eq!(errno(c"cleanup_module", None, Kind::Function)?, Some(code::ENOENT));
        let symbols = &__KIMPORT_BLOCK.symbols[IN_MODULES];
        let refusal = refusal(&kallsyms, symbols);
        check_eq!(refusal.map(|refusal| refusal.name), Some(c"cleanup_module"));
        check!(symbols.iter().all(|symbol| symbol.address().is_none()));
        Ok(())
    }
}
