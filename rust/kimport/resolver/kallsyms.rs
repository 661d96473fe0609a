// SPDX-License-Identifier: GPL-2.0

//! Addresses by name, from the kernel's own symbol table.
//!
//! The functions that this takes are not exported either: the crate imports them with its own macro, and binds them
//! itself, `kallsyms_lookup_name` first.

use super::not_found::{CloneName, NotFound, LISTED};
use super::{imported, lookup_address};
use crate::binder;
use crate::bindings::module;
use crate::log::debug;
use crate::once::Once;
use crate::provider::{Place, Provider};
use crate::table::{bind_all, Symbol};
use core::ffi::CStr;
use kernel::ffi::{c_char, c_int, c_ulong, c_void};
use kernel::fmt;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::rcu;

/// What an entry declares of its symbol.
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a CStr,
    /// Which of several symbols of the name, counted from 1 in address order; in a provider of what is `loaded`, in the order
    /// of its symbol table.
    pub(crate) position: Option<u32>,
    pub(crate) kind: Kind,
    /// Where the kernel bound it when it loaded this module.
    pub(crate) loaded: Option<*mut c_void>,
}

/// What a symbol is declared to be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Function,
    Data {
        /// Bytes of the declared type.
        size: usize,
    },
}

impl Kind {
    /// Whether kallsyms leaves out all symbols of this kind.
    fn is_unlisted(self) -> bool {
        matches!(self, Self::Data { .. }) && !cfg!(CONFIG_KALLSYMS_ALL)
    }
}

/// The kernel's symbol table.
///
/// # Invariants
///
/// While a value exists, the functions of `imported` are bound, but for the optional ones that the kernel lacks.
pub(crate) struct Kallsyms(());

/// Why the symbol table cannot be used.
pub(crate) enum Unusable {
    Unreachable(lookup_address::Unreachable),
    /// The kernel has no such function.
    Lacks(&'static CStr),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(unreachable) => fmt::Display::fmt(unreachable, f),
            Self::Lacks(name) => {
                fmt::Display::fmt(*name, f)?;
                f.write_str(" is not in kallsyms; this kernel is not known to kimport")
            }
        }
    }
}

impl Kallsyms {
    /// Finds and binds what it takes. May sleep. Cheap when it was done before.
    ///
    /// Two callers at once do no harm: both bind the same addresses.
    pub(crate) fn get() -> Result<Self, Unusable> {
        // One by one, or at once: that does not change, and what is missing takes long to look up.
        static NEEDS: Once = Once::new();

        let [finder, module_address, others @ ..] = imported::symbols() else {
            return Err(Unusable::Lacks(c"kallsyms_lookup_name"));
        };
        if finder.address().is_none() {
            let address = lookup_address::find().map_err(Unusable::Unreachable)?;
            // SAFETY: The address is that of `kallsyms_lookup_name`; the kernel image stays.
            unsafe { finder.bind(address) };
        }
        if module_address.address().is_none() {
            let address = match lookup(module_address.name) {
                0 => return Err(Unusable::Lacks(module_address.name)),
                address => address as *mut c_void,
            };
            // SAFETY: The address is that of `__module_address`, which each kernel image with modules has; that stays.
            unsafe { module_address.bind(address) };
        }
        NEEDS.call(|| {
            if let Err(name) = bind(binder::needs()) {
                debug!("functions are bound one by one: the kernel has no {name}");
            }
        });
        bind(others).map_err(Unusable::Lacks)?;
        // INVARIANT: All were just bound, or before, and are never unbound.
        Ok(Self(()))
    }

