// SPDX-License-Identifier: GPL-2.0

//! The symbols of the kernel image, from its kallsyms.

use super::imported;
use super::search::{ByName, Place, Query, Search, Symbol};
use core::ffi::{c_void, CStr};
use core::ops::Range;
use kernel::ffi::{c_char, c_int, c_ulong};
use kernel::str::CStrExt as _;

/// Shows each of `searches` the kernel image's symbols that may match it. May sleep. The functions
/// of `imported` must be bound.
pub(super) fn search(searches: &mut [Search<'_>]) {
    let image = Image::new();
    search_names(&image, searches);
    if searches.iter().any(Search::may_be_made) {
        let mut walk = Walk {
            image: &image,
            searches: ByName::new(searches, Search::may_be_made),
        };
        let data = (&raw mut walk).cast();
        // SAFETY: The function is bound. It calls `on_symbol` with `data`, which is a `Walk`, and
        // only before it returns.
        unsafe { imported::kallsyms_on_each_symbol(Some(on_symbol), data) };
    }
}

/// Searches for symbols of exactly the name of `query`. This is quick even if there is none.
pub(super) fn search_name(query: Query<'_>) -> Search<'_> {
    let mut search = [Search::new(query, true)];
    search_names(&Image::new(), &mut search);
    let [search] = search;
    search
}

fn search_names(image: &Image, searches: &mut [Search<'_>]) {
    for search in &mut *searches {
        let name = search.query.name.as_char_ptr();
        let mut walk = NameWalk { image, search };
        let data = (&raw mut walk).cast();
        // SAFETY: The function is bound. It calls `on_name` with `data`, which is a `NameWalk`, and
        // only before it returns.
        unsafe { imported::kallsyms_on_each_match_symbol(Some(on_name), name, data) };
    }
}

/// The parts of the kernel image's memory that are not kept, or whose symbols are not ordinary
/// addresses.
struct Image {
    /// The addresses of per-CPU data. The image's copy of that data may itself be in init memory.
    per_cpu: Range<usize>,
    init: Range<usize>,
    init_text: Range<usize>,
}

impl Image {
    /// Reads the bounds of the parts. The functions of `imported` must be bound.
    fn new() -> Self {
        let between =
            |start: Option<*mut [c_char; 0]>, end: Option<*mut [c_char; 0]>| match (start, end) {
                (Some(start), Some(end)) => start.addr()..end.addr(),
                _ => 0..0,
            };
        // Before 6.15, x86-64 has per-CPU data from address 0 on, which is no address of a binding.
        let zero = Some(core::ptr::null_mut());
        Self {
            per_cpu: between(
                imported::__per_cpu_start().or(zero),
                imported::__per_cpu_end(),
            ),
            init: between(imported::__init_begin(), imported::__init_end()),
            init_text: between(Some(imported::_sinittext()), Some(imported::_einittext())),
        }
    }

    fn symbol(&self, address: usize) -> Symbol {
        let place = if self.per_cpu.contains(&address) {
            Place::PerCpu
        } else if self.init.contains(&address) || self.init_text.contains(&address) {
            Place::Init
        } else {
            Place::Kept
        };
        Symbol {
            address,
            place,
            size: None,
        }
    }
}

/// A walk over the symbols of one name.
struct NameWalk<'w, 's> {
    image: &'w Image,
    search: &'w mut Search<'s>,
}

/// A walk over all symbols.
struct Walk<'w, 's> {
    image: &'w Image,
    searches: ByName<'w, 's>,
}

/// # Safety
///
/// `data` is a `NameWalk` that nothing else uses.
unsafe extern "C" fn on_name(data: *mut c_void, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let NameWalk { image, search } = unsafe { &mut *data.cast::<NameWalk<'_, '_>>() };
    search.see(image.symbol(address));
    0
}

/// # Safety
///
/// `data` is a `Walk` that nothing else uses, and `name` is NUL-terminated.
unsafe extern "C" fn on_symbol(data: *mut c_void, name: *const c_char, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let Walk { image, searches } = unsafe { &mut *data.cast::<Walk<'_, '_>>() };
    // SAFETY: By the contract of this function.
    let name = unsafe { CStr::from_char_ptr(name) };
    searches.see_made(name.to_bytes(), || image.symbol(address));
    0
}
