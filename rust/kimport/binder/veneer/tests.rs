// SPDX-License-Identifier: GPL-2.0

//! Tests of [`veneer`](super), which read the code back.

use crate::selftest::{check, check_eq, suite};
use core::ffi::c_void;
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

suite! {
    kimport_veneer:

    fn a_call_site_calls_a_veneer_which_jumps_to_the_function() {
        let imports = resolve_imports()?;
        check!(processes() > 0);
        let code = processes as *const u32;
        let veneer = (0..8).find_map(|index| branch_target(code.wrapping_add(index)));
        let slot = veneer.and_then(slot_of);
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