    /// Binds `symbols`, functions and data of the kernel image that the crate itself takes. May sleep. Those that are bound
    /// stay so.
    ///
    /// # Errors
    ///
    /// The name of the first one that the kernel lacks.
    pub(crate) fn bind(&self, symbols: &'static [Symbol]) -> Result<(), &'static CStr> {
        bind(symbols)
    }

    /// Whether the kernel can list a module's symbols. Where it cannot, a module's clone of a function is not told from a
    /// function that is missing.
    pub(crate) fn lists_modules(&self) -> bool {
        imported::lists_modules()
    }

    /// The module called `name`, or null. It cannot be freed while the guard lives.
    pub(crate) fn find_module(&self, name: &CStr, _rcu: &rcu::Guard) -> *mut module {
        // SAFETY: By the type invariants the function is bound; RCU is held, as it wants.
        unsafe { imported::find_module(name.as_char_ptr()) }
    }

    /// The address of the wanted symbol in `provider`, or in the kernel image. May sleep.
    pub(crate) fn find(
        &self,
        provider: Option<&Provider>,
        wanted: &Wanted<'_>,
    ) -> Result<*mut c_void, NotFound> {
        let address = match wanted.position {
            Some(position) => match (provider, wanted.loaded) {
                (Some(provider), Some(_)) => self.listed_at(provider, wanted.name, position)?,
                _ => self.at(provider, wanted.name, position)?,
            },
            None => match self.only(provider, wanted.name) {
                Err(NotFound::Missing) if wanted.kind.is_unlisted() => {
                    return Err(NotFound::NoData)
                }
                Err(NotFound::Missing) => self.renamed(provider, wanted.name)?,
                other => other?,
            },
        };
        self.check_place(provider, address)?;
        self.check_kind(address, wanted.kind)?;
        let address = address as *mut c_void;
        match wanted.loaded {
            Some(loaded) if loaded != address => Err(NotFound::Moved { loaded, address }),
            _ => Ok(address),
        }
    }

    /// The address of the symbol called `name`, which must be the only one.
    fn only(&self, provider: Option<&Provider>, name: &CStr) -> Result<usize, NotFound> {
        let first = match provider {
            None => lookup(name),
            Some(provider) => {
                let qualified = CString::try_from_fmt(fmt!("{}:{}", provider.name(), name))
                    .map_err(|_| NotFound::NoMemory)?;
                lookup(&qualified)
            }
        };
        if first == 0 {
            return Err(NotFound::Missing);
        }
        if provider.is_none() && is_in_module(first) {
            return Err(NotFound::InModule);
        }
        let mut candidates = [0; LISTED];
        let mut count = 0;
        let mut last = 0;
        loop {
            match self.next(provider, name, last) {
                Ok(Some(address)) => last = address,
                Ok(None) => break,
                // This kernel cannot tell: the first one it is.
                Err(_) => return Ok(first),
            }
            if let Some(candidate) = candidates.get_mut(count as usize) {
                *candidate = last;
            }
            count += 1;
        }
        if count > 1 {
            return Err(NotFound::Ambiguous { candidates, count });
        }
        Ok(first)
    }

    /// The address of a symbol that the compiler gave another name: `name.llvm.N` is a plain rename, anything else a clone
    /// with an ABI of its own.
    fn renamed(&self, provider: Option<&Provider>, name: &CStr) -> Result<usize, NotFound> {
        let mut search = CloneSearch {
            name: name.to_bytes(),
            renamed: None,
            clone: None,
        };
        let data: *mut c_void = core::ptr::from_mut(&mut search).cast();
        match provider {
            None => {
                // SAFETY: By the type invariants the function is bound; it calls `on_clone` with `data`, which is a
                // `CloneSearch`, before it returns.
                unsafe { imported::kallsyms_on_each_symbol(Some(on_clone), data) };
            }
            Some(provider) => {
                let module = provider.name().as_char_ptr();
                // SAFETY: As above; the call does nothing when the function is not bound.
                unsafe { imported::module_kallsyms_on_each_symbol(module, Some(on_clone), data) };
            }
        }
        match (search.renamed, search.clone) {
            (
                Some(Renamed {
                    address, count: 1, ..
                }),
                _,
            ) => Ok(address),
            (Some(Renamed { name, count, .. }), _) => Err(NotFound::SeveralRenames { name, count }),
            (None, Some(clone)) => Err(NotFound::OnlyClone(clone)),
            (None, None) => Err(NotFound::Missing),
        }
    }

    /// Refuses an address outside `provider`, or outside what stays of the kernel image.
    fn check_place(&self, provider: Option<&Provider>, address: usize) -> Result<(), NotFound> {
        let between = |start: Option<*mut [c_char; 0]>, end: Option<*mut [c_char; 0]>| {
            start
                .zip(end)
                .is_some_and(|(start, end)| (start.addr()..end.addr()).contains(&address))
        };
        match provider {
            Some(provider) => match provider.place_of(address) {
                Some(Place::Kept) => Ok(()),
                Some(Place::Init) => Err(NotFound::InInit),
                Some(Place::PerCpu) => Err(NotFound::PerCpu),
                None => Err(NotFound::OutsideProvider),
            },
            // The image's copy of per-CPU data may itself be in init memory.
            None if between(imported::__per_cpu_start(), imported::__per_cpu_end()) => {
                Err(NotFound::PerCpu)
            }
            None if between(imported::__init_begin(), imported::__init_end()) => {
                Err(NotFound::InInit)
            }
            None if between(Some(imported::_sinittext()), Some(imported::_einittext())) => {
                Err(NotFound::InInit)
            }
            None => Ok(()),
        }
    }

    /// Refuses data for a function, a function for data, and data that is smaller than declared.
    fn check_kind(&self, address: usize, kind: Kind) -> Result<(), NotFound> {
        // SAFETY: By the type invariants the function is bound; it takes any number.
        let is_text = unsafe { imported::kernel_text_address(address) } != 0;
        match kind {
            Kind::Function if !is_text => Err(NotFound::NotFunction),
            Kind::Data { .. } if is_text => Err(NotFound::NotData),
            // kallsyms knows no sizes but the distance to the next symbol, which the symbol's size cannot exceed.
            Kind::Data { size: declared } => match self.size(address) {
                Some(size) if size < declared => Err(NotFound::TooSmall { size, declared }),
                _ => Ok(()),
            },
            Kind::Function => Ok(()),
        }
    }

    /// Tells `look` the name of the module that `address` lies in. `look` may not sleep.
    pub(crate) fn with_module_of<R>(
        &self,
        address: usize,
        look: impl FnOnce(Option<&CStr>) -> R,
    ) -> R {
        let rcu = rcu::read_lock();
        let module = module_of(address, &rcu);
        if module.is_null() {
            return look(None);
        }
        // SAFETY: The module cannot be freed while the guard lives.
        let name = unsafe { &raw const (*module).name };
        // SAFETY: As above; the name is NUL-terminated and does not change.
        look(Some(unsafe { CStr::from_char_ptr(name.cast()) }))
    }

    /// Bytes from `address` to the next symbol; `None` when kallsyms does not know.
    fn size(&self, address: usize) -> Option<usize> {
        let (mut size, mut offset) = (0, 0);
        // SAFETY: By the type invariants the function is bound; it writes the two numbers.
        let known =
            unsafe { imported::kallsyms_lookup_size_offset(address, &mut size, &mut offset) };
        (known != 0 && size > 0).then(|| size.saturating_sub(offset))
    }

    /// The address of the `position`th symbol called `name`, counted from 1 in address order.
    fn at(
        &self,
        provider: Option<&Provider>,
        name: &CStr,
        position: u32,
    ) -> Result<usize, NotFound> {
        let mut last = 0;
        for count in 0..position {
            last = self
                .next(provider, name, last)?
                .ok_or(NotFound::Position { count })?;
        }
        Ok(last)
    }

    /// The address of the `position`th symbol called `name`, counted from 1 in the order of the provider's symbol table: as
    /// livepatch counts.
    fn listed_at(
        &self,
        provider: &Provider,
        name: &CStr,
        position: u32,
    ) -> Result<usize, NotFound> {
        let mut search = ListedMatch {
            name,
            position,
            count: 0,
            found: None,
        };
        let data: *mut c_void = core::ptr::from_mut(&mut search).cast();
        let module = provider.name().as_char_ptr();
        // SAFETY: By the type invariants the function is bound, or the call does nothing; it calls `on_listed` with `data`,
        // which is a `ListedMatch`, before it returns.
        unsafe { imported::module_kallsyms_on_each_symbol(module, Some(on_listed), data) }
            .ok_or(NotFound::NoPositions)?;
        search.found.ok_or(NotFound::Position {
            count: search.count,
        })
    }

    /// The lowest address above `above` of a symbol called `name`.
    fn next(
        &self,
        provider: Option<&Provider>,
        name: &CStr,
        above: usize,
    ) -> Result<Option<usize>, NotFound> {
        let mut search = NextMatch {
            name,
            above,
            next: None,
        };
        self.walk(provider, &mut search)?;
        Ok(search.next)
    }

    /// Shows `search` all symbols of its name in `provider`, or in the kernel image.
    fn walk(
        &self,
        provider: Option<&Provider>,
        search: &mut NextMatch<'_>,
    ) -> Result<(), NotFound> {
        let name = search.name.as_char_ptr();
        let data: *mut c_void = core::ptr::from_mut(search).cast();
        match provider {
            None => {
                // SAFETY: By the type invariants the function is bound; it calls `on_match` with `data`, which is a
                // `NextMatch`, before it returns.
                unsafe { imported::kallsyms_on_each_match_symbol(Some(on_match), name, data) };
                Ok(())
            }
            Some(provider) => {
                let module = provider.name().as_char_ptr();
                // SAFETY: As above, with `on_symbol`; the call does nothing when the function is not bound.
                unsafe { imported::module_kallsyms_on_each_symbol(module, Some(on_symbol), data) }
                    .map(|_| ())
                    .ok_or(NotFound::NoPositions)
            }
        }
    }
}

/// The address of the first symbol called `name`, or 0; `kallsyms_lookup_name` is bound. That goes on to the modules when the
/// kernel image has no such symbol.
fn lookup(name: &CStr) -> usize {
    // SAFETY: The function is bound, and the name is NUL-terminated.
    unsafe { imported::kallsyms_lookup_name(name.as_char_ptr()) }
}

/// The module that `address` lies in, or null; `__module_address` is bound. It cannot be freed while the guard lives.
fn module_of(address: usize, _rcu: &rcu::Guard) -> *mut module {
    // SAFETY: The function is bound; RCU is held, as it wants.
    unsafe { imported::__module_address(address) }
}

/// Whether `address` lies in a module; `__module_address` is bound.
fn is_in_module(address: usize) -> bool {
    !module_of(address, &rcu::read_lock()).is_null()
}

/// See [`Kallsyms::bind`]; `kallsyms_lookup_name` and `__module_address` are bound.
fn bind(symbols: &'static [Symbol]) -> Result<(), &'static CStr> {
    let mut found = KVec::new();
    for symbol in symbols {
        if symbol.address().is_some() {
            continue;
        }
        let address = lookup(symbol.name);
        if address != 0 && !is_in_module(address) {
            let entry = (symbol, address as *mut c_void);
            if found.push(entry, GFP_KERNEL).is_err() {
                // SAFETY: The address is the symbol's; the kernel image stays.
                unsafe { symbol.bind(entry.1) };
            }
        } else if !symbol.optional {
            return Err(symbol.name);
        }
    }
    // SAFETY: As above.
    unsafe { bind_all(found.iter().copied()) };
    Ok(())
}

/// The search for the lowest address above one.
struct NextMatch<'a> {
    name: &'a CStr,
    above: usize,
    next: Option<usize>,
}

impl NextMatch<'_> {
    fn see(&mut self, address: usize) {
        if address > self.above && self.next.is_none_or(|next| address < next) {
            self.next = Some(address);
        }
    }
}

