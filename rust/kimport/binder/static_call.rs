// SPDX-License-Identifier: GPL-2.0

//! Binds through static calls: every call site is a direct `call`.
//!
//! For each imported function the module gets the same as from C's `DEFINE_STATIC_CALL()`: a
//! trampoline `__SCT__<name>` in `.static_call.text` and a key `__SCK__<name>`. The wrapper calls
//! the trampoline, objtool records each such call in `.static_call_sites`, and
//! `__static_call_update()` turns every one into a `call` of the target. So a call costs the same
//! as in C, and there is no retpoline. It is also legal for targets that an indirect call must not
//! have: those whose `ENDBR` is sealed (IBT), or that have no kCFI hash.
//!
//! The loader, too, patches each call site that does not call the target in its key. So at first a
//! key's target is its trampoline, which the call sites call already. The trampoline jumps to the
//! code behind it, which ends calls of an unbound import.
//!
//! Source: `include/linux/static_call.h`, `arch/x86/include/asm/static_call.h`,
//! `kernel/static_call_inline.c`.

mod batch;
mod branch;

use super::{lands_on, Binder, CallMode};
use crate::bindings;
use crate::block::Symbol;
use crate::importer::Importer;
use crate::verdict::LastVerdict;
use branch::Branch;
use core::ffi::c_void;
use kernel::sync::atomic::{Acquire, AtomicFlag, Relaxed, Release};
use kernel::types::Opaque;

/// Sets whether functions are bound together where that is possible.
#[cfg(kimport_bench)]
pub fn bind_together(on: bool) {
    batch::switch::set(on);
}

/// A `struct static_call_key`.
#[doc(hidden)]
#[repr(transparent)]
pub struct Key(Opaque<bindings::static_call_key>);

// SAFETY: The kernel serialises all changes of a key with its `static_call_mutex`. Only one word is
// read without that.
unsafe impl Sync for Key {}

impl Key {
    /// Makes a key whose call sites reach `target` when the module is loaded. `target` is a
    /// function or the key's trampoline.
    pub const fn new(target: *mut c_void) -> Self {
        Self(Opaque::new(bindings::static_call_key {
            func: target,
            // There are no sites yet, as with `DEFINE_STATIC_CALL()`. The loader attaches the
            // module's.
            __bindgen_anon_1: bindings::static_call_key__bindgen_ty_1 { type_: 1 },
        }))
    }
}

/// The length of a trampoline in bytes.
const TRAMPOLINE_LEN: usize = 8;

/// The call sites of one imported function.
///
/// # Invariants
///
/// - `trampoline` is the static-call trampoline that belongs to `key`. It is followed by code that
///   may be called with any arguments and does not return.
/// - While `bound` is set, the key's target is a function of the declared type.
#[doc(hidden)]
pub struct FunctionBinding {
    key: &'static Key,
    trampoline: *mut c_void,
    bound: AtomicFlag,
    /// The verdict is here because the entry of the block's table is immutable.
    pub(crate) verdict: LastVerdict,
}

// SAFETY: The pointers are addresses of code that lives as long as the module. Only the kernel
// writes through them, under its own locks. The flag is atomic.
unsafe impl Sync for FunctionBinding {}

impl FunctionBinding {
    /// # Safety
    ///
    /// The arguments fulfil the invariants of the type, `key` was made with `trampoline`, and
    /// `trampoline` jumps to the code that follows it.
    pub const unsafe fn new(key: &'static Key, trampoline: *mut c_void) -> Self {
        // INVARIANT: The contract of this function establishes them.
        Self {
            key,
            trampoline,
            bound: AtomicFlag::new(false),
            verdict: LastVerdict::new(),
        }
    }

    /// Returns whether calls may still go to the function that they were bound to.
    fn was_bound(&self) -> bool {
        let target = self.target();
        target != self.unbound() && target != self.trampoline
    }

    /// Returns the code that ends calls of an unbound import.
    fn unbound(&self) -> *mut c_void {
        self.trampoline.wrapping_byte_add(TRAMPOLINE_LEN)
    }

    fn update(&self, target: *mut c_void) {
        // SAFETY: By the type invariants the key and the trampoline belong together, and both live
        // as long as the module. The callers vouch for `target`.
        unsafe { bindings::__static_call_update(self.key.0.get(), self.trampoline, target) }
    }

    /// Returns the target of the calls.
    fn target(&self) -> *mut c_void {
        // SAFETY: The key lives as long as the module.
        let func = unsafe { &raw const (*self.key.0.get()).func };
        // SAFETY: `func` points into the key. It is one aligned word, which the kernel writes as a
        // whole at any time. Hence the volatile read, as in `static_call_query()`.
        unsafe { func.read_volatile() }
    }

