// SPDX-License-Identifier: GPL-2.0

//! The `import_symbols!` macro of kimport.
//!
//! The macro's way is one line: tokens -> `parse` -> `model` -> `bindings` -> `check` -> `expand`. Each
//! stage reports into one `DiagCtxt`, so that a user sees everything that is wrong
//! with an invocation at once.
//!
//! One source serves two builds: cargo, for the tests, and Kbuild, which links it against the
//! `syn`, `quote` and `proc-macro2` that are vendored in the kernel tree.

mod bindings;
mod check;
mod diagnostics;
mod expand;
mod model;
mod parse;
mod pipeline;
mod record;
#[cfg(test)]
mod tests;

use bindings::Bindings;
use expand::Context;
use pipeline::pipeline;

/// Imports kernel symbols that nobody exported: typed, checked, called directly.
///
/// # Blocks
///
/// An invocation holds any number of blocks. A block becomes a module with one wrapper for each of
/// its entries. `from` names the kernel module that provides the symbols (as `lsmod` shows it,
/// without `.ko`); without it they come from the kernel image itself.
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
/// The module sees everything its parent sees (`use super::*`); visibilities and paths of entries
/// count from the module. Doc comments and `#[cfg]` may stand in front of a block and of an entry. A
/// block that is called like a crate hides that crate from its parent, which then writes `::core`
/// for the crate.
///
/// More attributes of a block:
///
/// | attribute | meaning |
/// | --- | --- |
/// | `#[autoload]` | a provider that is absent is requested from modprobe before giving up |
/// | `#[rebindable]` | the block can be moved to another provider while it is called: `resolve_imports` gives an `Imports<Rebindable>`, which has `rebind` |
/// | `#[late]` | the block is bound while its provider is there, without holding it: each wrapper returns an `Option`, and `bind_late` takes the place of `resolve_imports` |
/// | `#[livepatch]` | the kernel binds the block when it loads the module, which it refuses when a symbol is missing |
///
/// Calls of `#[rebindable]` and `#[late]` blocks are still direct, but count who is inside; see `rust/kimport/calls.rs`. They hold no function that
/// does not return, a late block no data. The address of data in a rebindable block is good until the next `rebind`.
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
/// # Bound by the kernel
///
/// The symbols of a `#[livepatch]` block are livepatch relocations of the module (`CONFIG_LIVEPATCH`): the module loader makes
/// the calls direct ones, and no code is patched later. The build does the rest with the command `kimport`, see
/// `scripts/Makefile.relink`. `resolve_imports()` is still to be called: it checks what the loader does not, pins the provider,
/// and fails with `EREMCHG` when the kernel bound a symbol to another address than it has now, which is when the provider was
/// loaded anew in between. A wrapper used before that ends in a `BUG`, as in other blocks: it tests for it, a load and a
/// branch.
///
/// The provider is loaded before the module, or the load fails, and the log has a line of the kernel that begins with
/// `livepatch:`. So there is no `resolve_imports_from`, nothing is `#[optional]`, and the block is not `#[autoload]`,
/// `#[late]` or `#[rebindable]`. Other blocks of the module may be.
///
/// # The bare form
///
/// Entries without a block around them become items of the current module. They come from the
/// kernel image, unless `resolve_imports_from` names a provider at load time. A module can hold one
/// bare invocation, and one invocation cannot mix both forms.
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
///   arguments. `unsafe` and `extern "C"` before `fn` may be left out. The names of arguments go to the
///   wrapper's documentation: a parameter cannot be called like a static or constant that is in scope.
/// - Any other type imports data and generates `pub fn name() -> *mut T`. Lifetimes that are not
///   written are `'static`.
///
/// | attribute | meaning |
/// | --- | --- |
/// | `#[optional]` | a missing symbol is no error; the wrapper returns an `Option` |
/// | `#[name = "..."]` | the kernel's name, when it is not the Rust one |
/// | `#[position = N]` | which of several symbols of that name, counted from 1 |
/// | `#[unverified]` | the type of this entry is not checked |
///
/// Positions count as the kernel's livepatch code does: in the kernel image in address order,
/// `__init` symbols included; in a module in the order of its symbol table, where local symbols
/// (`static` in C) come before global ones, and `__init` symbols do not count. (`#[livepatch]`
/// blocks count them in a provider that is a livepatch itself, which keeps them.) `kimport check`
/// counts so, too.
///
/// # Types
///
/// When the imports are resolved, each declared type is compared with what the kernel's BTF says of the symbol. What is done
/// about a difference is said for a block by `#[verify(...)]` before `mod`, for bare entries by `#![verify(...)]` before the
/// first:
///
/// | policy | a type that differs | a type that BTF lacks |
/// | --- | --- | --- |
/// | `strict`, the default | refused | accepted |
/// | `warn` | accepted, with a warning | accepted |
/// | `off` | not checked | not checked |
/// | `require` | refused | refused |
///
/// # Types from headers
///
/// Where bindgen has the declaration, a block can begin with the path of the module that bindgen made:
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
/// - `name: _` takes the type from there, with the names of arguments. Variadic functions are refused.
/// - A type that is stated has to be the same Rust type (so `*mut` is not `*const`, and a callback is an `Option`); else
///   the compiler shows both. So it does where there is no such item; an entry that no header declares says `#[unverified]`, or
///   goes to a block without `use`, where it is still compared with BTF.
///
/// No code comes of that comparison, and no reference to the item. For `_` the macro reads the files that `KIMPORT_BINDINGS`
/// lists: `scripts/Makefile.kimport` sets it to those of the module's `kimport-bindgen-y` and of the kernel. The path counts
/// from inside of the block, like those of entries. Bare entries may have a `use` before the first.
///
/// # What else is generated
///
/// - `resolve_imports()` finds the symbols and returns the `Imports` that keep the provider loaded,
///   `resolve_imports_from(provider)` takes the provider at load time. (For a late block, `bind_late(events)` and
///   `bind_late_from(provider, events)` do, and return the initialiser of a `LateImports`.)
/// - Each entry leaves a record in the ELF section `.kimport`, from which host tools can tell what a
///   module imports, and as what type.
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
