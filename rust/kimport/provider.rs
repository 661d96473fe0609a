// SPDX-License-Identifier: GPL-2.0

//! The provider: the module that symbols are imported from, and a reference that keeps it loaded.

use crate::bindings;
use crate::compat::code;
use crate::importer::Importer;
use crate::log::{debug, log};
use crate::resolver::{Kallsyms, Modules, Place, Unusable};
#[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
use crate::usage::Usage;
use core::ffi::{c_void, CStr};
use core::ptr::NonNull;
#[cfg(CONFIG_X86_64)]
use core::sync::atomic::{
    AtomicI32,
    Ordering::{Relaxed, SeqCst},
};
use kernel::error::Error;
use kernel::ffi::c_int;
use kernel::fmt;
use kernel::str::CStrExt as _;
use kernel::sync::rcu;

/// A reason why a provider cannot be used.
#[derive(Clone, Copy)]
pub(crate) enum Unavailable {
    /// The provider is the importing module, and a reference to itself would keep it loaded for
    /// ever.
    Itself,
    NotLoaded,
    /// The provider is not loaded even after it was requested.
    NotAutoloaded {
        /// The return value of `request_module`: an errno, or the exit status of modprobe.
        status: c_int,
    },
    InInit,
    Unloading,
    /// The kernel's modules cannot be found.
    Unsearchable,
    NoMemory,
}

impl Unavailable {
    pub(crate) fn errno(self) -> Error {
        match self {
            Self::Itself => code::EDEADLK,
            Self::NotLoaded | Self::NotAutoloaded { .. } => code::ENODEV,
            Self::InInit => code::EAGAIN,
            Self::Unloading => code::EBUSY,
            Self::Unsearchable => code::EOPNOTSUPP,
            Self::NoMemory => code::ENOMEM,
        }
    }

    /// Returns whether no such module is loaded.
    pub(crate) fn is_absence(self) -> bool {
        matches!(self, Self::NotLoaded | Self::NotAutoloaded { .. })
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Itself => {
                "provider is this module itself, which would never be unloaded again; call the function without importing it"
            }
            Self::NotLoaded => "provider is not loaded; load it first",
            Self::NotAutoloaded { status } => {
                f.write_str("provider is not loaded, and ")?;
                match status {
                    0 => f.write_str("modprobe did not load it")?,
                    // The exit status is encoded as in wait(2).
                    1.. => write!(f, "modprobe ended with status {}", status >> 8)?,
                    _ => write!(f, "modprobe could not be run (error {status})")?,
                }
                return f.write_str("; see what `modprobe -v` says of it");
            }
            Self::InInit => "provider is still in its init; load this module when that has ended",
            Self::Unloading => "provider is being unloaded; load it again first",
            Self::Unsearchable => "the kernel's modules cannot be searched, see above",
            Self::NoMemory => "no memory to hold the provider",
        })
    }
}

/// A reference to a module, which is live unless the reference is from [`hold`](Self::hold).
///
/// # Invariants
///
/// This value holds a reference to `module`, so that it stays loaded, with all its memory except
/// that of `.init`. `rmmod --force` ignores references, but not the record.
pub(crate) struct Provider {
    module: NonNull<bindings::module>,
    /// The kernel's record that a module uses this one, if the reference is from
    /// [`get`](Self::get).
    #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
    usage: Option<Usage>,
}

// SAFETY: A reference to a module belongs to no thread.
unsafe impl Send for Provider {}
// SAFETY: All methods that take `&self` only read data that does not change while the module is
// live.
unsafe impl Sync for Provider {}

impl Provider {
    /// Takes a reference to the module called `name` for the module `importer`, and records that
    /// this uses it. May sleep.
    ///
    /// All blocks get their provider from this function, so that it alone has to refuse a module
    /// that names itself.
    pub(crate) fn get(
        kallsyms: &Kallsyms,
        importer: &'static Importer,
        name: &CStr,
    ) -> Result<Self, Unavailable> {
        if name == importer.name() {
            return Err(Unavailable::Itself);
        }
        let modules = kallsyms.modules().map_err(|unusable| {
            log!(importer.name(), ERR, "{unusable}");
            match unusable {
                Unusable::NoMemory => Unavailable::NoMemory,
                _ => Unavailable::Unsearchable,
            }
        })?;
        #[cfg_attr(not(CONFIG_MODULE_FORCE_UNLOAD), allow(unused_mut))]
        let mut provider = Self::find(&modules, name)?;
        #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
        if let Some(user) = importer.get() {
            // SAFETY: The importer is loaded, as long as there is anything of it that may use the
            // provider. The provider is held until the record is dropped.
            provider.usage = unsafe { Usage::new(user, provider.module) }?;
        }
        Ok(provider)
    }

