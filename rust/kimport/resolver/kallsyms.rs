// SPDX-License-Identifier: GPL-2.0

//! Addresses by name, from the kernel's own symbol tables.
//!
//! The functions that this takes are not exported either: the crate imports them with its own
//! macro, and binds them itself, `kallsyms_lookup_name` first. They are judged as users' imports
//! are.

use super::not_found::NotFound;
use super::search::{Kind, Place, Search, Symbol, Wanted};
use super::{image, imported, lookup_address, module};
use crate::binder;
use crate::bindings;
use crate::block::{self, bind_all};
use crate::log::debug;
use crate::once::Once;
use crate::provider::Provider;
use crate::verify::check_types;
use core::ffi::{c_void, CStr};
use kernel::fmt;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, AtomicFlag, Release};
use kernel::sync::rcu;

/// Access to the kernel's symbol tables.
///
/// # Invariants
///
/// While a value exists, the functions of `imported` are bound, but for the optional ones that the
/// kernel lacks.
pub(crate) struct Kallsyms(());

/// Why the symbol tables cannot be used.
pub(crate) enum Unusable {
    Unreachable(lookup_address::Unreachable),
    /// A function that the crate itself takes is refused.
    Refused {
        name: &'static CStr,
        cause: NotFound,
    },
    /// It has another type than the declared one, which was logged.
    Mistyped(&'static CStr),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(unreachable) => fmt::Display::fmt(unreachable, f),
            Self::Refused { name, cause } => {
                f.write_str("kimport itself takes ")?;
                fmt::Display::fmt(*name, f)?;
                f.write_str(" from the kernel image: ")?;
                fmt::Display::fmt(cause, f)?;
                f.write_str("; this kernel is not known to kimport")
            }
            Self::Mistyped(name) => {
                f.write_str("kimport itself takes ")?;
                fmt::Display::fmt(*name, f)?;
                f.write_str(
                    ", whose type is another one, see above; this kernel is not known to kimport",
                )
            }
        }
    }
}

impl Kallsyms {
    /// Finds and binds what it takes. May sleep. Cheap when it was done before.
    ///
    /// Two callers at the same time do no harm: both bind the same addresses.
    pub(crate) fn get() -> Result<Self, Unusable> {
        static JUDGED: AtomicFlag = AtomicFlag::new(false);
        // That the kernel lacks one does not change, and takes long to find out.
        static ACCELERATED: Once = Once::new();

        if !JUDGED.load(Acquire) {
            bind_first_matches()?;
            judge_first_matches()?;
            // INVARIANT: All were just bound.
            check_types(&Self(()), imported::symbols()).map_err(Unusable::Mistyped)?;
            JUDGED.store(true, Release);
        }
        // INVARIANT: All were just bound, or before, and are never unbound.
        let kallsyms = Self(());
        ACCELERATED.call(|| {
            let needs = binder::needs();
            // Before they are bound: what is bound is used.
            if check_types(&kallsyms, needs).is_err() {
                return;
            }
            if let Err(Refusal { name, cause }) = kallsyms.bind(needs) {
                debug!("functions are bound one by one: {name}: {cause}");
            }
        });
        Ok(kallsyms)
    }

    /// Binds `symbols`, functions and data of the kernel image that the crate itself takes, by the
    /// rules for users' imports. May sleep. Those that are bound stay so.
    ///
    /// # Errors
    ///
    /// The first one that is refused.
    pub(crate) fn bind(&self, symbols: &'static [block::Symbol]) -> Result<(), Refusal> {
        let mut found = KVec::new();
        for symbol in symbols {
            if symbol.address().is_some() {
                continue;
            }
            let mut search = [Search::new(Wanted::of(symbol), true)];
            image::search(&mut search);
            match self.judge(&search[0]) {
                Ok(address) => {
                    if found.push((symbol, address), GFP_KERNEL).is_err() {
                        // SAFETY: The address is the symbol's; the kernel image stays.
                        unsafe { symbol.bind(address) };
                    }
                }
                Err(cause) if symbol.optional && cause.is_absence() => {}
                Err(cause) => {
                    let name = symbol.name;
                    return Err(Refusal { name, cause });
                }
            }
        }
        // SAFETY: The addresses are the symbols'; the kernel image stays.
        unsafe { bind_all(found.iter().copied()) };
        Ok(())
    }

    /// The module called `name`, or null. It cannot be freed while the guard lives.
    pub(crate) fn find_module(&self, name: &CStr, _rcu: &rcu::Guard) -> *mut bindings::module {
        // SAFETY: By the type invariants the function is bound; RCU is held, as it wants.
        unsafe { imported::find_module(name.as_char_ptr()) }
    }