/// The search for one of several symbols of a name, in the order in which they are shown.
struct ListedMatch<'a> {
    name: &'a CStr,
    /// Counted from 1.
    position: u32,
    /// Those that were shown.
    count: u32,
    found: Option<usize>,
}

impl ListedMatch<'_> {
    /// Whether this was the one.
    fn see(&mut self, address: usize) -> bool {
        self.count += 1;
        if self.count == self.position {
            self.found = Some(address);
        }
        self.found.is_some()
    }
}

/// The search for what the compiler made of a function.
struct CloneSearch<'a> {
    name: &'a [u8],
    renamed: Option<Renamed>,
    clone: Option<CloneName>,
}

/// Plain renames of a function.
struct Renamed {
    /// The first one that was shown.
    name: CloneName,
    /// Its address.
    address: usize,
    count: u32,
}

impl CloneSearch<'_> {
    fn see(&mut self, name: &[u8], address: usize) {
        match name.strip_prefix(self.name) {
            Some(suffix) if is_rename(suffix) => match &mut self.renamed {
                Some(renamed) => renamed.count += 1,
                None => {
                    self.renamed = Some(Renamed {
                        name: CloneName::new(name),
                        address,
                        count: 1,
                    })
                }
            },
            Some(suffix) if is_clone(suffix) && self.clone.is_none() => {
                self.clone = Some(CloneName::new(name))
            }
            _ => {}
        }
    }
}

