// SPDX-License-Identifier: GPL-2.0

//! Binding by livepatch relocations: every call site is a direct `call`, made by the kernel's
//! module loader.
//!
//! What a `#[livepatch]` block declares are undefined symbols that bear livepatch's names,
//! `.klp.sym.<provider>.<name>,<position>`. `scripts/Makefile.relink` makes livepatch relocations
//! of all that refers to them, which the loader applies before any of the module's code runs, or it
//! refuses the module. So there is nothing left to bind.
//!
//! The loader checks neither kind nor type, and holds nothing: the provider may be gone when
//! `resolve_imports()` is called, or be another one. That finds, checks and pins as for any other
//! block, and compares what it found with what the loader did ([`Loaded`]). Until it succeeded, and
//! after its `Imports` is dropped, the wrappers end in [`unbound`](super::unbound): each looks at
//! its binding first, a load and a branch that is not taken.
//!
//! Source: `kernel/livepatch/core.c`, `Documentation/livepatch/module-elf-format.rst`.

use core::ffi::c_void;

/// Where the kernel bound a symbol when it loaded this module.
#[doc(hidden)]
#[repr(transparent)]
pub struct Loaded(*const c_void);

// SAFETY: An address that nobody writes once the module is loaded, and nobody follows here.
unsafe impl Sync for Loaded {}

impl Loaded {
    /// The address of an undefined symbol, which is known once the module is loaded.
    pub const fn new(symbol: *const c_void) -> Self {
        Self(symbol)
    }

    /// The address.
    pub(crate) fn address(&self) -> *mut c_void {
        // What is in memory: else the compiler puts the undefined symbol's address into code, by a
        // GOT, which the module loader refuses.
        // SAFETY: The reference is valid.
        unsafe { (&raw const self.0).read_volatile() }.cast_mut()
    }
}

/// The number of direct calls of `address` in this module's text, read back from it.
///
/// Nothing lists them, unlike static calls. The loader has applied all relocations or none, so that
/// there are no others.
#[cfg(all(MODULE, CONFIG_X86_64))]
pub(super) fn call_sites(address: *mut c_void) -> usize {
    const CALL: u8 = 0xe8;
    const JMP: u8 = 0xe9;
    const TWO_BYTES: u8 = 0x0f;

    let module = crate::this_module::this_module();
    // SAFETY: `module` is this module's own `struct module`, and the loader made its memory before
    // any code ran.
    let text = unsafe { &(*module).mem[crate::bindings::mod_mem_type_MOD_TEXT as usize] };
    let start = text.base.cast::<u8>().cast_const();
    let size = text.size as usize;
    let last = size.saturating_sub(size_of::<[u8; 5]>() - 1);
    let calls = |at: usize| {
        // SAFETY: `at` is an offset into the text.
        let site = unsafe { start.add(at) };
        // SAFETY: At least five bytes of the text begin here. They may be patched meanwhile, hence
        // the volatile read.
        let [opcode, displacement @ ..] = unsafe { site.cast::<[u8; 5]>().read_volatile() };
        let displacement = i32::from_le_bytes(displacement) as isize;
        let target = (site.addr() + 5).wrapping_add_signed(displacement);
        if !super::lands_on(opcode == CALL, target, address) {
            return false;
        }
        match opcode {
            CALL | JMP => true,
            // `jcc rel32`, a tail call under a condition, has a byte before.
            0x80..=0x8f if at > 0 => {
                // SAFETY: `at` is not 0, so this is in the text.
                let before = unsafe { site.sub(1) };
                // SAFETY: As above.
                unsafe { before.read_volatile() == TWO_BYTES }
            }
            _ => false,
        }
    };
    (0..last).filter(|&at| calls(at)).count()
}

/// As above; of other architectures' instructions this crate knows nothing.
#[cfg(not(all(MODULE, CONFIG_X86_64)))]
pub(super) fn call_sites(_address: *mut c_void) -> usize {
    0
}

/// Defines one imported function of a `#[livepatch]` block.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_livepatch_function {
    (
        livepatch: $livepatch:literal,
        target: $target:ident,
        loaded: $loaded:ident,
        binding: $binding:ident,
        call: $call:ident,
        symbol: $symbol:literal,
        fn($($arg:ident: $type:ty),* $(,)?) -> $return:ty
    ) => {
        // As of static calls. Other blocks may declare the same symbol, with other types that are
        // the same to the kernel.
        #[allow(improper_ctypes, clashing_extern_declarations)]
        extern "C" {
            #[link_name = $livepatch]
            fn $target($($arg: $type),*) -> $return;
        }

        #[allow(non_upper_case_globals)]
        static $loaded: $crate::Loaded =
            $crate::Loaded::new($target as *const $crate::macro_support::c_void);

        #[allow(non_upper_case_globals)]
        static $binding: $crate::DataBinding = $crate::DataBinding::new($symbol);

        /// # Safety
        ///
        /// That of the imported function.
        #[inline(always)]
        unsafe fn $call($($arg: $type),*) -> $return {
            $binding.address();
            // SAFETY: The caller keeps the contract of the imported function. As the binding has an
            // address, the kernel bound the call to a function of the declared type (the
            // declaration's promise, checked when it was bound).
            unsafe { $target($($arg),*) }
        }
    };
}

/// Defines what one imported datum of a `#[livepatch]` block has more than one of another block.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_livepatch_data {
    (livepatch: $livepatch:literal, loaded: $loaded:ident) => {
        #[allow(non_upper_case_globals)]
        static $loaded: $crate::Loaded = {
            #[allow(clashing_extern_declarations)]
            extern "C" {
                // As a function, as other blocks may declare it: the compiler renames one of two
                // kinds.
                #[link_name = $livepatch]
                fn target();
            }
            $crate::Loaded::new(target as *const $crate::macro_support::c_void)
        };
    };
}
