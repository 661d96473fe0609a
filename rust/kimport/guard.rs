// SPDX-License-Identifier: GPL-2.0

//! The guard of relinked modules, which is all of the module `kimport_guard`.
//!
//! The kernel binds the symbols of a relinked module by name alone, and holds no provider for it.
//! But `kimport relink` leaves records of these symbols in the module, see
//! [`TakenRecord`](crate::types::TakenRecord). A module notifier tells the guard when modules come
//! and go:
//!
//! - `COMING`: the symbols of the module are bound, and none of its code has run. The guard takes a
//!   reference to each provider. It checks that the address in each record is that of the symbol in
//!   this provider, so that a provider that was loaded anew in between is noticed, and compares the
//!   types. If it returns an error, the kernel refuses the module.
//! - `LIVE`: the module has its directory in sysfs now, and the guard makes the links in the
//!   `holders/` of its providers. If the module was in its init when the guard was loaded, this is
//!   also when its symbols are checked and its providers are held.
//! - `GOING`, also after a failed init: the guard removes the links and the references.
//!
//! When the guard is loaded, it does the same for the modules that are live. It cannot refuse them:
//! a module that does not pass the checks is logged, and its providers are not held.

mod imported;

use crate::bindings::module;
use crate::compat::code;
use crate::holders;
use crate::importer::THIS;
use crate::license;
use crate::log::log;
use crate::notifier::{name_of, ModuleEvents, Notified, NotifiedModule};
use crate::provider::Provider;
use crate::resolution::accept;
use crate::resolver::{find_symbol, Kallsyms, Kind, Modules, Owners, Place, Query};
use crate::types::{Policy, TakenRecord, TakenRecords, TAKEN_SYMBOL};
#[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
use crate::usage::Usage;
use crate::verify::{check_types, layouts, Declared, Printed, Types};
use core::ffi::{c_void, CStr};
use core::mem;
use core::ptr::{null, NonNull};
use kernel::ffi::{c_char, c_int, c_ulong};
use kernel::prelude::*;
use kernel::sync::{new_mutex, Mutex};

/// A provider that is held for a relinked module.
struct HeldProvider {
    // This is dropped before the reference to the provider.
    #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
    usage: Option<Usage>,
    /// The provider. Until the relinked module is recorded as its user, the guard is.
    provider: Provider,
    /// Set if the guard made the link in its `holders/`.
    is_linked: bool,
}

/// A relinked module that has passed the checks.
///
/// # Invariants
///
/// If there are `providers`, the module is not freed yet: its `GOING` is still to come, or is being
/// notified.
struct Guarded {
    module: NonNull<module>,
    /// Set once the links were made.
    has_links: bool,
    providers: KVec<HeldProvider>,
    /// A reference to the guard itself, while there are providers.
    _guard: Option<Provider>,
}

// SAFETY: Modules belong to no thread.
unsafe impl Send for Guarded {}