    /// Takes the record that the provider is used out of this reference.
    #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
    pub(crate) fn take_usage(&mut self) -> Option<Usage> {
        self.usage.take()
    }

    /// Takes a reference to the module called `name`, whichever it is. Does not sleep.
    pub(crate) fn find(modules: &Modules, name: &CStr) -> Result<Self, Unavailable> {
        // A module's memory is freed only a grace period after the module has left the list that
        // `find_module` searches.
        let _rcu = rcu::read_lock();
        let module = NonNull::new(modules.find(name, &_rcu)).ok_or(Unavailable::NotLoaded)?;
        // SAFETY: The module cannot be freed while the guard lives; the state is one word that the
        // loader may change at any time, hence the volatile read.
        let state = unsafe { (&raw const (*module.as_ptr()).state).read_volatile() };
        // `try_module_get` would accept a module that is in its init. The data of such a module is
        // not set up, and its init may yet fail.
        if state == bindings::module_state_MODULE_STATE_COMING {
            return Err(Unavailable::InInit);
        }
        // SAFETY: The module cannot be freed while the guard lives.
        let provider = unsafe { Self::hold(module) }.ok_or(Unavailable::Unloading)?;
        debug!("pinned {name}");
        Ok(provider)
    }

    /// Does the same, after requesting the module if it is absent. May sleep for long.
    ///
    /// A provider that is in its init is requested too, because the request waits until the init
    /// has ended.
    pub(crate) fn get_or_request(
        kallsyms: &Kallsyms,
        importer: &'static Importer,
        name: &CStr,
    ) -> Result<Self, Unavailable> {
        match Self::get(kallsyms, importer, name) {
            Err(Unavailable::NotLoaded | Unavailable::InInit) => {}
            result => return result,
        }
        debug!("requesting {name}");
        // SAFETY: The format wants one NUL-terminated string.
        let status =
            unsafe { bindings::__request_module(true, c"%s".as_char_ptr(), name.as_char_ptr()) };
        Self::get(kallsyms, importer, name).map_err(|unavailable| match unavailable {
            Unavailable::NotLoaded => Unavailable::NotAutoloaded { status },
            other => other,
        })
    }

    /// Takes a reference to `module`, unless it is being unloaded. May be called in every context.
    /// A module that is in its init, or that is yet to come to it, is accepted.
    ///
    /// # Safety
    ///
    /// The module is not freed before this returns.
    pub(crate) unsafe fn hold(module: NonNull<bindings::module>) -> Option<Self> {
        // SAFETY: By the contract of this function.
        let held = unsafe { bindings::try_module_get(module.as_ptr()) };
        // INVARIANT: The reference was just taken.
        held.then(|| Self {
            module,
            #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
            usage: None,
        })
    }

    /// Returns the part of the module's memory that `address` lies in.
    pub(crate) fn place_of(&self, address: usize) -> Place {
        let within =
            |base: *mut c_void, size: u32| address.wrapping_sub(base.addr()) < size as usize;
        #[cfg(CONFIG_SMP)]
        {
            // SAFETY: By the type invariants the module is loaded.
            let base = unsafe { (*self.module.as_ptr()).percpu };
            // SAFETY: As above.
            let size = unsafe { (*self.module.as_ptr()).percpu_size };
            if within(base, size) {
                return Place::PerCpu;
            }
        }
        // SAFETY: By the type invariants the module is loaded.
        let areas = unsafe { &raw const (*self.module.as_ptr()).mem };
        let first = areas.cast::<bindings::module_memory>();
        let area = (0..bindings::mod_mem_type_MOD_MEM_NUM_TYPES as usize).find(|&index| {
            let area = first.wrapping_add(index);
            // SAFETY: `index` is within the array.
            let base = unsafe { &raw const (*area).base };
            // SAFETY: As above. A late step of the loader, which no notifier reports, clears the
            // words of the init areas: hence the volatile reads, here and below. A reader that sees
            // only one of the two words cleared sees an empty area, or an area that does not
            // contain `address`.
            let base = unsafe { base.read_volatile() };
            // SAFETY: `index` is within the array.
            let size = unsafe { &raw const (*area).size };
            // SAFETY: As above.
            within(base, unsafe { size.read_volatile() })
        });
        match area {
            Some(area) if area < bindings::mod_mem_type_MOD_INIT_TEXT as usize => Place::Kept,
            // The size is cleared when the area is freed, which is a little after the module went
            // live.
            Some(_) => Place::Init,
            None => Place::Outside,
        }
    }

