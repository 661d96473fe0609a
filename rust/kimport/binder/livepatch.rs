// SPDX-License-Identifier: GPL-2.0

//! Binds by livepatch relocations: the kernel's module loader makes every call site a direct
//! `call`.
//!
//! The entries of a `#[livepatch]` block become undefined symbols with livepatch's names,
//! `.klp.sym.<provider>.<name>,<position>`. `scripts/Makefile.relink` turns all relocations against
//! them into livepatch relocations. The loader applies these before any of the module's code runs,
//! or refuses the module. So there is nothing left to bind.
//!
//! The loader checks neither kind nor type, and does not hold the provider: when
//! `resolve_imports()` is called, the provider may be gone or be another one. `resolve_imports()`
//! finds, checks and pins as for any other block, and compares the address it found with the one
//! that the loader used ([`LoadedAddress`]). Until it has succeeded, and after its `Imports` is
//! dropped, the wrappers end in [`unbound`](super::unbound). For that, each wrapper looks at its
//! binding first, which takes a load and a branch that is not taken.
//!
//! Source: `kernel/livepatch/core.c`, `Documentation/livepatch/module-elf-format.rst`.

use crate::importer::Importer;
use core::ffi::c_void;

/// The address to which the kernel bound a symbol when it loaded this module.
#[doc(hidden)]
#[repr(transparent)]
pub struct LoadedAddress(*const c_void);

// SAFETY: The field is an address that nobody writes once the module is loaded, and that is not
// dereferenced here.
unsafe impl Sync for LoadedAddress {}

impl LoadedAddress {
    /// Takes the address of an undefined symbol, which is known once the module is loaded.
    pub const fn new(symbol: *const c_void) -> Self {
        Self(symbol)
    }

    /// Returns the address.
    pub(crate) fn address(&self) -> *mut c_void {
        // The volatile read takes the address from memory. Else the compiler puts the undefined
        // symbol's address into code, by a GOT reference, which the module loader refuses.
        // SAFETY: The reference is valid.
        unsafe { (&raw const self.0).read_volatile() }.cast_mut()
    }
}

/// Returns the number of direct calls of `address` in the text of `importer`, which it searches.
///
/// Unlike static calls, they are not listed anywhere. The loader has applied all relocations or
/// none, so all calls of the function are direct.
#[cfg(all(MODULE, CONFIG_X86_64))]
pub(super) fn call_sites(importer: &Importer, address: *mut c_void) -> usize {
    const CALL: u8 = 0xe8;
    const JMP: u8 = 0xe9;
    const TWO_BYTES: u8 = 0x0f;

    let Some(module) = importer.get() else {
        return 0;
    };
    // SAFETY: The module is loaded, because its block lives, and the loader made its memory before
    // any code ran.
    let text = unsafe { &(*module.as_ptr()).mem[crate::bindings::mod_mem_type_MOD_TEXT as usize] };
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
                // SAFETY: `at` is not 0, so the byte before is in the text.
                let before = unsafe { site.sub(1) };
                // SAFETY: As above.
                unsafe { before.read_volatile() == TWO_BYTES }
            }
            _ => false,
        }
    };
    (0..last).filter(|&at| calls(at)).count()
}

/// Returns 0: this crate does not know the instructions of other architectures, and does not search
/// the kernel image.
#[cfg(not(all(MODULE, CONFIG_X86_64)))]
pub(super) fn call_sites(_importer: &Importer, _address: *mut c_void) -> usize {
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
        block: $block:ident,
        symbol: $symbol:literal,
        $(#[$lint:meta])?
        fn($($arg:ident: $type:ty),* $(,)?) -> $return:ty
    ) => {
        $(#[$lint])?
        // Other blocks may declare the same symbol with other types that are equal for the kernel.
        #[allow(clashing_extern_declarations)]
        extern "C" {
            #[link_name = $livepatch]
            fn $target($($arg: $type),*) -> $return;
        }

        #[allow(non_upper_case_globals)]
        static $loaded: $crate::LoadedAddress =
            $crate::LoadedAddress::new($target as *const $crate::macro_support::c_void);

        #[allow(non_upper_case_globals)]
        static $binding: $crate::DataBinding = $crate::DataBinding::unbound();

        /// # Safety
        ///
        /// The conditions of the imported function hold.
        #[inline(always)]
        unsafe fn $call($($arg: $type),*) -> $return {
            $binding.address(&$block);
            // SAFETY: The caller keeps the contract of the imported function. As the binding has an
            // address, the kernel bound the call to a function of the declared type: the
            // declaration promises that, and it was checked when the block was resolved.
            unsafe { $target($($arg),*) }
        }
    };
}

/// Defines the static that an imported datum has in a `#[livepatch]` block only: the address to
/// which the kernel bound it.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_livepatch_data {
    (livepatch: $livepatch:literal, loaded: $loaded:ident) => {
        #[allow(non_upper_case_globals)]
        static $loaded: $crate::LoadedAddress = {
            #[allow(clashing_extern_declarations)]
            extern "C" {
                // Declared as a function, as other blocks may declare the symbol as one. The
                // compiler would rename one of two symbols of different kinds.
                #[link_name = $livepatch]
                fn target();
            }
            $crate::LoadedAddress::new(target as *const $crate::macro_support::c_void)
        };
    };
}