impl Guarded {
    /// Makes the links in the `holders/` of the providers, and records the module as their user,
    /// unless that was done before. The loader would take a record that is older than the module's
    /// directory for one of its own.
    ///
    /// # Safety
    ///
    /// The module has its directory in sysfs.
    unsafe fn link(&mut self) {
        if mem::replace(&mut self.has_links, true) {
            return;
        }
        let module = self.module;
        for held in &mut self.providers {
            let provider = &held.provider;
            // SAFETY: By the type invariants the module is loaded.
            let name = unsafe { name_of(module) };
            // SAFETY: By the contract of this function.
            let linked = unsafe { holders::link(provider, module, name) };
            held.is_linked = matches!(linked, Ok(true));
            #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
            {
                // The module may have a record already, of the loader or of its own imports. But
                // its imports may end before it does.
                // SAFETY: By the type invariants the module is loaded, and stays so until its
                // `GOING` is notified, which ends the usage. The provider is held.
                let usage = unsafe { Usage::new(module, provider.module()) };
                // If there is no memory, the guard stays the user.
                if let Ok(usage) = usage {
                    held.usage = usage;
                    drop(held.provider.take_usage());
                }
            }
            if let Err(error) = linked {
                let (provider, error) = (held.provider.name(), error.to_errno());
                log!(
                    name,
                    WARNING,
                    "{provider} is held, but its holders/ does not show this module (error {error})"
                );
            }
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        for held in self.providers.iter().filter(|held| held.is_linked) {
            // SAFETY: By the type invariants the module is loaded.
            holders::unlink(&held.provider, unsafe { name_of(self.module) });
        }
    }
}

/// The guard of relinked modules. It acts while this value lives.
#[pin_data]
pub struct Guard {
    #[pin]
    relinked: Notified<Relinked>,
}

impl Guard {
    /// Creates the guard.
    ///
    /// # Errors
    ///
    /// `EACCES`: the license of this module is not GPL-compatible. `EOPNOTSUPP`: kallsyms cannot be
    /// reached.
    pub fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            relinked <- Notified::new(try_pin_init!(Relinked {
                kallsyms: kallsyms()?,
                modules: kallsyms.modules().map_err(|unusable| unusable.errno())?,
                owners: kallsyms.owners().map_err(|unusable| unusable.errno())?,
                guarded <- new_mutex!(KVec::new()),
            }? Error)),
        }? Error)
    }
}

/// The relinked modules that are loaded.
#[pin_data]
struct Relinked {
    kallsyms: Kallsyms,
    modules: Modules,
    owners: Owners,
    #[pin]
    guarded: Mutex<KVec<Guarded>>,
}

impl Relinked {
    /// Takes on all modules that are live.
    fn take_live(&self) {
        let mut marks = KVec::<usize>::new();
        // SAFETY: The function is bound, and stays bound. It calls `on_symbol` with `marks`, and
        // only before it returns.
        let result = unsafe {
            imported::module_kallsyms_on_each_symbol(
                null(),
                Some(on_symbol),
                (&raw mut marks).cast(),
            )
        };
        if result != 0 {
            log!(
                THIS.name(),
                WARNING,
                "no memory to look for relinked modules that are loaded already"
            );
        }
        for mark in marks {
            // `LIVE` of a module that is in its init now will be notified.
            let module = self
                .owners
                .with_module_of(mark, |name| Provider::find(&self.modules, name?).ok());
            if let Some(module) = module {
                self.take(&module);
            }
        }
    }

    /// Takes on a module that is live, unless that was done before.
    fn take(&self, module: &Provider) {
        let is_it = |guarded: &Guarded| guarded.module == module.module();
        if self.guarded.lock().iter().any(is_it) {
            return;
        }
        match self.check(module) {
            Ok(Some(mut new)) => {
                let mut guarded = self.guarded.lock();
                // `LIVE` may have been notified meanwhile, and after `rmmod --force` also `GOING`.
                if module.is_live() && !guarded.iter().any(is_it) {
                    // SAFETY: The module is live, so it has its directory.
                    unsafe { new.link() };
                    // If there is no memory, the providers are released.
                    let _ = guarded.push(new, GFP_KERNEL);
                }
            }
            Ok(None) => {}
            Err(_) => log!(
                module.name(),
                WARNING,
                "this module was loaded before kimport_guard and stays, but its providers are not \
                 held"
            ),
        }
    }

