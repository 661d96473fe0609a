// SPDX-License-Identifier: GPL-2.0

//! The binder: makes a call site reach an address.
//!
//! One small interface, a file for each way. A way has
//!
//! - `__declare_function!`, which the macro expands to for each imported function: it defines the function that the
//!   wrapper calls, and the [`FunctionBinding`] that re-points it. Until bound, the call ends in [`unbound`];
//! - [`FunctionBinding`] with `bind`, `bind_all`, `retire`, `unbind`, `unbind_all`, `address`, `is_bound` and `call_mode`;
//! - `needs`: what of the kernel it takes itself, found by the resolver before anything else is bound.
//!
//! `static_call.rs` is used where the kernel can patch call sites (`CONFIG_HAVE_STATIC_CALL_INLINE`), with `batch.rs` for many
//! functions at once; `pointer.rs` elsewhere. The third way has nothing to bind: the calls of a `#[livepatch]` block, for which
//! the macro expands to what `livepatch.rs` defines, are bound when this code runs.

use core::ffi::c_void;

#[cfg(all(
    CONFIG_HAVE_STATIC_CALL_INLINE,
    CONFIG_X86_64,
    not(kimport_pointer_calls)
))]
mod branch;

#[cfg(all(
    CONFIG_HAVE_STATIC_CALL_INLINE,
    CONFIG_X86_64,
    not(kimport_pointer_calls)
))]
#[path = "static_call.rs"]
mod chosen;

#[cfg(not(all(
    CONFIG_HAVE_STATIC_CALL_INLINE,
    CONFIG_X86_64,
    not(kimport_pointer_calls)
)))]
#[path = "pointer.rs"]
mod chosen;

mod livepatch;

#[cfg(kimport_bench)]
pub use chosen::at_once;
pub(crate) use chosen::needs;
#[cfg(kimport_selftest)]
pub(crate) use chosen::tests;
pub use chosen::FunctionBinding;
#[doc(hidden)]
pub use chosen::Key;
#[doc(hidden)]
pub use livepatch::Loaded;

/// How the calls of an imported function reach it, read back from what will be executed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CallMode {
    /// Each of the `sites` call sites is a direct `call` (or a jump, for a tail call) to the function.
    Direct {
        /// Number of call sites in the module.
        sites: usize,
    },
    /// Only `direct` of the `sites` call sites are direct calls to the function: the others still go elsewhere.
    Partial {
        /// Number of call sites in the module.
        sites: usize,
        /// Those that are direct calls to the function.
        direct: usize,
    },
    /// Calls go through a function pointer.
    Pointer,
    /// Each call site is a direct `call` or jump, which the kernel made when it loaded the module.
    Livepatch {
        /// Number of direct calls of the function in the module's text.
        sites: usize,
    },
}

impl CallMode {
    /// That of a function of a `#[livepatch]` block that is at `address`.
    pub(crate) fn livepatch(address: *mut c_void) -> Self {
        Self::Livepatch {
            sites: livepatch::call_sites(address),
        }
    }
}

/// Whether a `call` or jump to `target` reaches the function at `address`. With call depth tracking, calls go to the padding in
/// front of it, where they are counted.
#[cfg(CONFIG_X86_64)]
// Built in, `pointer.rs` alone reads no instructions.
#[cfg_attr(not(MODULE), allow(dead_code))]
fn lands_on(is_call: bool, target: usize, address: *mut c_void) -> bool {
    // `CONFIG_FUNCTION_PADDING_BYTES`
    const PADDING: usize = 16;

    let before = address.addr().wrapping_sub(target);
    let counted = cfg!(CONFIG_MITIGATION_CALL_DEPTH_TRACKING) && is_call;
    before == 0 || (counted && before <= PADDING)
}

/// Where a call of an import ends that is not bound: a `BUG` that names `symbol`.
#[cold]
#[inline(never)]
pub fn unbound(symbol: &str) -> ! {
    crate::log::log!(
        EMERG,
        "{symbol} was used before resolve_imports() succeeded, or after its Imports was dropped"
    );
    panic!("kimport: {symbol} is not bound")
}

/// Where a call ends of an import that is declared not to return, if it does: a `BUG` that names
/// `symbol`.
///
/// objtool looks for the end of each path. It does not know the kernel's function, nor one of this
/// crate where it looks at each object file by itself (no `CONFIG_X86_KERNEL_IBT`); but it knows
/// `panic!`, so that is in the wrapper.
#[inline(always)]
pub fn returned(symbol: &str) -> ! {
    panic!("kimport: {symbol} returned, which is declared not to")
}
