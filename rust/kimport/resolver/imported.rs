// SPDX-License-Identifier: GPL-2.0

//! The kernel symbols that the resolver itself uses, none of them exported. They are imported with
//! the crate's own macro, but bound by [`Kallsyms`](super::Kallsyms), because the generated
//! `resolve_imports` needs them already. Their types are taken from the kernel's headers. The crate
//! does not compile for a kernel that declares them differently.
//!
//! To find a symbol takes tens of thousands of instructions. So they are in groups, and each group
//! is bound when it is first needed.

use crate::block::Symbol;
use kernel::sync::atomic::AtomicFlag;

/// Symbols that are bound together.
pub(super) struct Group {
    /// Returns the symbols, in the order of their declaration.
    pub(super) symbols: fn() -> &'static [Symbol],
    /// Set when all of them are bound, and their types were compared.
    pub(super) is_ready: AtomicFlag,
}

/// Declares a group in a module of its own, because each has its own block.
macro_rules! group {
    ($(#[$doc:meta])* $group:ident: $module:ident) => {
        $(#[$doc])*
        pub(super) static $group: Group = Group {
            symbols: $module::symbols,
            is_ready: AtomicFlag::new(false),
        };
        pub(super) use $module::*;
    };
}

group! {
    /// Everything that a search for functions of the kernel image needs.
    FIRST: first
}

mod first {
    kimport_macros::import_symbols! {
        use crate::bindings;

        // The first entry finds the second, and that finds all others.
        pub(in super::super) kallsyms_lookup_name: _,
        pub(in super::super) kallsyms_on_each_match_symbol: _,
        pub(in super::super) kernel_text_address: _,
    }

    pub(super) fn symbols() -> &'static [crate::block::Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}

group! {
    /// The function that finds modules by their names.
    MODULES: modules
}

mod modules {
    kimport_macros::import_symbols! {
        use crate::bindings;

        pub(in super::super) find_module: _,
    }

    pub(super) fn symbols() -> &'static [crate::block::Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}

#[cfg(any(CONFIG_KIMPORT_DEBUGFS, kimport_guard))]
group! {
    /// The function that finds modules by addresses.
    OWNERS: owners
}

#[cfg(any(CONFIG_KIMPORT_DEBUGFS, kimport_guard))]
mod owners {
    kimport_macros::import_symbols! {
        use crate::bindings;

        pub(in super::super) __module_address: _,
    }

    pub(super) fn symbols() -> &'static [crate::block::Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}

group! {
    /// The function that finds names which a compiler has changed.
    WALK: walk
}

mod walk {
    kimport_macros::import_symbols! {
        use crate::bindings;

        pub(in super::super) kallsyms_on_each_symbol: _,
    }

    pub(super) fn symbols() -> &'static [crate::block::Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}

group! {
    /// The function that finds the sizes of data.
    SIZES: sizes
}

mod sizes {
    kimport_macros::import_symbols! {
        use crate::bindings;

        pub(in super::super) kallsyms_lookup_size_offset: _,
    }

    pub(super) fn symbols() -> &'static [crate::block::Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}

group! {
    /// The beginnings and ends of parts of the kernel image.
    BOUNDS: bounds
}

mod bounds {
    kimport_macros::import_symbols! {
        use crate::bindings;

        // Without KALLSYMS_ALL, kallsyms lists no data: neither these four symbols nor the data
        // that is compared with them.
        #[optional]
        pub(in super::super) __init_begin: _,
        #[optional]
        pub(in super::super) __init_end: _,
        #[optional]
        pub(in super::super) __per_cpu_start: _,
        #[optional]
        pub(in super::super) __per_cpu_end: _,
        pub(in super::super) _sinittext: _,
        pub(in super::super) _einittext: _,
    }

    pub(super) fn symbols() -> &'static [crate::block::Symbol] {
        __KIMPORT_BLOCK.symbols
    }
}