    /// Checks a module, and holds its providers. Returns [`None`] for one without records, and
    /// while the guard is being unloaded. All problems are logged; the first one's errno is
    /// returned.
    fn check(&self, module: &Provider) -> Result<Option<Guarded>> {
        let Some(section) = section_of(module) else {
            return Ok(None);
        };
        // SAFETY: This module is not freed while its code runs.
        let guard = THIS.get().and_then(|this| unsafe { Provider::hold(this) });
        if guard.is_none() {
            return Ok(None);
        }
        let records = read(module.name(), section)?;
        let mut providers = KVec::new();
        let mut result = Ok(());
        for (index, record) in records.iter().enumerate() {
            let is_same = |other: &TakenRecord<'_>| other.import.provider == record.import.provider;
            if records.iter().take(index).any(is_same) {
                continue;
            }
            let mut of_provider = KVec::new();
            for record in records.iter().filter(|other| is_same(other)) {
                of_provider.push(*record, GFP_KERNEL)?;
            }
            match self.check_symbols(module.name(), section, &of_provider) {
                Ok(None) => {}
                Ok(Some(provider)) => {
                    let held = HeldProvider {
                        provider,
                        is_linked: false,
                        #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
                        usage: None,
                    };
                    providers.push(held, GFP_KERNEL)?;
                }
                Err(error) => result = result.and(Err(error)),
            }
        }
        let guard = guard.filter(|_| !providers.is_empty());
        // INVARIANT: The module is coming, or the caller looks whether it is live.
        result.map(|()| {
            Some(Guarded {
                module: module.module(),
                has_links: false,
                providers,
                _guard: guard,
            })
        })
    }

    /// Checks the symbols that the module called `name` takes from one provider, and holds that.
    fn check_symbols(
        &self,
        name: &CStr,
        section: &[u8],
        records: &[TakenRecord<'_>],
    ) -> Result<Option<Provider>> {
        let provider = match records.first().map(|record| record.import.provider) {
            None | Some("") => None,
            Some(provider) => {
                let held = Provider::get(&self.kallsyms, &THIS, c_str(section, provider));
                Some(held.map_err(|unavailable| {
                    log!(
                        name,
                        ERR,
                        "cannot import symbols from {provider}: {unavailable}"
                    );
                    unavailable.errno()
                })?)
            }
        };
        let types = Types::new(&self.kallsyms, name, provider.as_ref());
        let queries = records.iter().map(|record| query(section, record));
        let found = self
            .kallsyms
            .find(provider.as_ref(), queries)
            .map_err(|unusable| {
                log!(name, ERR, "cannot import symbols: {unusable}");
                unusable.errno()
            })?;
        // The first record of a provider has the layouts of all.
        let mut tables = records.iter().map(|record| record.layouts);
        let table = tables.find(|table| !table.is_empty());
        let mut layouts = layouts(table.unwrap_or_default())?;
        let mut result = Ok(());
        let declared = records.iter().map(|record| declared(section, record));
        let types_found = types.of_symbols(declared.clone(), Policy::Strict)?;
        let found = found.into_iter().zip(types_found);
        for ((record, declared), (found, ty)) in records.iter().zip(declared).zip(found) {
            let checked = accept(&types, declared.name, false, found)
                .and_then(|_| types.verify(declared, ty, record.import.policy, Some(&mut layouts)));
            result = result.and(checked.map(drop));
        }
        result.map(|()| provider)
    }
}

impl ModuleEvents for Relinked {
    fn begun(&self) {
        self.take_live();
    }

    fn coming(&self, module: NotifiedModule<'_>) -> Result {
        let Some(module) = module.hold() else {
            return Ok(());
        };
        if let Some(new) = self.check(&module)? {
            self.guarded.lock().push(new, GFP_KERNEL)?;
        }
        Ok(())
    }

    fn live(&self, module: NotifiedModule<'_>) {
        let mut guarded = self.guarded.lock();
        let is_it = |guarded: &&mut Guarded| guarded.module == module.as_ptr();
        if let Some(guarded) = guarded.iter_mut().find(is_it) {
            // SAFETY: The module is live, so it has its directory.
            unsafe { guarded.link() };
            return;
        }
        drop(guarded);
        if let Some(module) = module.hold() {
            self.take(&module);
        }
    }

    fn going(&self, module: NotifiedModule<'_>) {
        self.guarded
            .lock()
            .retain(|guarded| guarded.module != module.as_ptr());
    }

