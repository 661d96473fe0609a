// SPDX-License-Identifier: GPL-2.0

//! Tests of [`veneer`](super), which read the code back.

use crate::compat::code::{EFAULT, ENOENT};
use crate::selftest::{check, check_eq, suite};
use core::ffi::c_void;
use kernel::error::Result;
use kernel::ffi::c_int;

kimport_macros::import_symbols! {
    nr_processes: fn() -> c_int,
}

/// Makes a call, most likely a tail call.
#[inline(never)]
fn processes() -> c_int {
    // SAFETY: Only called while the imports live; the function may be called anywhere.
    unsafe { nr_processes() }
}

/// Returns the low `bits` of `value` as a signed number.
fn signed(value: u32, bits: u32) -> isize {
    ((value << (32 - bits)) as i32 >> (32 - bits)) as isize
}

/// Returns the target of the `b` or `bl` at `address`, or `None` for any other instruction.
fn branch_target(address: *const u32) -> Option<*const u32> {
    // SAFETY: The tests only pass addresses of instructions.
    let instruction = unsafe { address.read_volatile() };
    (instruction & 0x7c00_0000 == 0x1400_0000)
        .then(|| address.wrapping_offset(signed(instruction, 26)))
}

/// Returns the slot that the veneer at `address` reads, or `None` if there is no veneer.
fn slot_of(address: *const u32) -> Option<*const *mut c_void> {
    // SAFETY: The tests only pass targets of branches, and functions of this module are longer.
    let [bti, adrp, ldr, br] = unsafe { address.cast::<[u32; 4]>().read_volatile() };
    if (bti, adrp & 0x9f00_001f, ldr & 0xffc0_03ff, br)
        != (0xd503_245f, 0x9000_0010, 0xf940_0210, 0xd61f_0200)
    {
        return None;
    }
    let pages = signed((adrp >> 5 & 0x7_ffff) << 2 | (adrp >> 29 & 3), 21);
    // The `adrp` is relative to its own page.
    let page = address.wrapping_add(1).addr() & !0xfff;
    let slot = page.wrapping_add_signed(pages << 12) + ((ldr >> 10 & 0xfff) << 3) as usize;
    Some(slot as *const *mut c_void)
}

/// Returns the slot of `nr_processes`, as its call site and veneer lead there.
fn slot() -> Option<*const *mut c_void> {
    let code = processes as *const u32;
    let veneer = (0..8).find_map(|index| branch_target(code.wrapping_add(index)));
    veneer.and_then(slot_of)
}

mod writer {
    use core::ffi::c_void;

    kimport_macros::import_symbols! {
        copy_to_kernel_nofault: fn(dst: *mut c_void, src: *const c_void, size: usize) -> isize,
    }
}

/// Checks that a slot is read-only, once the init of the module has ended, and that it can be bound
/// nevertheless.
pub(crate) fn after_init() -> Result {
    let writer = writer::resolve_imports()?;
    let slot = slot().ok_or(ENOENT)?;
    for bound in [false, true] {
        let imports = bound.then(resolve_imports).transpose()?;
        // SAFETY: The veneer reads the slot, too.
        let target = unsafe { slot.read_volatile() };
        let (to, from) = (slot.cast_mut().cast(), (&raw const target).cast());
        // SAFETY: The function is bound. It writes what the slot holds, or fails.
        let written = unsafe { writer::copy_to_kernel_nofault(to, from, size_of_val(&target)) };
        check_eq!(written, EFAULT.to_errno() as isize);
        if let Some(imports) = imports {
            check_eq!(
                Some(target),
                imports.iter().next().and_then(|import| import.address())
            );
            check!(processes() > 0);
        }
    }
    drop(writer);
    Ok(())
}

suite! {
    kimport_veneer:

    fn a_call_site_calls_a_veneer_which_jumps_to_the_function() {
        let imports = resolve_imports()?;
        check!(processes() > 0);
        let slot = slot();
        check!(slot.is_some());
        // SAFETY: The veneer reads the slot, too.
        let target = || slot.map(|slot| unsafe { slot.read_volatile() });
        let function = imports.iter().next().and_then(|import| import.address());
        check!(function.is_some());
        check_eq!(target(), function);
        drop(imports);
        check!(target() != function);
        Ok(())
    }
}
