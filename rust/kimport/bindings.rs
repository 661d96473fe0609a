// SPDX-License-Identifier: GPL-2.0

//! Raw bindings that the crate needs: `kernel::bindings`, and items that it lacks, such as
//! `struct kprobe`.
//!
//! bindgen makes `kprobes.rs` from `rust/bindings/kprobes.h` when a module is built, so that it
//! follows the kernel's configuration.

// The generated part is not ours to lint.
#[allow(
    clippy::all,
    clippy::cast_lossless,
    clippy::ptr_as_ptr,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]
mod kprobes {
    use kernel::bindings::*;
    use kernel::ffi;
    use pin_init::MaybeZeroable;

    include!(env!("KIMPORT_KPROBES_RS"));
}

// The kernel documents them.
#[doc(no_inline)]
pub(crate) use kernel::bindings::*;
// These take precedence over items of the same names in the glob import.
pub(crate) use kprobes::{
    __init_begin, __init_end, __per_cpu_end, __per_cpu_start, _einittext, _sinittext,
    kallsyms_lookup_name, kallsyms_lookup_size_offset, kallsyms_on_each_match_symbol,
    kallsyms_on_each_symbol,
};
// Without kprobes, functions of these names are inline in the header.
#[cfg(CONFIG_KPROBES)]
pub(crate) use kprobes::{kprobe, register_kprobe, unregister_kprobe, KPROBE_FLAG_DISABLED};
// Only the static-call binder uses it.
#[cfg(CONFIG_X86_64)]
#[allow(unused_imports)]
pub(crate) use kprobes::sort;
// Only the veneer binder uses them.
#[cfg(CONFIG_ARM64)]
#[allow(unused_imports)]
pub(crate) use kprobes::{vm_map_ram, vm_unmap_ram};
