// SPDX-License-Identifier: GPL-2.0

//! Blocks that are bound while their provider is loaded, and hold it only for the time of a call.
//!
//! A module notifier tells when modules go live and when they are going. A provider is unloaded in
//! these steps:
//!
//! 1. `delete_module` makes the provider `GOING` if nobody holds it. While a call is inside, it
//!    holds the provider: `delete_module` then fails, and `modprobe -r --wait` tries again. Once
//!    the provider is `GOING`, no call gets in: all calls return `None`.
//! 2. The provider's exit runs.
//! 3. The notifier is called. It unbinds the block and calls [`ProviderEvents::provider_going`].
//! 4. The provider's memory is freed.

use crate::bindings::{self, module};
use crate::block::{unbind_all, Block};
use crate::calls::LateCalls;
use crate::claim::Claim;
use crate::compat::code;
use crate::log::log;
use crate::provider::{Provider, Unavailable};
use crate::resolution::{Request, Resolution};
use crate::resolver::Kallsyms;
use core::ffi::{c_void, CStr};
use core::ptr::null_mut;
use kernel::container_of;
use kernel::error::to_result;
use kernel::ffi::{c_int, c_ulong};
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::atomic::{Atomic, AtomicFlag, Relaxed};
use kernel::sync::{new_mutex, Mutex};
use kernel::types::Opaque;

/// Callbacks that tell when the provider of a `#[late]` block comes and goes.
///
/// The two functions are called alternately, `provider_live` first, in a context that may sleep.
/// They must neither create nor drop a [`LateImports`], nor wait for a module to be loaded or
/// unloaded, because the kernel's module notifiers are locked meanwhile.
pub trait ProviderEvents: Send + Sync + 'static {
    /// Called when the provider is live and the block is bound: from now on its calls return
    /// `Some`.
    ///
    /// The provider is not held. It may be unloaded at any time, and calls return `None` again even
    /// before [`provider_going`](Self::provider_going) is called.
    fn provider_live(&self);

    /// Called when the provider is going: its exit has run, no caller is inside, and all calls
    /// return `None`.
    ///
    /// Pointers that were obtained from the provider dangle as soon as its exit begins.
    fn provider_going(&self);
}

/// Ignores the events.
impl ProviderEvents for () {
    fn provider_live(&self) {}

    fn provider_going(&self) {}
}

enum State {
    /// The provider is not live, or the block could not be bound to it.
    Waiting,
    /// Bound to symbols of the module `last`.
    Bound,
    /// The block is not bound any more.
    Closed,
}

/// A block that is bound while its provider is loaded, initialised by the `bind_late` that
/// `import_symbols!` generates for `#[late]` blocks.
///
/// After the drop, calls return `None`. The drop waits until no caller is inside, and may sleep. It
/// does not call `provider_going`.
///
/// It must not be leaked, see [`Imports`](crate::Imports#leaks).
///
/// # Invariants
///
/// - `notifier` is registered from the end of the initialiser until drop.
/// - The calls are open only while `state` is `Bound`. As long as it is, the `GOING` of `last` has
///   not been notified, and the block's entries are bound to addresses in that module.
#[pin_data(PinnedDrop)]
#[must_use = "the block is bound only while this lives"]
pub struct LateImports<T: ProviderEvents> {
    provider: CString,
    calls: &'static LateCalls,
    claim: Claim,
    /// The module that the block was bound to last.
    last: Atomic<*mut module>,
    events: T,
    #[pin]
    state: Mutex<State>,
    /// Set if the provider was live, but there was not enough memory to bind the block. Never set
    /// while the block is bound.
    postponed: AtomicFlag,
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
}

// SAFETY: All state that changes is in the mutex or belongs to the kernel; `T` may be dropped in
// any thread.
unsafe impl<T: ProviderEvents> Send for LateImports<T> {}
// SAFETY: As above, and `T` may be shared between threads.
unsafe impl<T: ProviderEvents> Sync for LateImports<T> {}

