// SPDX-License-Identifier: GPL-2.0

//! The binder makes a call site reach an address.
//!
//! The interface is small, and each way to implement it is one file. A way has
//!
//! - `__declare_function!`, which the macro's expansion calls for each imported function. It
//!   defines the function that the wrapper calls, and the [`FunctionBinding`] that changes the
//!   target of these calls. Until the function is bound, a call ends in [`unbound`]. The argument
//!   `symbol`, the kernel's name, is for the stand-in of the macro's tests, which links against it;
//! - a type `FunctionBinding`, which implements [`Binder`] and has `is_bound` for the wrappers, and
//!   its `Key`.
//!
//! `scripts/Makefile.kimport` chooses the way with a `--cfg`, and only this file names the files:
//! `static_call.rs` if the kernel can patch call sites, `veneer.rs` on arm64, else `pointer.rs`.
//! The last two share `slot.rs`. One more way has nothing to bind: the calls of a `#[livepatch]`
//! block are already bound when this code runs. For such a block the macro's expansion uses the
//! macros of `livepatch.rs`.

use crate::binding::Binding;
use crate::block::{Block, Symbol};
use crate::importer::Importer;
use core::ffi::c_void;

#[cfg(not(any(kimport_static_calls, kimport_veneers)))]
mod pointer;
#[cfg(not(kimport_static_calls))]
mod slot;
#[cfg(kimport_static_calls)]
mod static_call;
#[cfg(kimport_veneers)]
mod veneer;

#[cfg(not(any(kimport_static_calls, kimport_veneers)))]
use pointer as way;
#[cfg(kimport_static_calls)]
use static_call as way;
#[cfg(kimport_veneers)]
use veneer as way;

mod livepatch;

#[doc(hidden)]
pub use livepatch::LoadedAddress;
#[cfg(all(kimport_selftest, not(kimport_static_calls)))]
pub(crate) use slot::tests as slot_tests;
#[cfg(kimport_bench)]
pub use way::bind_together;
#[cfg(all(kimport_selftest, any(kimport_static_calls, kimport_veneers)))]
pub(crate) use way::tests;
pub use way::FunctionBinding;
#[doc(hidden)]
pub use way::Key;

/// The binding of one imported function to the address that its calls reach.
pub(crate) trait Binder: Sized + 'static {
    /// Returns the symbols of the kernel image that make binding faster. They are used only if all
    /// of them are bound. The second element has them by older names.
    fn accelerators() -> [&'static [Symbol]; 2] {
        [&[], &[]]
    }

    /// Returns whether to find the accelerators costs less than they save in the binding of
    /// `functions` functions.
    fn accelerators_pay(_functions: usize) -> bool {
        false
    }

    /// Makes every call go to `target`. May sleep.
    ///
    /// # Safety
    ///
    /// `target` is a function of the declared type, and stays one until [`unbind`](Self::unbind).
    unsafe fn bind(&self, target: *mut c_void);

    /// Makes every call of each function, which are in `importer`, go to its target. May sleep.
    ///
    /// # Safety
    ///
    /// The conditions of [`bind`](Self::bind) hold for each function and its target.
    unsafe fn bind_all(
        _importer: &Importer,
        functions: impl Iterator<Item = (&'static Self, *mut c_void)> + Clone,
    ) {
        for (function, target) in functions {
            // SAFETY: The contract of this function is that of `bind` for each element.
            unsafe { function.bind(target) };
        }
    }

    /// Marks the function as not bound, without changing the target of its calls.
    fn retire(&self);

    /// Makes every call end in [`unbound`]. May sleep.
    fn unbind(&self);

    /// Makes every call of each function, which are in `importer`, end in [`unbound`]. May sleep.
    fn unbind_all(_importer: &Importer, functions: impl Iterator<Item = &'static Self> + Clone) {
        functions.for_each(Self::unbind);
    }

    /// Returns the address that the calls go to, if they are bound.
    fn address(&self) -> Option<*mut c_void>;

    /// Returns how the calls in `importer` reach the address, as read from the code that is
    /// executed.
    fn call_mode(&self, importer: &Importer) -> CallMode;
}

/// The way in which the calls of an imported function reach it, as read from the code that is
/// executed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CallMode {
    /// Each of the `sites` call sites is a direct `call` (or a jump, for a tail call) to the
    /// function.
    Direct {
        /// The number of call sites in the module.
        sites: usize,
    },
    /// Only `direct` of the `sites` call sites are direct calls to the function. The others still
    /// go elsewhere.
    Partial {
        /// The number of call sites in the module.
        sites: usize,
        /// The number of call sites that are direct calls to the function.
        direct: usize,
    },
    /// Each call site is a direct call of a veneer in this module, which jumps to the function.
    Veneer,
    /// Calls go through a function pointer.
    Pointer,
    /// Each call site is a direct `call` or jump, which the kernel made when it loaded the module.
    Livepatch {
        /// The number of direct calls of the function in the module's text.
        sites: usize,
    },
}

impl CallMode {
    /// Returns the mode of a function of a `#[livepatch]` block of `importer` that is at `address`.
    pub(crate) fn livepatch(importer: &Importer, address: *mut c_void) -> Self {
        Self::Livepatch {
            sites: livepatch::call_sites(importer, address),
        }
    }
}

/// Returns whether a `call` or jump to `target` reaches the function at `address`. With call depth
/// tracking, calls go to the padding in front of it, where they are counted.
#[cfg(CONFIG_X86_64)]
// With `pointer.rs` and built in, nothing reads instructions.
#[cfg_attr(not(MODULE), allow(dead_code))]
fn lands_on(is_call: bool, target: usize, address: *mut c_void) -> bool {
    // `CONFIG_FUNCTION_PADDING_BYTES`
    const PADDING: usize = 16;

    let before = address.addr().wrapping_sub(target);
    let counted = cfg!(CONFIG_MITIGATION_CALL_DEPTH_TRACKING) && is_call;
    before == 0 || (counted && before <= PADDING)
}

/// Ends a call of an import that is not bound, with a `BUG` that names the symbol. `binding` is the
/// binding of an entry of `block`.
#[cold]
#[inline(never)]
pub extern "C" fn unbound(block: &'static Block, binding: &'static FunctionBinding) -> ! {
    log_use(
        block,
        |other| matches!(other, Binding::Function(other) if core::ptr::eq(*other, binding)),
    );
    panic!("kimport: an import is not bound, see above")
}

/// Logs the use of the entry of `block` that `is_used` finds, which is not bound.
pub(crate) fn log_use(block: &'static Block, is_used: impl Fn(&Binding) -> bool) {
    let mut symbols = block.symbols.iter();
    let used = symbols.find(|symbol| is_used(&symbol.binding));
    let name = used.map_or(c"?", |symbol| symbol.name);
    let (provider, colon) = match block.provider {
        Some(provider) => (provider, ":"),
        None => (c"", ""),
    };
    crate::log::log!(
        block.importer.name(),
        EMERG,
        "{provider}{colon}{name} was used before resolve_imports() succeeded, or after its Imports \
         was dropped"
    );
}

/// Ends a call of an import that returned although it is declared not to, with a `BUG` that names
/// `symbol`.
///
/// objtool looks for the end of each path. It does not know that the kernel's function does not
/// return. It does not know that of a function of this crate either if it looks at each object file
/// by itself (no `CONFIG_X86_KERNEL_IBT`). But it knows `panic!`, so that is in the wrapper.
#[inline(always)]
pub fn returned(symbol: &str) -> ! {
    panic!("kimport: {symbol} returned, which is declared not to")
}
