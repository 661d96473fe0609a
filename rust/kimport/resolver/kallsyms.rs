// SPDX-License-Identifier: GPL-2.0

//! The look-up of addresses by name, in the kernel's own symbol tables.
//!
//! The functions that this module uses are not exported either. The crate imports them with its own
//! macro, and binds them itself, `kallsyms_lookup_name` first. They are judged by the rules for
//! users' imports.

use super::not_found::NotFound;
use super::search::{Kind, Place, Query, Search, Symbol};
use super::{image, imported, lookup_address, module};
use crate::binder::{Binder as _, FunctionBinding};
use crate::bindings;
use crate::block::{self, bind_all};
use crate::log::debug;
use crate::once::Once;
use crate::provider::Provider;
use crate::types::Policy;
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
/// While a value exists, the functions of `imported` are bound, except for the optional ones that
/// the kernel lacks.
pub(crate) struct Kallsyms(());

/// A reason why the symbol tables cannot be used.
pub(crate) enum Unusable {
    Unreachable,
    Refused(Refusal),
    /// The named function has another type than the declared one, which was logged.
    Mistyped(&'static CStr),
}

impl Unusable {
    fn refused(name: &'static CStr, cause: NotFound) -> Self {
        Self::Refused(Refusal { name, cause })
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str(lookup_address::UNREACHABLE),
            Self::Refused(Refusal { name, cause }) => f.write_fmt(fmt!(
                "kimport itself takes {name} from the kernel image: {cause}; this kernel is not \
                 known to kimport"
            )),
            Self::Mistyped(name) => f.write_fmt(fmt!(
                "kimport itself takes {name}, whose type differs, see above; this kernel is not \
                 known to kimport"
            )),
        }
    }
}

