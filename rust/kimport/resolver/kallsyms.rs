// SPDX-License-Identifier: GPL-2.0

//! The look-up of addresses by name, in the kernel's own symbol tables.
//!
//! The functions that this module uses are not exported either. The crate imports them with its own
//! macro, and binds them itself, `kallsyms_lookup_name` first. They are judged by the rules for
//! users' imports.

use super::image::{self, Image};
use super::imported::{self, Group};
use super::not_found::NotFound;
use super::search::{Kind, Place, Query, Search, Symbol};
use super::{lookup_address, module};
use crate::binder::{Binder as _, FunctionBinding};
use crate::bindings;
use crate::block::{self, bind_all};
use crate::compat::code;
use crate::importer::THIS;
use crate::log::debug;
use crate::once::Once;
use crate::provider::Provider;
use crate::types::Policy;
use crate::verify::check_types;
use core::ffi::{c_void, CStr};
use kernel::alloc::AllocError;
use kernel::fmt;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Release};
use kernel::sync::rcu;

/// Access to the kernel's symbol tables.
///
/// # Invariants
///
/// While a value exists, the functions of [`imported::FIRST`] are bound.
pub(crate) struct Kallsyms(());

/// The function that finds modules by their names.
///
/// # Invariants
///
/// While a value exists, the function of [`imported::MODULES`] is bound.
pub(crate) struct Modules(());

/// The function that finds modules by addresses.
///
/// # Invariants
///
/// While a value exists, the function of [`imported::OWNERS`] is bound.
#[cfg(any(CONFIG_KIMPORT_DEBUGFS, kimport_guard))]
pub(crate) struct Owners(());

/// A reason why the symbol tables cannot be used.
pub(crate) enum Unusable {
    Unreachable,
    Refused(Refusal),
    /// The named function has another type than the declared one, which was logged.
    Mistyped(&'static CStr),
    NoMemory,
}

impl Unusable {
    fn refused(name: &'static CStr, cause: NotFound) -> Self {
        Self::Refused(Refusal { name, cause })
    }

    pub(crate) fn errno(&self) -> Error {
        match self {
            Self::NoMemory => code::ENOMEM,
            _ => code::EOPNOTSUPP,
        }
    }
}

impl From<AllocError> for Unusable {
    fn from(_: AllocError) -> Self {
        Self::NoMemory
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
            Self::NoMemory => f.write_str("no memory for the search"),
        }
    }
}

impl Kallsyms {
    /// Finds and binds the functions of [`imported::FIRST`]. May sleep. Cheap when this was done
    /// before.
    ///
    /// Concurrent callers do no harm: all bind the same addresses.
    pub(crate) fn get() -> Result<Self, Unusable> {
        let group = &imported::FIRST;
        if !group.is_ready.load(Acquire) {
            bind_first()?;
            // INVARIANT: All were just bound.
            Self(()).check_types(group)?;
        }
        // INVARIANT: All functions were bound just now, or earlier, and are never unbound.
        Ok(Self(()))
    }

    /// Finds and binds the symbols of `group`. May sleep. Cheap when this was done before.
    pub(super) fn need(&self, group: &'static Group) -> Result<(), Unusable> {
        if group.is_ready.load(Acquire) {
            return Ok(());
        }
        let symbols = (group.symbols)();
        match core::ptr::eq(group, &imported::BOUNDS) {
            // They may lie in init or per-CPU memory themselves.
            true => bind_unique(symbols)?,
            false => self.bind(symbols)?,
        }
        self.check_types(group)
    }

    /// Compares the types of the symbols of `group`, which are bound.
    fn check_types(&self, group: &Group) -> Result<(), Unusable> {
        check_types(self, (group.symbols)(), Policy::Strict)?;
        group.is_ready.store(true, Release);
        Ok(())
    }

    /// Finds what the binder needs to bind many functions together, if there is such a thing, and
    /// if that pays for `functions` functions. May sleep.
    pub(crate) fn accelerate(&self, functions: usize) {
        if FunctionBinding::accelerators_pay(functions) {
            self.accelerate_anyway();
        }
    }

