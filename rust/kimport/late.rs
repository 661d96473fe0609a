// SPDX-License-Identifier: GPL-2.0

//! Blocks that are bound while their provider is loaded, and hold it only for the time of a call.
//!
//! A module notifier tells when modules go live and when they are going. A provider is unloaded in
//! these steps:
//!
//! 1. `delete_module` makes the provider `GOING` if nobody holds it. While a call is inside, it
//!    holds the provider: `delete_module` then fails, and `modprobe -r --wait` tries again. Once
//!    the provider is `GOING`, no call gets in: all calls return `None`.
//! 2. The provider's exit runs. After `rmmod --force`, calls that are inside go on meanwhile.
//! 3. The notifier is called. It waits for calls that are inside, unbinds the block and calls
//!    [`ProviderEvents::provider_going`].
//! 4. The provider's memory is freed.

use crate::bindings::module;
use crate::block::{unbind_all, Block};
use crate::calls::LateCalls;
use crate::claim::Claim;
use crate::compat::code;
use crate::log::log;
use crate::notifier::{ModuleEvents, Notified, NotifiedModule};
use crate::provider::{Provider, Unavailable};
use crate::resolution::{Request, Resolution};
use crate::resolver::{Kallsyms, Unusable};
use core::ffi::CStr;
use core::ptr::null_mut;
use core::sync::atomic::{fence, Ordering::SeqCst};
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::atomic::{Atomic, AtomicFlag, Relaxed};
use kernel::sync::{new_mutex, Mutex};

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
#[pin_data]
#[must_use = "the block is bound only while this lives"]
pub struct LateImports<T: ProviderEvents> {
    #[pin]
    block: Notified<LateBlock<T>>,
}

impl<T: ProviderEvents> LateImports<T> {
    /// Binds `block` whenever `provider` is live, for the block's `bind_late` and `bind_late_from`.
    #[doc(hidden)]
    pub fn new<'a>(
        block: &'static Block,
        calls: &'static LateCalls,
        provider: &'a CStr,
        events: T,
    ) -> impl PinInit<Self, Error> + use<'a, T> {
        try_pin_init!(Self {
            block <- Notified::new(try_pin_init!(LateBlock {
                claim: claim(block, provider)?,
                provider: CString::try_from(provider)?,
                calls,
                last: Atomic::new(null_mut()),
                events,
                state <- new_mutex!(State::Waiting),
                postponed: AtomicFlag::new(false),
            }? Error)),
        }? Error)
    }

    /// Returns the receiver of the events.
    pub fn events(&self) -> &T {
        &self.block.events
    }

    /// Returns whether the block is bound now. The provider may be going already.
    pub fn is_bound(&self) -> bool {
        self.block.calls.are_open()
    }
}

/// The block of a [`LateImports`].
///
/// # Invariants
///
/// The calls are open only while `state` is `Bound`. As long as it is, the `GOING` of `last` has
/// not been notified, and the block's entries are bound to addresses in that module.
#[pin_data]
struct LateBlock<T: ProviderEvents> {
    provider: CString,
    calls: &'static LateCalls,
    claim: Claim,
    /// The module that the block was, or was to be, bound to last.
    last: Atomic<*mut module>,
    events: T,
    #[pin]
    state: Mutex<State>,
    /// Set if the provider was live, but there was not enough memory to bind the block. Never set
    /// while the block is bound.
    postponed: AtomicFlag,
}

// SAFETY: All state that changes is in the mutex or atomic; `T` may be dropped in any thread.
unsafe impl<T: ProviderEvents> Send for LateBlock<T> {}
// SAFETY: As above, and `T` may be shared between threads.
unsafe impl<T: ProviderEvents> Sync for LateBlock<T> {}

impl<T: ProviderEvents> LateBlock<T> {
    /// Binds the block if the provider is live. A failure is logged. If memory was lacking, this is
    /// tried again when the next module goes live.
    fn bind(&self) {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return;
        }
        let kallsyms = match Kallsyms::get() {
            Ok(kallsyms) => kallsyms,
            Err(unusable) => {
                let lacks_memory = matches!(unusable, Unusable::NoMemory);
                return self.postponed.store(lacks_memory, Relaxed);
            }
        };
        // If the provider is not live (yet), the notifier will be called when it is.
        let block = self.claim.block();
        let provider = match Provider::get(&kallsyms, &block.importer, &self.provider) {
            Ok(provider) => provider,
            Err(unavailable) => {
                let lacks_memory = matches!(unavailable, Unavailable::NoMemory);
                return self.postponed.store(lacks_memory, Relaxed);
            }
        };
        // From now on, the `GOING` of this module waits for `state`. If it was notified before, the
        // module is not live any more. Only by force can it be unloaded now, and only if the kernel
        // has no record of its use.
        self.last.store(provider.module().as_ptr(), Relaxed);
        fence(SeqCst);
        if !provider.is_live() {
            return;
        }
        let resolution = Resolution::new(&kallsyms, Some(&provider), block);
        self.postponed
            .store(matches!(resolution, Err(code::ENOMEM)), Relaxed);
        let Ok(resolution) = resolution else {
            return;
        };
        // SAFETY: The memory of the provider stays until its `GOING` has been notified, and that
        // notification unbinds the block.
        unsafe { resolution.bind() };
        // INVARIANT: The `GOING` of the provider will be notified after `state` is unlocked.
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

    /// Returns whether `module` is the one that the block was, or was to be, bound to last.
    fn was_provider(&self, module: NotifiedModule<'_>) -> bool {
        self.last.load(Relaxed) == module.as_ptr().as_ptr()
    }
}

impl<T: ProviderEvents> ModuleEvents for LateBlock<T> {
    fn begun(&self) {
        // The provider may be live already.
        self.bind();
    }

    fn live(&self, module: NotifiedModule<'_>) {
        if module.name() == &*self.provider || self.postponed.load(Relaxed) {
            self.bind();
        }
    }

    fn going(&self, module: NotifiedModule<'_>) {
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

    /// Unbinds the block. Once the notifications have ended, nothing would unbind it when the
    /// provider goes.
    fn ending(&self) {
        // The lock is released on return: the end of the notifications waits for those that run,
        // and one of them may be waiting for the lock.
        let mut state = self.state.lock();
        self.unbind();
        *state = State::Closed;
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
    match Provider::get(&kallsyms, &block.importer, provider) {
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