    /// Returns whether the calls are bound.
    #[inline]
    pub fn is_bound(&self) -> bool {
        self.bound.load(Acquire)
    }
}

impl Binder for FunctionBinding {
    fn accelerators() -> [&'static [Symbol]; 2] {
        batch::imports()
    }

    fn accelerators_pay(functions: usize) -> bool {
        batch::pays(functions)
    }

    unsafe fn bind(&self, target: *mut c_void) {
        self.update(target);
        // INVARIANT: By the contract of this function `target` is of the declared type. A reader
        // that sees the flag also sees the patched call sites.
        self.bound.store(true, Release);
    }

    unsafe fn bind_all(
        importer: &Importer,
        functions: impl Iterator<Item = (&'static Self, *mut c_void)> + Clone,
    ) {
        // SAFETY: By the contract of this function each target is a function of the declared type.
        let are_bound = unsafe { batch::update(importer, functions.clone()) };
        for (function, target) in functions {
            if !are_bound {
                function.update(target);
            }
            // INVARIANT: See `bind`: its conditions hold for each function.
            function.bound.store(true, Release);
        }
    }

    fn retire(&self) {
        self.bound.store(false, Relaxed);
    }

    fn unbind(&self) {
        self.retire();
        if self.was_bound() {
            self.update(self.unbound());
        }
    }

    fn unbind_all(importer: &Importer, functions: impl Iterator<Item = &'static Self> + Clone) {
        functions.clone().for_each(Self::retire);
        let updates = functions
            .filter(|function| function.was_bound())
            .map(|function| (function, function.unbound()));
        // SAFETY: By the type invariants `unbound` may be called with any arguments and does not
        // return.
        if !unsafe { batch::update(importer, updates.clone()) } {
            updates.for_each(|(function, unbound)| function.update(unbound));
        }
    }

    fn address(&self) -> Option<*mut c_void> {
        self.is_bound().then(|| self.target())
    }

    fn call_mode(&self, importer: &Importer) -> CallMode {
        let mut sites = 0;
        let mut direct = 0;
        let address = self.address();
        for site in sites_of(importer, self.key).filter(|site| !site.init) {
            sites += 1;
            if address.is_some_and(|address| reaches(site.address, address)) {
                direct += 1;
            }
        }
        if sites == direct {
            CallMode::Direct { sites }
        } else {
            CallMode::Partial { sites, direct }
        }
    }
}

/// One static-call site of a module, or of the kernel image.
struct Site {
    address: *const u8,
    key: *const Key,
    /// Set if it is in an init section, whose memory is gone once the module is live.
    init: bool,
}

impl Site {
    /// # Safety
    ///
    /// `site` points to an entry of the [`site_table`].
    unsafe fn read(site: *const bindings::static_call_site) -> Self {
        const INIT: usize = 2;
        const FLAGS: usize = 3;

        // SAFETY: The loader sorted the table while the module was coming, and nobody has written
        // to it since.
        let bindings::static_call_site { addr, key } = unsafe { *site };
        // Both are relative to their own addresses.
        let address = site.addr().wrapping_add_signed(addr as isize);
        let key = (site.addr() + core::mem::offset_of!(bindings::static_call_site, key))
            .wrapping_add_signed(key as isize);
        Self {
            address: address as *const u8,
            key: (key & !FLAGS) as *const Key,
            init: key & INIT != 0,
        }
    }

