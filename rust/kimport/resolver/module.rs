// SPDX-License-Identifier: GPL-2.0

//! The symbols of a module, from the symbol table that it keeps.
//!
//! `core_kallsyms` is a part of `struct module` and is filled before the module's code runs. The
//! pointer `kallsyms`, which the kernel's own look-ups use, leads to the table of all symbols while
//! the module loads, and to `core_kallsyms` from then on. A search that used this pointer would
//! therefore give another result a moment later. The table of a module with
//! `MODULE_INFO(livepatch)` has all symbols for ever. Source: `kernel/module/kallsyms.c`.

use super::search::{ByName, Place, Search, Symbol};
use crate::bindings;
use crate::provider::Provider;
use core::ffi::CStr;
use kernel::str::CStrExt as _;

/// Shows each of `searches` the symbols of `provider` that may match it.
pub(super) fn search(provider: &Provider, searches: &mut [Search<'_>]) {
    let mut named = ByName::new(searches, |_| true);
    each_symbol(provider, |name, symbol| {
        named.for_each(name, |search| search.see(symbol()));
    });
    if searches.iter().any(Search::may_be_made) {
        let mut made = ByName::new(searches, Search::may_be_made);
        each_symbol(provider, |name, symbol| made.see_made(name, symbol));
    }
}

/// Returns the first symbol called `name` of a module, which need not be live.
#[cfg(kimport_guard)]
pub(crate) fn find_symbol(module: &Provider, name: &str) -> Option<Symbol> {
    let mut found = None;
    each_symbol(module, |other, symbol| {
        if found.is_none() && other == name.as_bytes() {
            found = Some(symbol());
        }
    });
    found
}

/// Calls `look` with each symbol of `provider`, in the order of the table.
fn each_symbol(provider: &Provider, mut look: impl FnMut(&[u8], &dyn Fn() -> Symbol)) {
    // SAFETY: A `Provider` holds its module. The loader wrote the words of `core_kallsyms` before
    // anybody could refer to the module, and nothing writes them any more.
    let table = unsafe { &(*provider.module().as_ptr()).core_kallsyms };
    // Set if the table has the symbols of init memory.
    #[cfg(CONFIG_LIVEPATCH)]
    // SAFETY: A `Provider` holds its module. The loader wrote the word before anybody could refer
    // to the module.
    let keeps_init = unsafe { (*provider.module().as_ptr()).klp };
    #[cfg(not(CONFIG_LIVEPATCH))]
    let keeps_init = false;
    for index in 0..table.num_symtab as usize {
        // SAFETY: The table has `num_symtab` elements, which are in the part of the module's memory
        // that stays.
        let entry = unsafe { table.symtab.add(index) };
        // No reference is made: livepatch writes the values of the `.klp.sym.` entries of a
        // livepatch module whenever it patches another object. Those entries have other names.
        // SAFETY: `entry` is an element of the table; nothing writes its section.
        let section = u32::from(unsafe { (*entry).st_shndx });
        if section == bindings::SHN_UNDEF {
            continue;
        }
        // SAFETY: `entry` is an element of the table; nothing writes its name.
        let name = unsafe { (*entry).st_name };
        // SAFETY: The offset is within the string table, which is in the part of the module's
        // memory that stays.
        let name = unsafe { table.strtab.add(name as usize) };
        // SAFETY: Each string of the table ends in a NUL.
        let name = unsafe { CStr::from_char_ptr(name) };
        look(name.to_bytes(), &|| {
            // SAFETY: `entry` is an element of the table.
            let address = unsafe { (&raw const (*entry).st_value).read_volatile() } as usize;
            // SAFETY: `entry` is an element of the table; nothing writes its size.
            let size = unsafe { (*entry).st_size } as usize;
            let place = match provider.place_of(address) {
                // Init memory that was freed is no longer a part of the module.
                Place::Outside if keeps_init && section < bindings::SHN_LORESERVE => Place::Init,
                place => place,
            };
            Symbol {
                address,
                place,
                size: (size > 0).then_some(size),
            }
        });
    }
}