impl Kallsyms {
    /// Finds and binds the functions of `imported`. May sleep. Cheap when this was done before.
    ///
    /// Concurrent callers do no harm: all bind the same addresses.
    pub(crate) fn get() -> Result<Self, Unusable> {
        static JUDGED: AtomicFlag = AtomicFlag::new(false);
        // This is tried once: a function that the kernel lacks stays missing, and it takes long to
        // find that out.
        static ACCELERATED: Once = Once::new();

        if !JUDGED.load(Acquire) {
            bind_first_matches()?;
            judge_first_matches()?;
            // INVARIANT: All were just bound.
            check_types(&Self(()), imported::functions(), Policy::Strict)
                .map_err(Unusable::Mistyped)?;
            JUDGED.store(true, Release);
        }
        // INVARIANT: All functions were bound just now, or earlier, and are never unbound.
        let kallsyms = Self(());
        ACCELERATED.call(|| {
            // The types are compared before the functions are bound, because the binder uses the
            // functions as soon as they are bound. The binder can do without them, so they are not
            // used if a type cannot be compared.
            let is_known = |accelerators: &&'static [block::Symbol]| {
                let checked = check_types(&kallsyms, accelerators, Policy::Warn);
                checked
                    .inspect_err(|name| debug!("the type of {name} is not known"))
                    .is_ok()
            };
            let mut by_names = FunctionBinding::accelerators().into_iter();
            let Some(accelerators) = by_names.find(is_known) else {
                debug!("functions are bound one by one");
                return;
            };
            if let Err(Refusal { name, cause }) = kallsyms.bind(accelerators) {
                debug!("functions are bound one by one: {name}: {cause}");
            }
        });
        Ok(kallsyms)
    }

    /// Binds `symbols`, functions and data of the kernel image that the crate itself imports, by
    /// the rules for users' imports. May sleep. They stay bound. The error is the first symbol that
    /// is refused.
    pub(crate) fn bind(&self, symbols: &'static [block::Symbol]) -> Result<(), Refusal> {
        let mut found = KVec::new();
        for symbol in symbols {
            if symbol.address().is_some() {
                continue;
            }
            match self.judge(&image::search_name(Query::of(symbol))) {
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

    /// Returns the module called `name`, or null. The module cannot be freed while the guard lives.
    pub(crate) fn find_module(&self, name: &CStr, _rcu: &rcu::Guard) -> *mut bindings::module {
        // SAFETY: By the type invariants the function is bound. The RCU read lock is held, which
        // the function requires.
        unsafe { imported::find_module(name.as_char_ptr()) }
    }

    /// Returns the address of the symbol of each query in `provider`, or in the kernel image, in
    /// the order of `queries`. May sleep. The only error is `ENOMEM`.
    pub(crate) fn find<'a>(
        &self,
        provider: Option<&Provider>,
        queries: impl ExactSizeIterator<Item = Query<'a>>,
    ) -> Result<KVVec<Result<*mut c_void, NotFound>>> {
        let mut searches = KVVec::with_capacity(queries.len(), GFP_KERNEL)?;
        for query in queries {
            searches.push(Search::new(query, provider.is_none()), GFP_KERNEL)?;
        }
        match provider {
            None => image::search(&mut searches),
            Some(provider) => module::search(provider, &mut searches),
        }
        let mut found = KVVec::with_capacity(searches.len(), GFP_KERNEL)?;
        for search in &searches {
            let result = match self.judge(search) {
                Err(NotFound::Missing) if provider.is_none() && lookup(search.query.name) != 0 => {
                    Err(NotFound::InModule)
                }
                result => result,
            };
            found.push(result, GFP_KERNEL)?;
        }
        Ok(found)
    }

    /// Returns the address of the symbol that was found, if the symbol is as declared and can be
    /// used.
    fn judge(&self, search: &Search<'_>) -> Result<*mut c_void, NotFound> {
        let symbol = search.result()?;
        match symbol.place {
            Place::Kept => {}
            #[cfg(kimport_guard)]
            Place::PerCpu if matches!(search.query.kind, Kind::Any) => {}
            Place::Init => return Err(NotFound::InInit),
            Place::PerCpu => return Err(NotFound::PerCpu),
            Place::Outside => return Err(NotFound::OutsideProvider),
        }
        self.check_kind(&symbol, search.query.kind)?;
        let address = symbol.address as *mut c_void;
        match search.query.loaded {
            Some(loaded) if loaded != address => Err(NotFound::Moved { loaded, address }),
            _ => Ok(address),
        }
    }

    /// Refuses data that is declared as a function, a function that is declared as data, and data
    /// that is smaller than declared.
    fn check_kind(&self, symbol: &Symbol, kind: Kind) -> Result<(), NotFound> {
        // SAFETY: By the type invariants the function is bound. It accepts any number.
        let is_text = unsafe { imported::kernel_text_address(symbol.address) } != 0;
        match kind {
            #[cfg(kimport_guard)]
            Kind::Any => Ok(()),
            Kind::Function if !is_text => Err(NotFound::NotFunction),
            Kind::Data { .. } if is_text => Err(NotFound::NotData),
            Kind::Data { size: declared } => match self.size(symbol) {
                Some(size) if size < declared => Err(NotFound::TooSmall { size, declared }),
                _ => Ok(()),
            },
            Kind::Function => Ok(()),
        }
    }

    /// Returns the maximum size of the symbol in bytes; [`None`] if kallsyms does not know it.
    fn size(&self, symbol: &Symbol) -> Option<usize> {
        if symbol.size.is_some() {
            return symbol.size;
        }
        // The image's kallsyms knows only the distance to the next symbol, which is an upper bound
        // of the symbol's size.
        let (mut size, mut offset) = (0, 0);
        // SAFETY: By the type invariants the function is bound. It writes the two numbers.
        let known = unsafe {
            imported::kallsyms_lookup_size_offset(symbol.address, &mut size, &mut offset)
        };
        (known != 0 && size > 0).then(|| size.saturating_sub(offset))
    }

    /// Returns whether the kernel image has a symbol called `name`.
    pub(crate) fn image_has(&self, name: &CStr) -> bool {
        let address = lookup(name);
        address != 0 && !is_in_module(address)
    }

    /// Calls `look` with the name of the module that `address` lies in, or with [`None`] if it lies
    /// in no module. `look` may not sleep.
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

/// A symbol that the crate itself imports, and the reason why it is refused.
pub(crate) struct Refusal {
    pub(crate) name: &'static CStr,
    pub(crate) cause: NotFound,
}

/// Binds each symbol of `imported` to the first match of its name, and does not judge it: a search,
/// which could do that, needs all of them bound.
fn bind_first_matches() -> Result<(), Unusable> {
    let missing = |name| Unusable::refused(name, NotFound::Missing);
    let [finder, module_address, ..] = imported::functions() else {
        return Err(missing(c"kallsyms_lookup_name"));
    };
    if finder.address().is_none() {
        let address = lookup_address::find().ok_or(Unusable::Unreachable)?;
        // SAFETY: The address is that of `kallsyms_lookup_name`; the kernel image stays.
        unsafe { finder.bind(address) };
    }
    if module_address.address().is_none() {
        let address = match lookup(module_address.name) {
            0 => return Err(missing(module_address.name)),
            address => address as *mut c_void,
        };
        // SAFETY: The address is that of `__module_address`, which every kernel image with modules
        // has. The kernel image stays.
        unsafe { module_address.bind(address) };
    }
    for symbol in imported::symbols() {
        if symbol.address().is_some() {
            continue;
        }
        let address = lookup(symbol.name);
        if address != 0 && !is_in_module(address) {
            // SAFETY: The address is the symbol's; the kernel image stays.
            unsafe { symbol.bind(address as *mut c_void) };
        } else if !symbol.optional {
            return Err(missing(symbol.name));
        }
    }
    Ok(())
}

/// Refuses a first match that is not the only symbol of its name, or not of the declared kind.
fn judge_first_matches() -> Result<(), Unusable> {
    // INVARIANT: All were just bound.
    let kallsyms = Kallsyms(());
    for symbol in imported::symbols() {
        let Some(bound) = symbol.address() else {
            continue;
        };
        let search = image::search_name(Query::of(symbol));
        // The bounds may lie in init or per-CPU memory themselves, so only their uniqueness is
        // checked.
        let judged = match symbol.binding.function() {
            Some(_) => kallsyms.judge(&search),
            None => search.check_unique().map(|()| bound),
        };
        match judged {
            Ok(address) if address == bound => {}
            Ok(_) => return Err(Unusable::refused(symbol.name, NotFound::Missing)),
            Err(cause) => return Err(Unusable::refused(symbol.name, cause)),
        }
    }
    Ok(())
}

/// Returns the address of the first symbol called `name`, or 0. `kallsyms_lookup_name` must be
/// bound. It searches the modules if the kernel image has no such symbol.
fn lookup(name: &CStr) -> usize {
    // SAFETY: The function is bound, and the name is NUL-terminated.
    unsafe { imported::kallsyms_lookup_name(name.as_char_ptr()) }
}

/// Returns the module that `address` lies in, or null. `__module_address` must be bound. The module
/// cannot be freed while the guard lives.
fn module_of(address: usize, _rcu: &rcu::Guard) -> *mut bindings::module {
    // SAFETY: The function is bound. The RCU read lock is held, which the function requires.
    unsafe { imported::__module_address(address) }
}

/// Returns whether `address` lies in a module. `__module_address` must be bound.
fn is_in_module(address: usize) -> bool {
    !module_of(address, &rcu::read_lock()).is_null()
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