    /// Returns whether the site, which is one of `importer`, is in memory that can be patched.
    fn is_patchable(&self, importer: &Importer) -> bool {
        !self.init || is_coming(importer)
    }
}

/// Returns whether `importer` is in its init.
#[cfg(MODULE)]
fn is_coming(importer: &Importer) -> bool {
    let Some(module) = importer.get() else {
        return false;
    };
    // SAFETY: The module is loaded, because its block lives.
    let state = unsafe { &raw const (*module.as_ptr()).state };
    // SAFETY: As above. The loader may write the word at any time, hence the volatile read.
    let state = unsafe { state.read_volatile() };
    state == bindings::module_state_MODULE_STATE_COMING
}

/// Returns whether the kernel image's init sections are there. While they are, [`batch`] leaves
/// updates to the kernel, so this is always false.
#[cfg(not(MODULE))]
fn is_coming(_importer: &Importer) -> bool {
    false
}

/// Returns the call sites of one function of `importer`.
fn sites_of(importer: &Importer, key: &'static Key) -> impl Iterator<Item = Site> + Clone + use<> {
    let (first, count) = site_table(importer);
    // The table is sorted by the address of the key.
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        // SAFETY: `middle` is below the number of sites.
        let site = unsafe { Site::read(first.wrapping_add(middle)) };
        if site.key.addr() < core::ptr::from_ref(key).addr() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (low..count)
        // SAFETY: The index is below the number of sites.
        .map(move |index| unsafe { Site::read(first.wrapping_add(index)) })
        .take_while(move |site| core::ptr::eq(site.key, key))
}

/// Returns the table of the call sites of `importer`: the first one, and their number.
#[cfg(MODULE)]
fn site_table(importer: &Importer) -> (*const bindings::static_call_site, usize) {
    let Some(module) = importer.get() else {
        return (core::ptr::null(), 0);
    };
    // SAFETY: The module is loaded, because its block lives. The loader set the field before any
    // code ran.
    let first = unsafe { (*module.as_ptr()).static_call_sites };
    // SAFETY: As above.
    let count = unsafe { (*module.as_ptr()).num_static_call_sites };
    (first.cast_const(), usize::try_from(count).unwrap_or(0))
}

/// Returns the table of the kernel image's call sites: the first one, and their number.
#[cfg(not(MODULE))]
fn site_table(_importer: &Importer) -> (*const bindings::static_call_site, usize) {
    extern "C" {
        static __start_static_call_sites: [bindings::static_call_site; 0];
        static __stop_static_call_sites: [bindings::static_call_site; 0];
    }
    let first = (&raw const __start_static_call_sites).cast::<bindings::static_call_site>();
    let end = (&raw const __stop_static_call_sites).cast::<bindings::static_call_site>();
    let bytes = end.addr() - first.addr();
    (first, bytes / size_of::<bindings::static_call_site>())
}

/// Returns whether the instruction at `site` goes to `function`.
fn reaches(site: *const u8, function: *mut c_void) -> bool {
    // SAFETY: `site` is a static-call site of a module, which is one of these instructions if it
    // begins like one.
    let branch = unsafe { Branch::read(site) };
    branch.is_some_and(|branch| lands_on(branch.is_call(), branch.target(), function))
}

/// Defines one imported function.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_function {
    (
        trampoline: $trampoline:literal,
        key: $key:literal,
        binding: $binding:ident,
        call: $call:ident,
        block: $block:ident,
        symbol: $symbol:literal,
        $(#[$lint:meta])?
        fn($($arg:ident: $type:ty),* $(,)?) -> $return:ty
    ) => {
        $(#[$lint])?
        extern "C" {
            #[link_name = $trampoline]
            fn $call($($arg: $type),*) -> $return;
        }

        static $binding: $crate::FunctionBinding = {
            // The key is global under the name that objtool derives from the trampoline's.
            #[export_name = $key]
            static KEY: $crate::macro_support::Key =
                $crate::macro_support::Key::new($call as *mut $crate::macro_support::c_void);

            // SAFETY: The trampoline below has the key's name. The code behind it goes to
            // `unbound`, which never returns.
            unsafe {
                $crate::FunctionBinding::new(&KEY, $call as *mut $crate::macro_support::c_void)
            }
        };

        // `ARCH_DEFINE_STATIC_CALL_TRAMP()`: a jump, and an instruction by which the kernel knows
        // trampolines. Behind it is the code that ends calls of an unbound import: a jump, too, so
        // that objtool need not know that the function never returns. The annotations are
        // `ANNOTATE_NOENDBR`, the second of each as it was until 6.14: nothing reaches the code by
        // an indirect jump.
        $crate::macro_support::global_asm!(
            ".pushsection .static_call.text, \"ax\"",
            ".balign 4",
            concat!(".globl ", $trampoline),
            concat!(".type ", $trampoline, ", @function"),
            concat!($trampoline, ":"),
            "911: .byte 0xe9",
            ".long 912f - (. + 4)",
            ".byte 0x0f, 0xb9, 0xcc",
            concat!(".size ", $trampoline, ", . - ", $trampoline),
            concat!(".type __unbound", $trampoline, ", @function"),
            concat!("__unbound", $trampoline, ":"),
            "912: lea {binding}(%rip), %rsi",
            "lea {block}(%rip), %rdi",
            "jmp {unbound}",
            concat!(".size __unbound", $trampoline, ", . - __unbound", $trampoline),
            ".pushsection .discard.annotate_insn, \"M\", @progbits, 8",
            ".long 911b - ., 1, 912b - ., 1",
            ".popsection",
            ".pushsection .discard.noendbr",
            ".long 911b, 912b",
            ".popsection",
            ".popsection",
            block = sym $block,
            binding = sym $binding,
            unbound = sym $crate::macro_support::unbound,
            options(att_syntax),
        );
    };
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
