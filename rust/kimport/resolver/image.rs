// SPDX-License-Identifier: GPL-2.0

//! The symbols of the kernel image, from its kallsyms.

use super::imported;
use super::kallsyms::{Kallsyms, Unusable};
use super::search::{ByName, Kind, Place, Query, Search, Symbol};
use crate::bindings;
use core::ffi::{c_void, CStr};
use core::ops::Range;
use kernel::ffi::{c_char, c_int, c_ulong};
use kernel::str::CStrExt as _;

/// Set if the compiler of the kernel image may have renamed functions and data that stayed what
/// they are. GCC only does that for link-time optimization. It names clones otherwise.
const HAS_RENAMES: bool = cfg!(any(CONFIG_CC_IS_CLANG, CONFIG_LTO_GCC));

/// Shows each of `searches` the kernel image's symbols that may match it. May sleep.
pub(super) fn search(kallsyms: &Kallsyms, searches: &mut [Search<'_>]) -> Result<(), Unusable> {
    let mut image = Image::new(kallsyms);
    for search in &mut *searches {
        image.show(search)?;
    }
    // A walk over all symbols takes as long as thousands of searches. For an optional symbol it
    // would only tell why that is missing.
    let is_wanted =
        |search: &Search<'_>| search.may_be_made() && (HAS_RENAMES || !search.query.is_optional);
    if searches.iter().any(is_wanted) {
        kallsyms.need(&imported::WALK)?;
        let mut walk = Walk {
            bounds: image.bounds()?,
            searches: ByName::new(searches, Search::may_be_made),
        };
        let data = (&raw mut walk).cast();
        // SAFETY: The function is bound. It calls `on_symbol` with `data`, which is a `Walk`, and
        // only before it returns.
        unsafe { imported::kallsyms_on_each_symbol(Some(on_symbol), data) };
    }
    Ok(())
}

/// Searches for symbols of exactly the name of `query`, and takes each for one in memory that is
/// kept. This is quick even if there is none. `kallsyms_on_each_match_symbol` must be bound.
pub(super) fn search_name(query: Query<'_>) -> Search<'_> {
    let mut search = Search::new(query, true);
    show(&mut search, Some(&Bounds::default()));
    search
}

/// Shows `search` the symbols of its name. Returns false, in the middle of that, if their places
/// cannot be told without `bounds`. `kallsyms_on_each_match_symbol` must be bound.
fn show(search: &mut Search<'_>, bounds: Option<&Bounds>) -> bool {
    let name = search.query.name.as_char_ptr();
    let mut walk = NameWalk { bounds, search };
    let data = (&raw mut walk).cast();
    // SAFETY: The function is bound. It calls `on_name` with `data`, which is a `NameWalk`, and
    // only before it returns.
    unsafe { imported::kallsyms_on_each_match_symbol(Some(on_name), name, data) == 0 }
}

/// The kernel image, for searches.
pub(super) struct Image<'k> {
    kallsyms: &'k Kallsyms,
    /// Set once they are needed.
    bounds: Option<Bounds>,
}

impl<'k> Image<'k> {
    pub(super) fn new(kallsyms: &'k Kallsyms) -> Self {
        let bounds = None;
        Self { kallsyms, bounds }
    }

    /// Shows `search` the symbols of its name. This is quick even if there is none. May sleep.
    pub(super) fn show(&mut self, search: &mut Search<'_>) -> Result<(), Unusable> {
        if matches!(search.query.kind, Kind::Data { .. }) {
            self.bounds()?;
            self.kallsyms.need(&imported::SIZES)?;
        }
        if !show(search, self.bounds.as_ref()) {
            *search = Search::new(search.query, true);
            show(search, Some(self.bounds()?));
        }
        Ok(())
    }

    fn bounds(&mut self) -> Result<&Bounds, Unusable> {
        let bounds = match self.bounds.take() {
            Some(bounds) => bounds,
            None => {
                self.kallsyms.need(&imported::BOUNDS)?;
                Bounds::new()
            }
        };
        Ok(self.bounds.insert(bounds))
    }
}

/// The parts of the kernel image's memory that are not kept, or whose symbols are not ordinary
/// addresses.
#[derive(Default)]
struct Bounds {
    /// The addresses of per-CPU data. The image's copy of that data may itself be in init memory.
    per_cpu: Range<usize>,
    init: Range<usize>,
    init_text: Range<usize>,
}

impl Bounds {
    /// Reads the bounds of the parts. The symbols of `BOUNDS` must be bound.
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

    fn place(&self, address: usize) -> Place {
        if self.per_cpu.contains(&address) {
            Place::PerCpu
        } else if self.init.contains(&address) || self.init_text.contains(&address) {
            Place::Init
        } else {
            Place::Kept
        }
    }
}

/// Returns the place of `address`; [`None`] if it cannot be told without `bounds`.
fn place(address: usize, bounds: Option<&Bounds>) -> Option<Place> {
    bounds.map_or_else(
        || is_kept_text(address).then_some(Place::Kept),
        |bounds| Some(bounds.place(address)),
    )
}

/// Returns whether `address` lies in text that stays. Once the kernel is up, `kernel_text_address`
/// does not accept init text. The function must be bound.
fn is_kept_text(address: usize) -> bool {
    // SAFETY: This is the kernel's own variable, one word.
    let state = unsafe { (&raw const bindings::system_state).read_volatile() };
    // SAFETY: The function is bound. It accepts any number.
    let is_text = || unsafe { imported::kernel_text_address(address) } != 0;
    state >= bindings::system_states_SYSTEM_RUNNING && is_text()
}

const fn symbol(address: usize, place: Place) -> Symbol {
    Symbol {
        address,
        place,
        size: None,
    }
}

/// A walk over the symbols of one name.
struct NameWalk<'w, 's> {
    bounds: Option<&'w Bounds>,
    search: &'w mut Search<'s>,
}

/// A walk over all symbols.
struct Walk<'w, 's> {
    bounds: &'w Bounds,
    searches: ByName<'w, 's>,
}

/// Ends the walk with a number other than 0 if a place cannot be told.
///
/// # Safety
///
/// `data` is a `NameWalk` that nothing else uses.
unsafe extern "C" fn on_name(data: *mut c_void, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let NameWalk { bounds, search } = unsafe { &mut *data.cast::<NameWalk<'_, '_>>() };
    match place(address, *bounds) {
        Some(place) => {
            search.see(symbol(address, place));
            0
        }
        None => 1,
    }
}

/// # Safety
///
/// `data` is a `Walk` that nothing else uses, and `name` is NUL-terminated.
unsafe extern "C" fn on_symbol(data: *mut c_void, name: *const c_char, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let Walk { bounds, searches } = unsafe { &mut *data.cast::<Walk<'_, '_>>() };
    // SAFETY: By the contract of this function.
    let name = unsafe { CStr::from_char_ptr(name) };
    searches.see_made(name.to_bytes(), || symbol(address, bounds.place(address)));
    0
}
