// SPDX-License-Identifier: GPL-2.0

//! Typed, direct-call imports of kernel symbols that are not exported.
//!
//! A module declares what it needs with [`import_symbols!`] and binds it with the `resolve_imports` that the macro
//! generates. The data's way is one line:
//!
//! ```text
//! declaration -> table -> resolver -> verify -> binder -> wrapper
//! (macro)        table.rs resolver/   verify/   binder/   (macro)
//! ```
//!
//! - [`table`](crate::Block): what a block declares, as a `static` that the macro fills.
//! - `resolver`: "where is this symbol": the address of `kallsyms_lookup_name`, which no module may link
//!   against since Linux 5.7, comes from a kprobe or from the user; every other address from `kallsyms_lookup_name`.
//! - `verify`: "is it of the declared type": the declaration, described at compile time, against the kernel's BTF.
//! - `binder`: "make this call site reach that address": static calls where the kernel has them, so that
//!   each call is a direct `call`; function pointers elsewhere; in `#[livepatch]` blocks the kernel's module loader did it.
//! - `provider`, `holders`: the module that a block imports from is held in use, so that it cannot be unloaded, and
//!   its `holders/` in sysfs shows by whom.
//! - `licence`: modules that are not GPL-compatible are refused before any of that.
//! - `debugfs`, `dynamic_debug`: what a person can see of all that in a running kernel.
//! - [`Imports`]: takes a block through these steps, all or nothing, and undoes them when dropped.
//!
//! Two forms of blocks whose provider changes while they are called know who is inside (`calls`):
//!
//! - `#[rebindable]`: [`Imports::rebind`] moves the block to another provider while it is being called;
//! - `#[late]`: [`LateImports`] binds the block when its provider appears and tells when it goes.
//!
//! The resolver knows nothing of call sites and the binder nothing of names: another way to find addresses,
//! or another architecture, is one new file.
//!
//! # What it takes of the kernel
//!
//! The crate links against exported symbols like any module. It imports the following ones, which are not exported, and holds them
//! to the same rules as users' imports: unique, in memory that stays, of the declared kind and type.
//!
//! | kernel internal | taken in | without it, or with another type |
//! | --- | --- | --- |
//! | `register_kprobe` (exported), and that it looks the symbol up first | `resolver/lookup_address` | the module parameter `kallsyms_lookup_name=` is needed |
//! | `kallsyms_lookup_name`, `__module_address`, `find_module`, `kallsyms_on_each_match_symbol`, `kallsyms_on_each_symbol`, `kallsyms_lookup_size_offset`, `kernel_text_address`, `_sinittext`, `_einittext` | `resolver/imported.rs` | no block is resolved: `EOPNOTSUPP` |
//! | `__init_begin`, `__init_end`, `__per_cpu_start`, `__per_cpu_end` | `resolver/imported.rs` | the kernel has no `KALLSYMS_ALL`, and so none of the data that lies there |
//! | `core_kallsyms`, `mem`, `percpu` of `struct module` | `resolver/module.rs`, `provider.rs` | the crate does not compile |
//! | `btf_get_module_btf`, `btf_put`, `btf_nr_types`, `btf_type_by_id`, `btf_name_by_offset`, `btf_find_by_name_kind` | `verify/imported.rs` | types are unverified, which `#[verify(require)]` refuses |
//! | `smp_text_poke_batch_add`, `smp_text_poke_batch_finish`, `text_mutex`, `static_call_mutex`, `callthunks_translate_call_dest` | `binder/batch_imported.rs` | functions are bound one by one, which takes longer |
//! | `holders_dir`, `mkobj` of `struct module` | `holders.rs` | the crate does not compile |
//!
//! The crate is linked into every module that uses it: each has its own copy of the statics.

// The macro's expansion names this crate as a user of it would.
extern crate self as kimport;

mod binder;
mod bindings;
mod calls;
#[cfg(CONFIG_KIMPORT_DEBUGFS)]
mod debugfs;
#[cfg(CONFIG_KIMPORT_DYNAMIC_DEBUG)]
mod dynamic_debug;
mod holders;
mod imports;
mod late;
mod licence;
mod log;
mod once;
mod provider;
mod resolver;
#[cfg(kimport_selftest)]
#[doc(hidden)]
pub mod selftest;
mod table;
mod verify;

#[doc(hidden)]
pub use binder::Loaded;
pub use binder::{CallMode, FunctionBinding};
#[doc(hidden)]
pub use calls::{Calls, LateCalls};
#[cfg(kimport_bench)]
#[doc(hidden)]
pub use imports::bench;
pub use imports::{Direct, Import, Imports, Mode, Rebindable};
pub use kimport_macros::import_symbols;
pub use kimport_types as types;
pub use late::{LateImports, ProviderEvents};
#[doc(hidden)]
pub use table::{record_size, Record, Verify};
pub use table::{Block, DataBinding, Symbol};

/// What the macros of this crate expand to; no interface for others.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::binder::{returned, unbound, Key};
    pub use core::arch::global_asm;
    pub use core::ffi::c_void;
    pub use kernel::error::Error;
    pub use kernel::prelude::PinInit;
}
