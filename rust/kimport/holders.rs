// SPDX-License-Identifier: GPL-2.0

//! Providers that are held for an [`Imports`](crate::Imports), and the link in sysfs that shows it:
//! `/sys/module/<provider>/holders/<importing module>`, which the loader also makes for a module
//! that links against another.
//!
//! There is one link, however many blocks of the importing module hold the provider, so the
//! holdings are counted here. If the loader made the link itself, because the module also links
//! against the provider's exports, the link is left to the loader. The kernel's record of the use
//! goes with the link.

use crate::bindings::{self, module};
use crate::importer::Importer;
use crate::once::Once;
use crate::provider::Provider;
#[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
use crate::usage::Usage;
use core::ffi::CStr;
use core::ops::Deref;
use core::ptr::NonNull;
use kernel::prelude::*;
use kernel::sync::{global_lock, GlobalGuard};

/// A provider that is held for an [`Imports`](crate::Imports), with the link that shows it.
///
/// # Invariants
///
/// The provider is counted in `HOLDINGS` once for this value, as held by `importer`.
pub(crate) struct HeldProvider {
    provider: Provider,
    importer: &'static Importer,
}

impl HeldProvider {
    /// Counts the provider, which is from [`Provider::get`], and makes the link unless it exists
    /// already. May sleep.
    pub(crate) fn new(
        importer: &'static Importer,
        #[cfg_attr(not(CONFIG_MODULE_FORCE_UNLOAD), allow(unused_mut))] mut provider: Provider,
    ) -> Result<Self> {
        let mut holdings = holdings();
        let module = provider.module();
        if let Some(holding) = holdings.iter_mut().find(|one| one.is(importer, module)) {
            holding.count += 1;
            // The holding has a record, or the loader has made one.
            #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
            drop(provider.take_usage());
        } else {
            // The steps that may fail come first.
            holdings.reserve(1, GFP_KERNEL)?;
            let linked = match importer.get() {
                // SAFETY: The module is loaded, as its block lives.
                Some(holder) => unsafe { link(&provider, holder, importer.name()) }
                    .inspect_err(|_| free_if_empty(&mut holdings))?,
                None => false,
            };
            let holding = Holding {
                importer,
                module,
                count: 1,
                linked,
                // If the loader has made the link, it has also made a record.
                #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
                _usage: provider.take_usage().filter(|_| linked),
            };
            holdings.push(holding, GFP_KERNEL)?;
        }
        // INVARIANT: The provider was just counted.
        Ok(Self { provider, importer })
    }
}

impl Drop for HeldProvider {
    fn drop(&mut self) {
        let mut holdings = holdings();
        let module = self.provider.module();
        let is_this = |one: &Holding| one.is(self.importer, module);
        let Some(index) = holdings.iter().position(is_this) else {
            return;
        };
        holdings[index].count -= 1;
        if holdings[index].count > 0 {
            return;
        }
        if holdings[index].linked {
            unlink(&self.provider, self.importer.name());
        }
        holdings.retain(|one| one.count > 0);
        free_if_empty(&mut holdings);
    }
}

impl Deref for HeldProvider {
    type Target = Provider;

    fn deref(&self) -> &Provider {
        &self.provider
    }
}

/// A module that is held by blocks of `importer`.
struct Holding {
    importer: &'static Importer,
    module: NonNull<module>,
    count: usize,
    /// Set if the loader has not made the link.
    linked: bool,
    #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
    _usage: Option<Usage>,
}

impl Holding {
    fn is(&self, importer: &Importer, module: NonNull<module>) -> bool {
        self.module == module && self.importer == importer
    }
}

// SAFETY: The pointer is compared, never followed.
unsafe impl Send for Holding {}

global_lock! {
    // SAFETY: `holdings` is the only user of the lock, and initialises it before.
    unsafe(uninit) static HOLDINGS: Mutex<KVec<Holding>> = KVec::new();
}

/// Locks `HOLDINGS`. May sleep.
fn holdings() -> GlobalGuard<HOLDINGS> {
    static READY: Once = Once::new();

    // SAFETY: This is the only initialisation, and it runs once.
    READY.call(|| unsafe { HOLDINGS.init() });
    HOLDINGS.lock()
}

/// Frees the memory of an empty list, because the statics of a module are not dropped.
fn free_if_empty(holdings: &mut KVec<Holding>) {
    if holdings.is_empty() {
        *holdings = KVec::new();
    }
}

#[cfg(not(CONFIG_SYSFS))]
pub(crate) unsafe fn link(_: &Provider, _: NonNull<module>, _: &CStr) -> Result<bool> {
    Ok(true)
}

#[cfg(not(CONFIG_SYSFS))]
pub(crate) fn unlink(_: &Provider, _: &CStr) {}

/// Makes the link from the `holders/` of `provider`, if there is such a directory, to the module
/// `holder`, whose name is `name`. Returns false if the loader has made the link, because `holder`
/// also links against the provider. It has recorded that use, too.
///
/// # Safety
///
/// `holder` is loaded, and has its directory in sysfs.
#[cfg(CONFIG_SYSFS)]
pub(crate) unsafe fn link(
    provider: &Provider,
    holder: NonNull<module>,
    name: &CStr,
) -> Result<bool> {
    let Some(holders) = holders_dir(provider) else {
        return Ok(true);
    };
    // SAFETY: By the contract of this function.
    let target = unsafe { &raw mut (*holder.as_ptr()).mkobj.kobj };
    // SAFETY: Both are kobjects of loaded modules; the name is NUL-terminated and is copied.
    let result = unsafe { bindings::sysfs_create_link_nowarn(holders, target, name.as_char_ptr()) };
    match kernel::error::to_result(result) {
        Ok(()) => Ok(true),
        Err(EEXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the link that [`link`] made.
#[cfg(CONFIG_SYSFS)]
pub(crate) fn unlink(provider: &Provider, name: &CStr) {
    if let Some(holders) = holders_dir(provider) {
        // SAFETY: This is the kobject of a loaded module; the name is NUL-terminated.
        unsafe { bindings::sysfs_remove_link(holders, name.as_char_ptr()) };
    }
}

/// Returns the directory `holders/` of the provider.
#[cfg(CONFIG_SYSFS)]
fn holders_dir(provider: &Provider) -> Option<*mut bindings::kobject> {
    // SAFETY: The provider is loaded; the loader sets the field before the module's init, and keeps
    // it until the module is gone.
    let holders = unsafe { (*provider.module().as_ptr()).holders_dir };
    (!holders.is_null()).then_some(holders)
}