impl<T: ProviderEvents> LateImports<T> {
    /// Binds `block` whenever `provider` is live, for the block's `bind_late` and `bind_late_from`.
    #[doc(hidden)]
    pub fn new<'a>(
        block: &'static Block,
        calls: &'static LateCalls,
        provider: &'a CStr,
        events: T,
    ) -> impl PinInit<Self, Error> + use<'a, T> {
        try_pin_init!(&this in Self {
            claim: claim(block, provider)?,
            provider: CString::try_from(provider)?,
            calls,
            last: Atomic::new(null_mut()),
            events,
            state <- new_mutex!(State::Waiting),
            postponed: AtomicFlag::new(false),
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
                // The provider may have gone live before the notifier was registered. Nothing can
                // fail from here on.
                this.bind();
            },
        }? Error)
    }

    /// Returns the receiver of the events.
    pub fn events(&self) -> &T {
        &self.events
    }

    /// Returns whether the block is bound now. The provider may be going already.
    pub fn is_bound(&self) -> bool {
        self.calls.are_open()
    }

    /// Binds the block if the provider is live. A failure is logged. If memory was lacking, this is
    /// tried again when the next module goes live.
    fn bind(&self) {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return;
        }
        let Ok(kallsyms) = Kallsyms::get() else {
            return;
        };
        // If the provider is not live (yet), the notifier will be called when it is.
        let Ok(provider) = Provider::get(
            &kallsyms,
            self.claim.block().importer.name(),
            &self.provider,
        ) else {
            self.postponed.store(false, Relaxed);
            return;
        };
        let resolution = Resolution::new(&kallsyms, Some(&provider), self.claim.block());
        self.postponed
            .store(matches!(resolution, Err(code::ENOMEM)), Relaxed);
        let Ok(resolution) = resolution else {
            return;
        };
        // SAFETY: The provider is held now, and later by each call. Its memory stays until its
        // `GOING` has been notified, and that notification unbinds the block.
        unsafe { resolution.bind() };
        // This is set while the module is held, so the module's `GOING` notification sees it.
        self.last.store(provider.module().as_ptr(), Relaxed);
        // INVARIANT: The provider is held, so it is not going. Its `GOING` will be notified after
        // `state` is unlocked.
        *state = State::Bound;
        // SAFETY: The block is bound to symbols of the provider. `unbind` closes the calls before
        // it unbinds the block, and is called before the module is freed.
        unsafe { self.calls.open(&provider) };
        drop(provider);
        self.events.provider_live();
    }

    /// Lets no caller in any more, waits until all callers have left, and unbinds the block.
    fn unbind(&self) {
        self.calls.close();
        unbind_all(self.claim.block());
    }

    /// Returns whether `module` is the one that the block was bound to last.
    fn was_provider(&self, module: *mut module) -> bool {
        self.last.load(Relaxed) == module
    }

    fn going(&self, module: *mut module) {
        // A notification about any other module must not wait for `state`: the task that holds it
        // may be waiting for callers, and these may be waiting for that module to go.
        if !self.was_provider(module) {
            return;
        }
        let mut state = self.state.lock();
        if matches!(*state, State::Bound) && self.was_provider(module) {
            self.unbind();
            *state = State::Waiting;
            self.events.provider_going();
        }
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
        const LIVE: c_ulong = bindings::module_state_MODULE_STATE_LIVE as c_ulong;
        const GOING: c_ulong = bindings::module_state_MODULE_STATE_GOING as c_ulong;

        let notifier = Opaque::cast_from(notifier);
        // SAFETY: By the contract of this function.
        let this: *const Self = unsafe { container_of!(notifier, Self, notifier) };
        // SAFETY: The kernel calls the notifier only while it is registered, and the value is
        // initialised then.
        let this = unsafe { &*this };
        let module: *mut module = data.cast();
        match action {
            LIVE => {
                // SAFETY: The module is not freed while it is being notified.
                let name = unsafe { &raw const (*module).name };
                // SAFETY: As above; the name is NUL-terminated.
                let is_provider = unsafe { CStr::from_char_ptr(name.cast()) } == &*this.provider;
                if is_provider || this.postponed.load(Relaxed) {
                    this.bind();
                }
            }
            GOING => this.going(module),
            _ => {}
        }
        bindings::NOTIFY_DONE as c_int
    }
}

/// Claims `block`, unless it is claimed already or this kernel can never bind it.
fn claim(block: &'static Block, provider: &CStr) -> Result<Claim> {
    let request = Request {
        block,
        provider: Some(provider),
    };
    let kallsyms = request.kallsyms()?;
    let importer = block.importer.name();
    match Provider::get(&kallsyms, importer, provider) {
        Err(unavailable @ Unavailable::Itself) => {
            log!(importer, ERR, "cannot import {request}: {unavailable}");
            return Err(unavailable.errno());
        }
        Err(unavailable) => {
            if let Some(symbol) = request.in_image(&kallsyms, unavailable) {
                log!(
                    importer,
                    WARNING,
                    "{request} waits for its provider, which is not loaded; leave out `from` if it \
                     is built in: the kernel image has {symbol}"
                );
            }
        }
        Ok(_) => {}
    }
    Claim::new(block).ok_or_else(|| {
        log!(
            importer,
            ERR,
            "cannot import {request}: it is bound late already; drop the first LateImports before"
        );
        code::EALREADY
    })
}

#[pinned_drop]
impl<T: ProviderEvents> PinnedDrop for LateImports<T> {
    fn drop(self: Pin<&mut Self>) {
        // The block is unbound before the notifier is unregistered: from then on, nothing would
        // unbind it when the provider goes.
        let mut state = self.state.lock();
        self.unbind();
        *state = State::Closed;
        // The unregistration waits for notifications, and one of them may be waiting for the lock.
        drop(state);
        // SAFETY: By the type invariants it is registered.
        unsafe { bindings::unregister_module_notifier(self.notifier.get()) };
    }
}
