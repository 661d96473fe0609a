// SPDX-License-Identifier: GPL-2.0

//! The `import_symbols!` macro of kimport.
//!
//! An invocation passes through these stages: tokens -> `parse` -> `model` -> `bindings` -> `check`
//! -> `expand`, which takes the tables of layouts from `layouts`. All stages report into one
//! `DiagCtxt`, so that the user sees all errors of an invocation together.
//!
//! The same source is built by cargo, for the tests, and by Kbuild, which links it with the `syn`,
//! `quote` and `proc-macro2` that are vendored in the kernel tree.

mod bindings;
mod check;
mod definitions;
mod diagnostics;
mod expand;
mod known_layout;
mod layouts;
mod model;
mod parse;
mod pipeline;
#[cfg(test)]
mod tests;

use bindings::Bindings;
use expand::Context;
use pipeline::pipeline;

/// Imports kernel symbols that are not exported, as typed and checked items that are called
/// directly.
///
/// # Blocks
///
/// An invocation holds any number of blocks. A block becomes a module with one wrapper for each of
/// its entries. `from` names the kernel module that provides the symbols, as `lsmod` shows it and
/// without `.ko`. Without `from` the symbols come from the kernel image.
///
/// ```ignore
/// import_symbols! {
///     /// The upgraded LIO core.
///     pub(crate) mod lio from "target_core_mod_new" {
///         /// Completes `cmd` with the SAM status `status`.
///         target_complete_cmd: fn(cmd: *mut se_cmd, status: u8),
///         transport_backend_register: fn(*const target_backend_ops) -> c_int,
///         #[optional]
///         target_queue_submission: fn(*mut se_cmd),
///     }
///     mod core {
///         nr_processes: fn() -> c_int,
///         #[name = "init_uts_ns"]
///         uts: uts_namespace,
///     }
/// }
///
/// let imports = lio::resolve_imports()?;
/// unsafe { lio::target_complete_cmd(cmd, 0) };
/// ```
///
/// The module can name all that its parent can name (`use super::*`). Visibilities and paths in
/// entries are relative to the module. Doc comments and `#[cfg]` may stand before a block and
/// before an entry. A block with the name of a crate, as `core` above, hides that crate from its
/// parent, which then writes `::core` for the crate.
///
/// A block takes more attributes:
///
/// | attribute | meaning |
/// | --- | --- |
/// | `#[autoload]` | an absent provider is requested from modprobe first |
/// | `#[rebindable]` | the block can be moved to another provider while it is called: `resolve_imports` returns an `Imports<Rebindable>`, which has `rebind` |
/// | `#[late]` | the block is bound while its provider is there, and does not hold it: each wrapper returns an `Option`, and `bind_late` takes the place of `resolve_imports` |
/// | `#[livepatch]` | the kernel binds the block when it loads the module, and refuses the module if a symbol is missing |
///
/// Calls of `#[rebindable]` and `#[late]` blocks are direct, too, but count the callers inside,
/// which takes 3 and 18 instructions on x86-64; see `rust/kimport/calls.rs`. Such a block cannot
/// have a function that does not return, and a late block cannot have data. The address of data in
/// a rebindable block is valid until the next `rebind`.
///
/// ```ignore
/// import_symbols! {
///     #[late]
///     mod stats from "some_stats" {
///         stats_count: fn(kind: c_int) -> u64,
///     }
/// }
///
/// let stats = KBox::pin_init(stats::bind_late(()), GFP_KERNEL)?;
/// let count: Option<u64> = unsafe { stats::stats_count(1) };
/// ```
///
/// # Blocks that the kernel binds
///
/// The symbols of a `#[livepatch]` block become livepatch relocations of the module
/// (`CONFIG_LIVEPATCH`). The module loader applies them: the calls are direct ones, and no code is
/// patched later. The build makes these relocations with the command `kimport`, see
/// `scripts/Makefile.relink`.
///
/// The module still has to call `resolve_imports()`, which checks what the loader does not check,
/// and pins the provider. It fails with `EREMCHG` if the kernel bound a symbol to another address
/// than the symbol has now, because the provider was loaded anew in between. A wrapper that is used
/// before ends in a `BUG`, as in other blocks. The wrapper tests for that, which costs a load and a
/// branch.
///
/// The provider must be loaded before the module. Otherwise the load fails, and the kernel logs a
/// line that begins with `livepatch:`. For this reason there is no `resolve_imports_from`, no entry
/// is `#[optional]`, and the block is not `#[autoload]`, `#[late]` or `#[rebindable]`. Other blocks
/// of the module may be.
///
/// # The bare form
///
/// Entries without a block around them become items of the current module. Their symbols come from
/// the kernel image, unless `resolve_imports_from` names a provider at load time. A module can hold
/// one bare invocation. One invocation cannot mix both forms.
///
/// ```ignore
/// import_symbols! { nr_processes: fn() -> c_int, }
/// ```
///
/// # Entries
///
/// An entry is `name: type`. It is `pub` unless another visibility stands before the name.
///
/// - A function type imports a function and generates `pub unsafe fn name(...)` with the same
///   arguments. `unsafe` and `extern "C"` before `fn` may be left out. The names of the arguments
///   are in the wrapper's documentation. The wrapper's parameters have other names, because a
///   parameter cannot be called like a static or constant that is in scope.
/// - Any other type imports data and generates `pub fn name() -> *mut T`. Lifetimes that are left
///   out are `'static`.
///
/// | attribute | meaning |
/// | --- | --- |
/// | `#[optional]` | a missing symbol is no error, and the wrapper returns an `Option` |
/// | `#[name = "..."]` | the kernel's name of the symbol, if it differs from the entry's |
/// | `#[position = N]` | the position of the symbol among several of that name, counted from 1 |
/// | `#[unverified]` | the type of this entry is not checked |
///
/// Positions count as in the kernel's livepatch code. In the kernel image, the symbols of a name
/// count in address order, `__init` symbols included. In a module, they count in the order of its
/// symbol table, where local symbols (`static` in C) come before global ones, and `__init` symbols
/// do not count. (A provider that is a livepatch module keeps its `__init` symbols, and there
/// `#[livepatch]` blocks count them.) `kimport check` counts in the same way.
///
/// # Types
///
/// When the imports are resolved, each declared type is compared with the type that the kernel's
/// BTF has for the symbol. A policy decides what follows from a difference. `#[verify(...)]` before
/// `mod` sets it for a block, and `#![verify(...)]` before the first entry for bare entries:
///
/// | policy | a type that differs | only in a sign, or `u8` for `bool` | a type that BTF lacks |
/// | --- | --- | --- | --- |
/// | `strict`, the default | refused | accepted, with a warning | accepted |
/// | `warn` | accepted, with a warning | accepted, with a warning | accepted |
/// | `off` | not checked | not checked | not checked |
/// | `require` | refused | refused | refused |
///
/// The compiler's lint `improper_ctypes` looks for types that C does not have, as structs without
/// `#[repr(C)]`. It is silent for entries of whose types bindgen made all structs, because bindgen
/// also makes some that the lint dislikes.
///
/// # Layouts
///
/// A pointer to a struct has the right name even if a member was inserted into the struct. So the
/// layouts are compared, too: of each struct, union and enum that the declared types lead to, by
/// value or through pointers and arrays, as far as the module knows its members. It knows those of
/// bindgen's output that `KIMPORT_BINDINGS` lists, unless they are opaque, and those of its own
/// structs that derive [`KnownLayout`](macro@KnownLayout). Members behind pointers to functions are
/// not followed. The compiler's own offsets and sizes are compared.
///
/// | the provider's BTF has | `strict` | `warn` | `require` |
/// | --- | --- | --- | --- |
/// | another size of the type | refused | warning | refused |
/// | a member at another offset, of another size, or of another type | refused | warning | refused |
/// | another value of an enumerator | refused | warning | refused |
/// | no member of that name, and another one in its place, or none | refused | warning | refused |
/// | no member of that name, and in its place one of the same type with another name | warning | warning | refused |
/// | no enumerator of that name | warning | warning | refused |
/// | one more member, in padding or behind all others, and the same size | accepted | accepted | accepted |
/// | one more enumerator | accepted | accepted | accepted |
///
/// "Of another type" means: a number instead of a pointer, or another struct. Signs are not
/// compared. With `require`, an entry is refused as well if its type names a struct, union or enum
/// of whose members the module knows nothing.
///
/// The layouts are a part of the module, one table for each block. It has all types that the
/// declarations name. Of the types behind these it has the nearest, those of the module's own
/// bindings before those of `kernel::bindings`, until it has 4096 bytes; the others are not
/// compared. Entries with a `#[cfg]` add none. If a member is missing in the kernel, the kernel
/// does not know its name, and the message tells where it was; `kimport check` names it.
///
/// # Types from headers
///
/// If bindgen has the declarations, a block can begin with the path of the module that bindgen
/// made:
///
/// ```ignore
/// import_symbols! {
///     mod image {
///         use kernel::bindings;
///
///         nr_context_switches: _,
///         saved_command_line: *mut c_char,
///         #[unverified]
///         nr_processes: fn() -> c_int,
///     }
/// }
/// ```
///
/// - `name: _` takes the type and the names of the arguments from that module. Variadic functions
///   are refused.
/// - A type that is stated must be the same Rust type as in that module: `*mut` is not `*const`,
///   and a callback is an `Option`. If it differs, the compiler shows both types. The compiler also
///   reports an entry that the module does not have. An entry that no header declares is either
///   marked `#[unverified]`, so that nothing checks its type, or goes to a block without `use`,
///   where its type is still compared with BTF.
///
/// The comparison generates no code, and no reference to the item. For `_` the macro reads the
/// files that `KIMPORT_BINDINGS` lists: `scripts/Makefile.kimport` sets it to the files of the
/// module's `kimport-bindgen-y` and of the kernel. The path after `use` is relative to the inside
/// of the block, like the paths in entries. Bare entries may have a `use` before the first one.
///
/// # Other generated items
///
/// - `resolve_imports()` finds the symbols and returns the `Imports` that keep the provider loaded.
///   `resolve_imports_from(provider)` does the same with a provider that is chosen at load time.
/// - A late block has `bind_late(events)` and `bind_late_from(provider, events)` instead, which
///   return the initialiser of a `LateImports`.
/// - Each entry leaves a record in the ELF section `.init.kimport`. The records tell host tools
///   which symbols a module imports, and with which types. The layouts are in the sections
///   `.kimport.layouts` and, with the names of members, `.comment.kimport`, which is not loaded.
#[proc_macro]
pub fn import_symbols(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    pipeline(
        input.into(),
        &Bindings::of_environment(),
        check::no_livepatch().as_deref(),
        Context::of_this_compiler,
    )
    .into()
}

/// Makes the members of a struct or union known to [`import_symbols!`], which then compares their
/// layout with the kernel's.
///
/// It is for a `#[repr(C)]` type that has the name of its counterpart in C, and whose fields have
/// the names of the members. The types that bindgen made are known without it. The types that
/// members point to are not compared. A type that has nameless members in C cannot be described.
///
/// ```ignore
/// #[repr(C)]
/// #[derive(KnownLayout)]
/// struct se_dev_io_stats {
///     total_cmds: u64,
///     read_bytes: u64,
///     write_bytes: u64,
/// }
/// ```
#[proc_macro_derive(KnownLayout)]
pub fn known_layout(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    known_layout::derive(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