/// Whether `suffix`, the rest of a symbol's name, is all that LLVM appends when it makes a static function global. There may be
/// parts of that one, too: `.llvm.N.cold`.
fn is_rename(suffix: &[u8]) -> bool {
    suffix
        .strip_prefix(b".llvm.")
        .is_some_and(|number| number.iter().all(u8::is_ascii_digit))
}

/// Whether `suffix`, the rest of a symbol's name, is what a compiler appends to its clones of a function.
fn is_clone(suffix: &[u8]) -> bool {
    [
        &b".isra."[..],
        b".constprop.",
        b".part.",
        b".cold",
        b".llvm.",
    ]
    .iter()
    .any(|clone| suffix.starts_with(clone))
}

/// # Safety
///
/// `data` is a `CloneSearch` that nothing else uses, and `name` is NUL-terminated.
unsafe extern "C" fn on_clone(data: *mut c_void, name: *const c_char, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let search = unsafe { &mut *data.cast::<CloneSearch<'_>>() };
    // SAFETY: By the contract of this function.
    search.see(unsafe { CStr::from_char_ptr(name) }.to_bytes(), address);
    0
}

/// # Safety
///
/// `data` is a `NextMatch` that nothing else uses.
unsafe extern "C" fn on_match(data: *mut c_void, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    unsafe { &mut *data.cast::<NextMatch<'_>>() }.see(address);
    0
}

/// # Safety
///
/// `data` is a `NextMatch` that nothing else uses, and `name` is NUL-terminated.
unsafe extern "C" fn on_symbol(data: *mut c_void, name: *const c_char, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let search = unsafe { &mut *data.cast::<NextMatch<'_>>() };
    // SAFETY: By the contract of this function.
    if unsafe { CStr::from_char_ptr(name) } == search.name {
        search.see(address);
    }
    0
}

/// # Safety
///
/// `data` is a `ListedMatch` that nothing else uses, and `name` is NUL-terminated.
unsafe extern "C" fn on_listed(data: *mut c_void, name: *const c_char, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let search = unsafe { &mut *data.cast::<ListedMatch<'_>>() };
    // SAFETY: By the contract of this function.
    let is_match = unsafe { CStr::from_char_ptr(name) } == search.name;
    c_int::from(is_match && search.see(address))
}

#[cfg(kimport_selftest)]
#[path = "kallsyms_tests.rs"]
pub(crate) mod tests;
