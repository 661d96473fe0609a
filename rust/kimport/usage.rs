// SPDX-License-Identifier: GPL-2.0

//! The kernel's own record that one module uses another.
//!
//! With `CONFIG_MODULE_FORCE_UNLOAD`, `rmmod --force` unloads a module that is referenced, but not
//! one that another module is recorded to use. The loader makes such a record, a `struct
//! module_use` in the lists of both modules, when it links one against the exports of the other. An
//! import makes one, too, because its call sites would else lead into freed memory. Source:
//! `kernel/module/main.c`, `kernel/module/internal.h`.
//!
//! The record takes two things: the lock of the lists, which kallsyms lists with
//! `CONFIG_KALLSYMS_ALL`, and BTF that describes the record as it is declared here. Without one of
//! them there is no record.
//!
//! `delete_module` looks at the records, and marks the module as `GOING`, in one critical section
//! of that lock. So a record that is made while the module is `LIVE` comes before that, or it is
//! not made.

use crate::bindings::{self, list_head, module};
use crate::log::debug;
use crate::provider::{is_live, Unavailable};
use crate::resolver::{Kallsyms, Unusable};
use crate::verify::image_has_struct;
use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr::{null_mut, NonNull};
use kernel::alloc::AllocError;
use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, AtomicFlag, Relaxed, Release};

/// The kernel's `struct module_use`, which its headers for modules do not declare.
#[repr(C)]
struct ModuleUse {
    source_list: list_head,
    target_list: list_head,
    source: *mut module,
    target: *mut module,
}

/// The members of [`ModuleUse`] and their offsets.
const MEMBERS: [(&str, usize); 4] = [
    ("source_list", offset_of!(ModuleUse, source_list)),
    ("target_list", offset_of!(ModuleUse, target_list)),
    ("source", offset_of!(ModuleUse, source)),
    ("target", offset_of!(ModuleUse, target)),
];

/// A record that a module uses a provider. The kernel does not unload the provider before the
/// record is dropped.
///
/// # Invariants
///
/// `record` is in the lists of both modules, which are loaded. `lock` is the kernel's
/// `module_mutex`.
pub(crate) struct Usage {
    record: NonNull<ModuleUse>,
    lock: NonNull<bindings::mutex>,
}

// SAFETY: A record belongs to no thread.
unsafe impl Send for Usage {}

impl Usage {
    /// Records that `user` uses `provider`; [`None`] if this kernel does not allow that. May sleep.
    ///
    /// # Errors
    ///
    /// [`Unavailable::Unloading`]: the provider is being unloaded, by force.
    /// [`Unavailable::NoMemory`].
    ///
    /// # Safety
    ///
    /// `user` is loaded, and so is `provider`, for as long as the value lives.
    pub(crate) unsafe fn new(
        user: NonNull<module>,
        provider: NonNull<module>,
    ) -> Result<Option<Self>, Unavailable> {
        let Some(lock) = lock().map_err(|_| Unavailable::NoMemory)? else {
            return Ok(None);
        };
        let record = ModuleUse {
            source_list: list_head::default(),
            target_list: list_head::default(),
            source: user.as_ptr(),
            target: provider.as_ptr(),
        };
        let record = KBox::new(record, GFP_KERNEL).map_err(|_| Unavailable::NoMemory)?;
        let record = NonNull::from(Box::leak(record));
        let entry = record.as_ptr();
        let is_live = with_lock(lock, || {
            // SAFETY: By the contract of this function, the provider is loaded.
            if !unsafe { is_live(provider) } {
                return false;
            }
            // SAFETY: The record is new, and the lists of a loaded module are changed under the
            // lock only, which is held.
            unsafe {
                add(
                    &raw mut (*entry).source_list,
                    &raw mut (*provider.as_ptr()).source_list,
                )
            };
            // SAFETY: As above.
            unsafe {
                add(
                    &raw mut (*entry).target_list,
                    &raw mut (*user.as_ptr()).target_list,
                )
            };
            true
        });
        if !is_live {
            // SAFETY: This is the box that was leaked above, and nothing refers to it.
            drop(unsafe { KBox::from_raw(entry) });
            return Err(Unavailable::Unloading);
        }
        // INVARIANT: It is in both lists now.
        Ok(Some(Self { record, lock }))
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        let record = self.record.as_ptr();
        with_lock(self.lock, || {
            // SAFETY: By the type invariants it is in the list, and the lock is held.
            unsafe { remove(&raw mut (*record).source_list) };
            // SAFETY: As above.
            unsafe { remove(&raw mut (*record).target_list) };
        });
        // SAFETY: `new` made the record with `KBox`, and nothing refers to it any more.
        drop(unsafe { KBox::from_raw(record) });
    }
}

/// Returns the lock of the lists, if the records are as known. May sleep.
fn lock() -> Result<Option<NonNull<bindings::mutex>>, AllocError> {
    // In some kernels it takes a walk over all types to find the record, so this is remembered.
    static IS_KNOWN: AtomicFlag = AtomicFlag::new(false);
    static LOCK: Atomic<*mut c_void> = Atomic::new(null_mut());

    if !IS_KNOWN.load(Acquire) {
        match find_lock()? {
            Some(lock) => LOCK.store(lock, Relaxed),
            None => {
                debug!("the kernel's records of users are not known: rmmod --force is not refused")
            }
        }
        IS_KNOWN.store(true, Release);
    }
    Ok(NonNull::new(LOCK.load(Relaxed).cast()))
}

fn find_lock() -> Result<Option<*mut c_void>, AllocError> {
    let kallsyms = match Kallsyms::get() {
        Ok(kallsyms) => kallsyms,
        Err(Unusable::NoMemory) => return Err(AllocError),
        Err(_) => return Ok(None),
    };
    let Some(lock) = kallsyms.datum(c"module_mutex") else {
        return Ok(None);
    };
    Ok(image_has_struct(&kallsyms, c"module_use", &MEMBERS)?.then_some(lock))
}

/// Calls `change` with the lock of the lists. May sleep.
fn with_lock<R>(lock: NonNull<bindings::mutex>, change: impl FnOnce() -> R) -> R {
    // SAFETY: This is the kernel's own mutex, initialised at build time. Callers may sleep.
    unsafe { bindings::mutex_lock(lock.as_ptr()) };
    let result = change();
    // SAFETY: The mutex was just locked.
    unsafe { bindings::mutex_unlock(lock.as_ptr()) };
    result
}

/// Adds `entry` at the beginning of a list, as `list_add()` does.
///
/// # Safety
///
/// `head` is a list that nobody else uses now. `entry` is in no list, and is removed from this one
/// before it is freed.
unsafe fn add(entry: *mut list_head, head: *mut list_head) {
    // SAFETY: By the contract of this function.
    let next = unsafe { (*head).next };
    // SAFETY: By the contract of this function.
    unsafe { entry.write(list_head { next, prev: head }) };
    // SAFETY: The entries of a list are valid.
    unsafe { (*next).prev = entry };
    // SAFETY: By the contract of this function.
    unsafe { (*head).next = entry };
}

/// Removes `entry` from its list, as `list_del()` does.
///
/// # Safety
///
/// `entry` is in a list that nobody else uses now.
unsafe fn remove(entry: *mut list_head) {
    // SAFETY: By the contract of this function.
    let list_head { next, prev } = unsafe { entry.read() };
    // SAFETY: The entries of a list are valid.
    unsafe { (*next).prev = prev };
    // SAFETY: As above.
    unsafe { (*prev).next = next };
}