    /// Does the same, whether or not it pays.
    pub(crate) fn accelerate_anyway(&self) {
        // This is tried once: a function that the kernel lacks stays missing.
        static ACCELERATED: Once = Once::new();

        ACCELERATED.call(|| self.bind_accelerators());
    }

    fn bind_accelerators(&self) {
        // The types are compared before the functions are bound, because the binder uses the
        // functions as soon as they are bound. The binder can do without them, so they are not
        // used if a type cannot be compared.
        let is_known = |accelerators: &&'static [block::Symbol]| {
            let checked = check_types(self, accelerators, Policy::Warn);
            checked
                .inspect_err(|unusable| debug!("functions cannot be bound together: {unusable}"))
                .is_ok()
        };
        let mut by_names = FunctionBinding::accelerators().into_iter();
        let Some(accelerators) = by_names.find(is_known) else {
            debug!("functions are bound one by one");
            return;
        };
        if let Err(unusable) = self.bind(accelerators) {
            debug!("functions are bound one by one: {unusable}");
        }
    }

    /// Binds `symbols`, functions and data of the kernel image that the crate itself imports, by
    /// the rules for users' imports. May sleep. They stay bound. The error names the first symbol
    /// that is refused.
    pub(crate) fn bind(&self, symbols: &'static [block::Symbol]) -> Result<(), Unusable> {
        let mut image = Image::new(self);
        let mut found = KVec::new();
        for symbol in symbols {
            if symbol.address().is_some() {
                continue;
            }
            let mut search = Search::new(Query::of(symbol), true);
            image.show(&mut search)?;
            match self.judge(&search) {
                Ok(address) => {
                    if found.push((symbol, address), GFP_KERNEL).is_err() {
                        // SAFETY: The address is the symbol's; the kernel image stays.
                        unsafe { symbol.bind(address) };
                    }
                }
                Err(cause) if symbol.optional && cause.is_absence() => {}
                Err(cause) => return Err(Unusable::refused(symbol.name, cause)),
            }
        }
        // SAFETY: The addresses are the symbols'; the kernel image stays.
        unsafe { bind_all(&THIS, found.iter().copied()) };
        Ok(())
    }

    /// Returns the function that finds modules by their names. May sleep.
    pub(crate) fn modules(&self) -> Result<Modules, Unusable> {
        self.need(&imported::MODULES)?;
        // INVARIANT: It was bound just now, or earlier, and is never unbound.
        Ok(Modules(()))
    }

    /// Returns the function that finds modules by addresses. May sleep.
    #[cfg(any(CONFIG_KIMPORT_DEBUGFS, kimport_guard))]
    pub(crate) fn owners(&self) -> Result<Owners, Unusable> {
        self.need(&imported::OWNERS)?;
        // INVARIANT: As above.
        Ok(Owners(()))
    }

    /// Returns the address of the symbol of each query in `provider`, or in the kernel image, in
    /// the order of `queries`. May sleep.
    pub(crate) fn find<'a>(
        &self,
        provider: Option<&Provider>,
        queries: impl ExactSizeIterator<Item = Query<'a>>,
    ) -> Result<KVVec<Result<*mut c_void, NotFound>>, Unusable> {
        let mut searches = KVVec::with_capacity(queries.len(), GFP_KERNEL)?;
        for query in queries {
            searches.push(Search::new(query, provider.is_none()), GFP_KERNEL)?;
        }
        match provider {
            None => image::search(self, &mut searches)?,
            Some(provider) => module::search(provider, &mut searches),
        }
        let mut found = KVVec::with_capacity(searches.len(), GFP_KERNEL)?;
        for search in &searches {
            // This would only tell why an optional symbol is missing.
            let is_in_module = || !search.query.is_optional && lookup(search.query.name) != 0;
            let result = match self.judge(search) {
                Err(NotFound::Missing) if provider.is_none() && is_in_module() => {
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
        // A search in the image needs the group if it is for data.
        if symbol.size.is_some() || !imported::SIZES.is_ready.load(Acquire) {
            return symbol.size;
        }
        // The image's kallsyms knows only the distance to the next symbol, which is an upper bound
        // of the symbol's size.
        let (mut size, mut offset) = (0, 0);
        // SAFETY: The function is bound. It writes the two numbers.
        let known = unsafe {
            imported::kallsyms_lookup_size_offset(symbol.address, &mut size, &mut offset)
        };
        (known != 0 && size > 0).then(|| size.saturating_sub(offset))
    }

    /// Returns the address of the only symbol of the kernel image called `name`. Nothing else is
    /// checked.
    #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
    pub(crate) fn datum(&self, name: &CStr) -> Option<*mut c_void> {
        let query = Query {
            name,
            position: None,
            kind: Kind::Data { size: 0 },
            is_optional: true,
            loaded: None,
        };
        let found = image::search_name(query).result().ok()?.address;
        Some(found as *mut c_void)
    }

    /// Returns whether the kernel image has a symbol called `name`.
    pub(crate) fn image_has(&self, name: &CStr) -> bool {
        let query = Query {
            name,
            position: None,
            kind: Kind::Function,
            is_optional: true,
            loaded: None,
        };
        !matches!(
            image::search_name(query).check_unique(),
            Err(NotFound::Missing)
        )
    }
}

impl Modules {
    /// Returns the module called `name`, or null. The module cannot be freed while the guard lives.
    pub(crate) fn find(&self, name: &CStr, _rcu: &rcu::Guard) -> *mut bindings::module {
        // SAFETY: By the type invariants the function is bound. The RCU read lock is held, which
        // the function requires.
        unsafe { imported::find_module(name.as_char_ptr()) }
    }
}

#[cfg(any(CONFIG_KIMPORT_DEBUGFS, kimport_guard))]
impl Owners {
    /// Calls `look` with the name of the module that `address` lies in, or with [`None`] if it lies
    /// in no module. `look` may not sleep.
    pub(crate) fn with_module_of<R>(
        &self,
        address: usize,
        look: impl FnOnce(Option<&CStr>) -> R,
    ) -> R {
        let _rcu = rcu::read_lock();
        // SAFETY: By the type invariants the function is bound. The RCU read lock is held, which
        // the function requires.
        let module = unsafe { imported::__module_address(address) };
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

/// Binds the functions of [`imported::FIRST`], which the search for any other symbol needs.
fn bind_first() -> Result<(), Unusable> {
    let symbols = (imported::FIRST.symbols)();
    let [finder, searcher, ..] = symbols else {
        return Err(Unusable::Unreachable);
    };
    if finder.address().is_none() {
        let address = lookup_address::find().ok_or(Unusable::Unreachable)?;
        // SAFETY: The address is that of `kallsyms_lookup_name`; the kernel image stays.
        unsafe { finder.bind(address) };
    }
    if searcher.address().is_none() {
        let address = lookup(searcher.name) as *mut c_void;
        if !lookup_address::is_start_of(address, searcher.name) {
            return Err(Unusable::refused(searcher.name, NotFound::Missing));
        }
        // SAFETY: The address is the symbol's; the kernel image stays.
        unsafe { searcher.bind(address) };
    }
    bind_unique(symbols)?;
    // INVARIANT: All were just bound.
    let kallsyms = Kallsyms(());
    for symbol in symbols {
        let found = Symbol {
            address: symbol.address().map_or(0, |address| address.addr()),
            place: Place::Kept,
            size: None,
        };
        let judged = kallsyms.check_kind(&found, Kind::Function);
        judged.map_err(|cause| Unusable::refused(symbol.name, cause))?;
    }
    Ok(())
}

/// Binds each symbol to the only one of its name in the kernel image, whatever it is and wherever
/// it lies. `kallsyms_on_each_match_symbol` must be bound.
fn bind_unique(symbols: &'static [block::Symbol]) -> Result<(), Unusable> {
    for symbol in symbols {
        let search = image::search_name(Query::of(symbol));
        let found = search.check_unique().and_then(|()| search.result());
        match found.map(|found| found.address as *mut c_void) {
            Ok(address) if symbol.address().is_none() => {
                // SAFETY: The address is the symbol's; the kernel image stays.
                unsafe { symbol.bind(address) };
            }
            Ok(address) if symbol.address() == Some(address) => {}
            Ok(_) => return Err(Unusable::refused(symbol.name, NotFound::Missing)),
            Err(cause) if symbol.optional && cause.is_absence() => {}
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

#[cfg(kimport_selftest)]
pub(crate) mod tests;
