// SPDX-License-Identifier: GPL-2.0

//! Notifications about modules that come and go.

use crate::bindings::{self, module};
#[cfg(kimport_guard)]
use crate::provider::Provider;
use core::ffi::{c_void, CStr};
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;
use kernel::container_of;
use kernel::error::to_result;
use kernel::ffi::{c_int, c_ulong};
use kernel::prelude::*;
use kernel::types::Opaque;

/// A receiver of notifications about all modules. It is called in a context that may sleep, and
/// must neither create nor drop a [`Notified`], nor wait for a module to be loaded or unloaded: the
/// kernel's module notifiers are locked meanwhile.
pub(crate) trait ModuleEvents: Send + Sync {
    /// Called once, when notifications have begun; the first ones may come at the same time.
    /// Nothing has told of modules that were live before. The notifiers are not locked.
    fn begun(&self);

    /// Called when `module` is relocated, and none of its code has run. After an error, the kernel
    /// refuses the module.
    fn coming(&self, _module: NotifiedModule<'_>) -> Result {
        Ok(())
    }

    /// Called when the init of `module` has succeeded.
    fn live(&self, module: NotifiedModule<'_>);

    /// Called when the exit of `module` has run, or its load has failed after `coming`, before it
    /// is freed.
    fn going(&self, module: NotifiedModule<'_>);

    /// Called once, before the notifications end. The notifiers are not locked.
    fn ending(&self);
}

/// A module that a receiver is notified about.
///
/// # Invariants
///
/// The module is not freed during `'a`.
#[derive(Clone, Copy)]
pub(crate) struct NotifiedModule<'a> {
    module: NonNull<module>,
    _notified: PhantomData<&'a ()>,
}

impl<'a> NotifiedModule<'a> {
    pub(crate) fn as_ptr(self) -> NonNull<module> {
        self.module
    }

    pub(crate) fn name(self) -> &'a CStr {
        // SAFETY: By the type invariants the module is not freed during `'a`.
        unsafe { name_of(self.module) }
    }

    /// Holds the module, unless it is going.
    #[cfg(kimport_guard)]
    pub(crate) fn hold(self) -> Option<Provider> {
        // SAFETY: By the type invariants the module is not freed during the call.
        unsafe { Provider::hold(self.module) }
    }
}

/// Returns the name of `module`.
///
/// # Safety
///
/// The module is not freed while the name is used.
pub(crate) unsafe fn name_of<'a>(module: NonNull<module>) -> &'a CStr {
    // SAFETY: By the contract of this function.
    let name = unsafe { &raw const (*module.as_ptr()).name };
    // SAFETY: As above; the name is NUL-terminated and does not change.
    unsafe { CStr::from_char_ptr(name.cast()) }
}

/// A receiver that is notified while this value lives.
///
/// # Invariants
///
/// `notifier` is registered from the end of the initialiser until drop.
#[pin_data(PinnedDrop)]
pub(crate) struct Notified<T: ModuleEvents> {
    #[pin]
    receiver: T,
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
}

// SAFETY: The notifier belongs to the kernel, and the receiver may be sent.
unsafe impl<T: ModuleEvents> Send for Notified<T> {}
// SAFETY: As above, and the receiver may be shared.
unsafe impl<T: ModuleEvents> Sync for Notified<T> {}

impl<T: ModuleEvents> Notified<T> {
    /// Makes the receiver, and has it notified. May sleep. The errors are those of `receiver`:
    /// the kernel takes every notifier that it does not have yet.
    pub(crate) fn new(receiver: impl PinInit<T, Error>) -> impl PinInit<Self, Error> {
        try_pin_init!(&this in Self {
            receiver <- receiver,
            notifier <- Opaque::ffi_init(|notifier: *mut bindings::notifier_block| {
                let value = bindings::notifier_block {
                    notifier_call: Some(Self::notified),
                    ..Default::default()
                };
                // SAFETY: `notifier` points to the field, which is valid for writes.
                unsafe { notifier.write(value) };
            }),
            _: {
                // SAFETY: All fields are initialised, and the value is pinned.
                let this = unsafe { this.as_ref() };
                // INVARIANT: The notifier is registered until drop.
                // SAFETY: The notifier is initialised and stays where it is until drop, which
                // unregisters it.
                to_result(unsafe { bindings::register_module_notifier(this.notifier.get()) })?;
                // Nothing can fail from here on.
                this.receiver.begun();
            },
        }? Error)
    }

    /// # Safety
    ///
    /// `notifier` is the field of a `Self`, and `data` is the module that the notification is
    /// about.
    unsafe extern "C" fn notified(
        notifier: *mut bindings::notifier_block,
        action: c_ulong,
        data: *mut c_void,
    ) -> c_int {
        const COMING: c_ulong = bindings::module_state_MODULE_STATE_COMING as c_ulong;
        const LIVE: c_ulong = bindings::module_state_MODULE_STATE_LIVE as c_ulong;
        const GOING: c_ulong = bindings::module_state_MODULE_STATE_GOING as c_ulong;

        let notifier = Opaque::cast_from(notifier);
        // SAFETY: By the contract of this function.
        let this: *const Self = unsafe { container_of!(notifier, Self, notifier) };
        // SAFETY: The kernel calls the notifier only while it is registered, and the value is
        // initialised then.
        let this = unsafe { &*this };
        let Some(module) = NonNull::new(data.cast()) else {
            return bindings::NOTIFY_DONE as c_int;
        };
        // INVARIANT: The kernel does not free the module before all notifiers have returned.
        let module = NotifiedModule {
            module,
            _notified: PhantomData,
        };
        match action {
            COMING => {
                if let Err(error) = this.receiver.coming(module) {
                    // As `notifier_from_errno`.
                    return (bindings::NOTIFY_STOP_MASK as c_int)
                        | (bindings::NOTIFY_OK as c_int - error.to_errno());
                }
            }
            LIVE => this.receiver.live(module),
            GOING => this.receiver.going(module),
            _ => {}
        }
        bindings::NOTIFY_DONE as c_int
    }
}

impl<T: ModuleEvents> Deref for Notified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.receiver
    }
}

#[pinned_drop]
impl<T: ModuleEvents> PinnedDrop for Notified<T> {
    fn drop(self: Pin<&mut Self>) {
        self.receiver.ending();
        // SAFETY: By the type invariants it is registered.
        unsafe { bindings::unregister_module_notifier(self.notifier.get()) };
    }
}
