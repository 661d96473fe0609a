// SPDX-License-Identifier: GPL-2.0

//! Tests of [`static_call`](super): what is read back from code.

use super::{call_sites, call_target};
use crate::selftest::{check, check_eq, suite};

/// Where the instruction goes that `opcode` and `displacement` make, relative to where it stands.
fn distance(opcode: u8, displacement: i32) -> Option<isize> {
    let [a, b, c, d] = displacement.to_le_bytes();
    let code = [opcode, a, b, c, d];
    let target = call_target(code.as_ptr())?;
    Some(target.addr().wrapping_sub(code.as_ptr().addr()) as isize)
}

suite! {
    kimport_static_call:

    fn call_and_jmp_are_decoded() {
        check_eq!(distance(0xe8, 0x1234), Some(0x1234 + 5));
        check_eq!(distance(0xe8, -0x1234), Some(-0x1234 + 5));
        check_eq!(distance(0xe9, 0), Some(5));
        check_eq!(distance(0xe9, i32::MIN), Some(i32::MIN as isize + 5));
        Ok(())
    }

    fn conditional_tail_calls_are_decoded() {
        // From `jo` to `jg`.
        for condition in 0x80..=0x8f {
            let code = [0x0f, condition, 0x34, 0x12, 0xff, 0xff];
            let target = call_target(code.as_ptr()).map(|target| target.addr());
            check_eq!(target, Some(code.as_ptr().addr().wrapping_add_signed(0xffff_1234_u32 as i32 as isize + 6)));
        }
        Ok(())
    }

    fn other_instructions_have_no_target() {
        // int3, as while a site is being patched; jmp rel8; nop; the ud1 of a site that returns.
        for opcode in [0xcc, 0xeb, 0x0f, 0xc3] {
            check_eq!(distance(opcode, 0), None);
        }
        Ok(())
    }

    fn all_call_sites_are_calls() {
        // Every site of this module is of an import, and so goes somewhere.
        #[cfg(MODULE)]
        for (site, _) in call_sites() {
            check!(call_target(site).is_some());
        }
        check!(call_sites().next().is_some());
        Ok(())
    }
}
