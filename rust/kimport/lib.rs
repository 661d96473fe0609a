// SPDX-License-Identifier: GPL-2.0

//! Typed, direct-call imports of kernel symbols that are not exported.
//!
//! ```ignore
//! import_symbols! {
//!     mod lio from "target_core_mod_new" {
//!         target_complete_cmd: fn(cmd: *mut se_cmd, status: u8),
//!     }
//! }
//!
//! let imports = lio::resolve_imports()?;          // finds, checks and binds; holds the provider
//! unsafe { lio::target_complete_cmd(cmd, 0) };    // a direct call
//! drop(imports);                                  // unbinds, and releases the provider
//! ```
//!
//! A module declares what it needs with [`import_symbols!`] and binds it with the `resolve_imports`
//! that the macro generates. Each declaration passes through these stages:
//!
//! ```text
//! declaration -> table -> resolver -> verify -> binder -> wrapper
//! (macro)        block.rs resolver/   verify/   binder/   (macro)
//! ```
//!
//! - [`block`](crate::Block): describes a block in a `static` that the macro fills.
//! - `resolver`: finds the address of each symbol. The address of `kallsyms_lookup_name`, which no
//!   module may link against since Linux 5.7, comes from a kprobe or from the user. Through
//!   `kallsyms_lookup_name` the resolver reaches all other symbols.
//! - `verify`: compares each declaration, and the layouts of the structs that it leads to, which
//!   the macro described at compile time, with the kernel's BTF.
//! - `binder`: makes each call site reach the address of its symbol. On x86-64 it uses inline
//!   static calls, so that each call is a direct `call`. On arm64 each call is a direct call of a
//!   veneer, and elsewhere it goes through a function pointer. The call sites of `#[livepatch]`
//!   blocks are bound by the kernel's module loader.
//! - `provider`, `holders`: hold a reference to the module that a block imports from, so that it
//!   cannot be unloaded, and show the importing module in the provider's `holders/` in sysfs.
//! - `guard`, only in the module `kimport_guard`: holds the providers of other modules, which
//!   `kimport relink` has made, and checks their symbols.
//! - `license`: refuses modules that are not GPL-compatible, before any other step.
//! - `debugfs`, `dynamic_debug`: show a person what a module imports in a running kernel.
//! - [`Imports`]: takes a block through these steps, all or nothing, and undoes them when dropped.
//!
//! The provider of a block with one of two attributes may change while functions of the block are
//! being called. Such a block counts the callers that are inside (`calls`):
//!
//! - `#[rebindable]`: [`Imports::rebind`] moves the block to another provider while it is being
//!   called;
//! - `#[late]`: [`LateImports`] binds the block when its provider appears and tells when it goes.
//!
//! The resolver does not know call sites, and the binder does not know symbol names. Another way to
//! find addresses, or another architecture, is one new file.
//!
//! # Kernel internals that the crate uses
//!
//! The crate links against exported symbols like any module. It also depends on the kernel
//! internals below. It imports the symbols among them that are not exported, and judges them by the
//! rules for users' imports: each must be unique, in memory that stays, and of the declared kind
//! and type.
//!
//! - `register_kprobe` (exported), and the fact that it looks the symbol up first, used in
//!   `resolver/lookup_address`. Without it, the module parameter `kallsyms_lookup_name=` is needed.
//! - `kallsyms_lookup_name`, `kallsyms_on_each_match_symbol` and `kernel_text_address`, imported in
//!   `resolver/imported.rs`. If one is missing or has another type, no block is resolved:
//!   `EOPNOTSUPP`. The same holds for the following, but only for blocks that need them:
//!   `find_module` to import from modules, `kallsyms_lookup_size_offset`, `_sinittext` and
//!   `_einittext` to import data of the kernel image, and `kallsyms_on_each_symbol` to tell why a
//!   symbol of the image is missing. Without `__module_address`, debugfs does not name the modules
//!   that symbols are in, and `kimport_guard` is not loaded.
//! - `__init_begin`, `__init_end`, `__per_cpu_start` and `__per_cpu_end`, imported in
//!   `resolver/imported.rs`. A kernel without them has no `KALLSYMS_ALL`, so that its kallsyms does
//!   not list the data there either.
//! - Fields of `struct module`: `core_kallsyms` and `klp`, used in `resolver/module.rs`, `state`,
//!   `refcnt`, `mem` and `percpu`, used in `provider.rs`, `holders_dir` and `mkobj`, used in
//!   `holders.rs`, `taints`, used in `license.rs`, `source_list` and `target_list`, used in
//!   `usage.rs`, and `static_call_sites`, used in `binder/static_call.rs`. Without them, the crate
//!   does not compile.
//! - `module_mutex` and `struct module_use`, used in `usage.rs`. Without the symbol, or without BTF
//!   that describes the struct, `rmmod --force` unloads a provider that is held.
//! - `module_kallsyms_on_each_symbol`, imported in `guard.rs`, only in the module `kimport_guard`.
//! - `bpf_get_btf_vmlinux`, `btf_type_by_id`, `btf_name_by_offset` and `btf_find_by_name_kind`, and
//!   for the types of modules `btf_get_module_btf`, `btf_put` and `btf_nr_types`, imported in
//!   `verify/imported.rs`. Without them, types are unverified, which `#[verify(require)]` refuses.
//!   Their own types are not compared, because the comparison itself needs these functions.
//! - `smp_text_poke_batch_add` and `smp_text_poke_batch_finish` (in 6.12 `text_poke_queue` and
//!   `text_poke_finish`), `text_mutex`, `static_call_mutex` and `callthunks_translate_call_dest`,
//!   imported in `binder/static_call/batch/imported.rs`. Without them, or without BTF that knows
//!   the functions, functions are bound one by one, which takes longer. They are only looked for if
//!   that pays.
//!
//! The crate is linked into every module that uses it, so that nothing else has to be loaded: each
//! has its own copy of the statics. Modules that are built with `kimport-engine := shared` use the
//! copy in the module `kimport_engine` (`rust/engine`) instead. Then the crate works for blocks of
//! other modules. `importer` says which module a block belongs to.