    /// The address in `provider`, or in the kernel image, of each wanted symbol, in their order.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn find<'a>(
        &self,
        provider: Option<&Provider>,
        wanted: impl ExactSizeIterator<Item = Wanted<'a>>,
    ) -> Result<KVVec<Result<*mut c_void, NotFound>>> {
        let mut searches = KVVec::with_capacity(wanted.len(), GFP_KERNEL)?;
        for wanted in wanted {
            searches.push(Search::new(wanted, provider.is_none()), GFP_KERNEL)?;
        }
        match provider {
            None => image::search(&mut searches),
            Some(provider) => module::search(provider, &mut searches),
        }
        let mut found = KVVec::with_capacity(searches.len(), GFP_KERNEL)?;
        for search in &searches {
            let result = match self.judge(search) {
                Err(NotFound::Missing) if provider.is_none() && lookup(search.wanted.name) != 0 => {
                    Err(NotFound::InModule)
                }
                result => result,
            };
            found.push(result, GFP_KERNEL)?;
        }
        Ok(found)
    }

    /// The address of what was found, if it is what was declared and can be used.
    fn judge(&self, search: &Search<'_>) -> Result<*mut c_void, NotFound> {
        let symbol = search.found()?;
        match symbol.place {
            Place::Kept => {}
            Place::Init => return Err(NotFound::InInit),
            Place::PerCpu => return Err(NotFound::PerCpu),
            Place::Outside => return Err(NotFound::OutsideProvider),
        }
        self.check_kind(&symbol, search.wanted.kind)?;
        let address = symbol.address as *mut c_void;
        match search.wanted.loaded {
            Some(loaded) if loaded != address => Err(NotFound::Moved { loaded, address }),
            _ => Ok(address),
        }
    }

    /// Refuses data for a function, a function for data, and data that is smaller than declared.
    fn check_kind(&self, symbol: &Symbol, kind: Kind) -> Result<(), NotFound> {
        // SAFETY: By the type invariants the function is bound; it takes any number.
        let is_text = unsafe { imported::kernel_text_address(symbol.address) } != 0;
        match kind {
            Kind::Function if !is_text => Err(NotFound::NotFunction),
            Kind::Data { .. } if is_text => Err(NotFound::NotData),
            Kind::Data { size: declared } => match self.size(symbol) {
                Some(size) if size < declared => Err(NotFound::TooSmall { size, declared }),
                _ => Ok(()),
            },
            Kind::Function => Ok(()),
        }
    }

    /// Bytes that the symbol has at most; `None` when kallsyms does not know.
    fn size(&self, symbol: &Symbol) -> Option<usize> {
        if symbol.size.is_some() {
            return symbol.size;
        }
        // The image's kallsyms knows no sizes but the distance to the next symbol, which the
        // symbol's size cannot exceed.
        let (mut size, mut offset) = (0, 0);
        // SAFETY: By the type invariants the function is bound; it writes the two numbers.
        let known = unsafe {
            imported::kallsyms_lookup_size_offset(symbol.address, &mut size, &mut offset)
        };
        (known != 0 && size > 0).then(|| size.saturating_sub(offset))
    }

    /// Whether the kernel image has a symbol called `name`.
    pub(crate) fn image_has(&self, name: &CStr) -> bool {
        let address = lookup(name);
        address != 0 && !is_in_module(address)
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
}

/// A symbol that the crate itself takes, and why it is refused.
pub(crate) struct Refusal {
    pub(crate) name: &'static CStr,
    pub(crate) cause: NotFound,
}

impl From<Refusal> for Unusable {
    fn from(Refusal { name, cause }: Refusal) -> Self {
        Self::Refused { name, cause }
    }
}

/// Binds each function and bound of `imported` to the first symbol of its name: a search takes them
/// all.
fn bind_first_matches() -> Result<(), Unusable> {
    let [finder, module_address, ..] = imported::symbols() else {
        return Err(Refusal::missing(c"kallsyms_lookup_name").into());
    };
    if finder.address().is_none() {
        let address = lookup_address::find().map_err(Unusable::Unreachable)?;
        // SAFETY: The address is that of `kallsyms_lookup_name`; the kernel image stays.
        unsafe { finder.bind(address) };
    }
    if module_address.address().is_none() {
        let address = match lookup(module_address.name) {
            0 => return Err(Refusal::missing(module_address.name).into()),
            address => address as *mut c_void,
        };
        // SAFETY: The address is that of `__module_address`, which each kernel image with modules
        // has; that stays.
        unsafe { module_address.bind(address) };
    }
    let mut found = KVec::new();
    for symbol in Iterator::chain(imported::symbols().iter(), imported::bounds()) {
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
            return Err(Refusal::missing(symbol.name).into());
        }
    }
    // SAFETY: As above.
    unsafe { bind_all(found.iter().copied()) };
    Ok(())
}

/// Refuses a first match that is not the only one, or not what it is declared to be.
fn judge_first_matches() -> Result<(), Unusable> {
    // INVARIANT: All were just bound.
    let kallsyms = Kallsyms(());
    let search = |symbol| {
        let mut search = [Search::new(Wanted::of(symbol), true)];
        image::search(&mut search);
        let [search] = search;
        search
    };
    for symbol in imported::symbols() {
        if let Err(cause) = kallsyms.judge(&search(symbol)) {
            let name = symbol.name;
            return Err(Unusable::Refused { name, cause });
        }
    }
    // They lie where what they bound lies.
    for symbol in imported::bounds() {
        if symbol.address().is_some() {
            search(symbol).only().map_err(|cause| {
                let name = symbol.name;
                Unusable::Refused { name, cause }
            })?;
        }
    }
    Ok(())
}

impl Refusal {
    fn missing(name: &'static CStr) -> Self {
        let cause = NotFound::Missing;
        Self { name, cause }
    }
}

/// The address of the first symbol called `name`, or 0; `kallsyms_lookup_name` is bound. That goes
/// on to the modules when the kernel image has no such symbol.
fn lookup(name: &CStr) -> usize {
    // SAFETY: The function is bound, and the name is NUL-terminated.
    unsafe { imported::kallsyms_lookup_name(name.as_char_ptr()) }
}

/// The module that `address` lies in, or null; `__module_address` is bound. It cannot be freed
/// while the guard lives.
fn module_of(address: usize, _rcu: &rcu::Guard) -> *mut bindings::module {
    // SAFETY: The function is bound; RCU is held, as it wants.
    unsafe { imported::__module_address(address) }
}

/// Whether `address` lies in a module; `__module_address` is bound.
fn is_in_module(address: usize) -> bool {
    !module_of(address, &rcu::read_lock()).is_null()
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