    /// Releases all providers. There are some only if the unloading of the guard is forced. While
    /// notifications come, no module is freed before its providers are released.
    fn ending(&self) {
        self.guarded.lock().clear();
    }
}

/// Returns the kernel's symbol tables, with the function of `imported` bound. May sleep. A refusal
/// is logged.
fn kallsyms() -> Result<Kallsyms> {
    if !license::is_compatible(&THIS) {
        log!(
            THIS.name(),
            ERR,
            "cannot guard modules: {}",
            license::INCOMPATIBLE
        );
        return Err(code::EACCES);
    }
    let kallsyms = Kallsyms::get().map_err(|unusable| {
        log!(THIS.name(), ERR, "cannot guard modules: {unusable}");
        unusable.errno()
    })?;
    // A type that differs was logged.
    check_types(&kallsyms, imported::symbols(), Policy::Strict)
        .map_err(|unusable| unusable.errno())?;
    kallsyms.bind(imported::symbols()).map_err(|unusable| {
        log!(THIS.name(), ERR, "cannot guard modules: {unusable}");
        unusable.errno()
    })?;
    Ok(kallsyms)
}

/// # Safety
///
/// `data` is a `KVec<usize>` that nothing else uses, and `name` is NUL-terminated.
unsafe extern "C" fn on_symbol(data: *mut c_void, name: *const c_char, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let name = unsafe { CStr::from_char_ptr(name) };
    if name.to_bytes() != TAKEN_SYMBOL.as_bytes() {
        return 0;
    }
    // SAFETY: By the contract of this function.
    let marks = unsafe { &mut *data.cast::<KVec<usize>>() };
    match marks.push(address, GFP_KERNEL) {
        Ok(()) => 0,
        Err(_) => code::ENOMEM.to_errno(),
    }
}

/// Returns the section with the records of a module, if it has one.
fn section_of(module: &Provider) -> Option<&[u8]> {
    let symbol = find_symbol(module, TAKEN_SYMBOL)?;
    let size = symbol.size?;
    let end = module.place_of(symbol.address.checked_add(size - 1)?);
    if [symbol.place, end] != [Place::Kept; 2] {
        return None;
    }
    // SAFETY: The loader has made the section and its symbol. The memory stays, as the module is
    // held, and nothing writes it after the relocations.
    let section = unsafe { core::slice::from_raw_parts(symbol.address as *const u8, size) };
    let records = TakenRecords::new(section).ok()?;
    // A symbol of another kind may have the same name.
    (records.address == symbol.address as u64).then_some(section)
}

/// Reads the records of the module called `name`. A fault is logged.
fn read<'a>(name: &CStr, section: &'a [u8]) -> Result<KVec<TakenRecord<'a>>> {
    let mut records = KVec::new();
    for record in TakenRecords::new(section).into_iter().flatten() {
        let record = record.map_err(|fault| {
            let fault = Printed(fault);
            log!(
                name,
                ERR,
                "the records of kimport relink cannot be read: {fault}"
            );
            code::ENOEXEC
        })?;
        records.push(record, GFP_KERNEL)?;
    }
    Ok(records)
}

/// Returns the query for the symbol of `record`, which is in `section`.
fn query<'a>(section: &'a [u8], record: &TakenRecord<'a>) -> Query<'a> {
    let import = &record.import;
    Query {
        name: c_str(section, import.name),
        position: (import.position > 0).then_some(import.position),
        kind: match import.description.is_empty() {
            false => Kind::Function,
            true => Kind::Any,
        },
        is_optional: false,
        loaded: Some(record.address as *mut c_void),
    }
}

/// Returns the declaration of the symbol of `record`, which is in `section`.
fn declared<'a>(section: &'a [u8], record: &TakenRecord<'a>) -> Declared<'a> {
    let query = query(section, record);
    Declared {
        name: query.name,
        position: query.position,
        is_function: matches!(query.kind, Kind::Function),
        description: record.import.description,
    }
}

/// Returns `text`, which is a string of a record in `section`, with the NUL that follows it.
fn c_str<'a>(section: &'a [u8], text: &str) -> &'a CStr {
    let at = text.as_ptr().addr().wrapping_sub(section.as_ptr().addr());
    let rest = section.get(at..).unwrap_or_default();
    CStr::from_bytes_until_nul(rest).unwrap_or_default()
}