// The macro's expansion uses the name `kimport`, also inside of this crate.
extern crate self as kimport;

mod binder;
mod binding;
mod bindings;
mod block;
mod calls;
mod claim;
pub mod compat;
#[cfg(CONFIG_KIMPORT_DEBUGFS)]
mod debugfs;
#[cfg(CONFIG_KIMPORT_DYNAMIC_DEBUG)]
mod dynamic_debug;
#[cfg(kimport_guard)]
mod guard;
mod holders;
mod importer;
mod imports;
mod late;
mod license;
mod log;
mod notifier;
mod once;
mod provider;
mod resolution;
mod resolver;
#[cfg(kimport_selftest)]
#[doc(hidden)]
pub mod selftest;
#[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
mod usage;
mod verdict;
mod verify;

#[doc(hidden)]
pub use binder::LoadedAddress;
pub use binder::{CallMode, FunctionBinding};
#[doc(hidden)]
pub use binding::DataBinding;
#[doc(hidden)]
pub use block::{Block, Symbol};
#[doc(hidden)]
pub use calls::{Calls, Counters, LateCalls};
#[cfg(kimport_guard)]
#[doc(hidden)]
pub use guard::Guard;
#[doc(hidden)]
pub use importer::Importer;
#[cfg(kimport_bench)]
#[doc(hidden)]
pub use imports::bench;
pub use imports::{Direct, Import, Imports, Rebindable};
pub use kimport_macros::{import_symbols, KnownLayout};
pub use kimport_types as types;
pub use late::{LateImports, ProviderEvents};

/// The items that the macros' expansions use. This is no interface for other code.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::binder::{returned, unbound, Key};
    pub use core::arch::global_asm;
    pub use core::ffi::c_void;
    pub use kernel::error::Error;
    pub use kernel::prelude::PinInit;

    /// The type of `__this_module`.
    pub type ThisModule = kernel::types::Opaque<crate::bindings::module>;
}