    /// Returns the module.
    pub(crate) fn module(&self) -> NonNull<bindings::module> {
        self.module
    }

    /// Returns whether the module is live: its init has ended, and it is not being unloaded, not
    /// even by force.
    pub(crate) fn is_live(&self) -> bool {
        // SAFETY: By the type invariants the module is loaded.
        unsafe { is_live(self.module) }
    }

    /// Returns the module's name.
    pub(crate) fn name(&self) -> &CStr {
        // SAFETY: By the type invariants the module is loaded.
        let name = unsafe { &raw const (*self.module.as_ptr()).name };
        // SAFETY: The name is NUL-terminated and does not change.
        unsafe { CStr::from_char_ptr(name.cast()) }
    }
}

/// Returns whether a module is live.
///
/// # Safety
///
/// The module is not freed before this returns.
pub(crate) unsafe fn is_live(module: NonNull<bindings::module>) -> bool {
    // SAFETY: By the contract of this function.
    let state = unsafe { &raw const (*module.as_ptr()).state };
    // SAFETY: As above. The loader may change this word at any time, hence the volatile read.
    let state = unsafe { state.read_volatile() };
    state == bindings::module_state_MODULE_STATE_LIVE
}

/// A reference to a module for the time of one call. On x86-64, neither to take it nor to drop it
/// calls a function. So the tracepoints `module_get` and `module_put` do not show it.
///
/// # Invariants
///
/// This value holds a reference to the module.
pub(crate) struct InlineHold(NonNull<bindings::module>);

impl InlineHold {
    /// Takes a reference to `module`, unless it is being unloaded, as `try_module_get()` does.
    ///
    /// # Safety
    ///
    /// The module is not freed before this returns.
    #[inline(always)]
    pub(crate) unsafe fn new(module: NonNull<bindings::module>) -> Option<Self> {
        #[cfg(CONFIG_X86_64)]
        let held = {
            // SAFETY: By the contract of this function.
            let state = unsafe { &raw const (*module.as_ptr()).state };
            // SAFETY: As above. The state is one word that may change at any time, hence the
            // volatile read.
            let state = unsafe { state.read_volatile() };
            // After `rmmod --force`, only the state says that the module is being unloaded.
            state != bindings::module_state_MODULE_STATE_GOING
                // SAFETY: By the contract of this function.
                && unsafe { references(module) }
                    .fetch_update(SeqCst, Relaxed, |count| {
                        (count != 0).then(|| count.wrapping_add(1))
                    })
                    .is_ok()
        };
        #[cfg(not(CONFIG_X86_64))]
        // SAFETY: By the contract of this function.
        let held = unsafe { bindings::try_module_get(module.as_ptr()) };
        // INVARIANT: The reference was just taken.
        held.then(|| Self(module))
    }
}

impl Drop for InlineHold {
    #[inline(always)]
    fn drop(&mut self) {
        // `module_put()` also warns of a count that would become negative, which this one cannot.
        #[cfg(CONFIG_X86_64)]
        // SAFETY: By the type invariants the module is loaded.
        unsafe { references(self.0) }.fetch_sub(1, SeqCst);
        #[cfg(not(CONFIG_X86_64))]
        // SAFETY: By the type invariants there is a reference, which ends here.
        unsafe {
            bindings::module_put(self.0.as_ptr())
        };
    }
}

/// Returns the reference count of `module`. It is 0 when the module is being unloaded. Rust's own
/// atomics are the instructions of the kernel's here, and inline.
///
/// # Safety
///
/// The module is not freed during `'a`.
#[cfg(CONFIG_X86_64)]
#[inline(always)]
unsafe fn references<'a>(module: NonNull<bindings::module>) -> &'a AtomicI32 {
    // SAFETY: By the contract of this function.
    let count = unsafe { &raw mut (*module.as_ptr()).refcnt.counter };
    // SAFETY: As above. The kernel, too, accesses the count atomically only.
    unsafe { AtomicI32::from_ptr(count) }
}

/// Returns the name of `provider` for messages; [`None`] is the kernel image.
pub(crate) fn provider_name(provider: Option<&Provider>) -> &CStr {
    provider.map_or(c"the kernel image", Provider::name)
}

impl Drop for Provider {
    fn drop(&mut self) {
        debug!("released {}", self.name());
        // The record ends first, because it is in a list of the provider.
        #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
        drop(self.take_usage());
        // SAFETY: By the type invariants there is a reference, which ends here.
        unsafe { bindings::module_put(self.module.as_ptr()) }
    }
}
