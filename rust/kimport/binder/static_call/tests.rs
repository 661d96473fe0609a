// SPDX-License-Identifier: GPL-2.0

//! Tests of [`static_call`](super), which read the code back.

use super::batch::switch;
use super::{reaches, site_table, sites_of, Branch, FunctionBinding, Site};
use crate::binder::{Binder as _, CallMode};
use crate::binding::Binding;
use crate::block::Symbol;
use crate::compat::code;
use crate::importer::THIS;
use crate::resolver::{Kallsyms, Query};
use crate::selftest::{check, check_eq, suite};
use core::ffi::c_void;
use kernel::error::Result;
use kernel::ffi::c_int;

kimport_macros::import_symbols! {
    nr_processes: fn() -> c_int,
    nr_running: fn() -> u32,
}

/// Returns the target of the `call`, `jmp` or conditional jump at `site`, or `None` for any other
/// instruction.
fn call_target(site: *const u8) -> Option<*mut c_void> {
    // SAFETY: The tests only pass addresses of at least six bytes: static-call sites, trampolines,
    // and code of their own.
    let branch = unsafe { Branch::read(site) }?;
    Some(branch.target() as *mut c_void)
}

/// Returns all call sites that are not in init sections.
fn call_sites() -> impl Iterator<Item = Site> {
    let (first, count) = site_table(&THIS);
    (0..count)
        // SAFETY: The index is below the number of sites.
        .map(move |index| unsafe { Site::read(first.wrapping_add(index)) })
        .filter(|site| !site.init)
}

/// Makes a call, most likely a tail call.
#[inline(never)]
fn processes() -> c_int {
    // SAFETY: Only called while the imports live; the function may be called anywhere.
    unsafe { nr_processes() }
}

#[inline(never)]
fn more_processes() -> c_int {
    // SAFETY: As above.
    unsafe { nr_processes() }.wrapping_add(1)
}

#[inline(never)]
fn running() -> u32 {
    // SAFETY: As above.
    unsafe { nr_running() }.wrapping_add(1)
}

/// Checks that all call sites and the trampoline of `symbol` go to the target in the key. Returns
/// the number of sites.
fn sites(symbol: &Symbol) -> Result<usize> {
    let Binding::Function(binding) = symbol.binding else {
        return Err(code::EINVAL);
    };
    let target = Some(binding.target());
    check_eq!(call_target(binding.trampoline.cast_const().cast()), target);
    let mut count = 0;
    for site in sites_of(&THIS, binding.key) {
        check!(reaches(site.address, binding.target()));
        count += 1;
    }
    Ok(count)
}

/// Binds and unbinds a block.
fn bound_and_unbound() -> Result {
    let imports = resolve_imports()?;
    let mut symbols = __KIMPORT_BLOCK.symbols.iter();
    for (import, expected) in imports.iter().zip([2, 1]) {
        check!(matches!(import.call_mode(), Some(CallMode::Direct { sites }) if sites == expected));
    }
    for (symbol, expected) in symbols.clone().zip([2, 1]) {
        check_eq!(sites(symbol)?, expected);
    }
    check!(processes() > 0 && more_processes() > 1 && running() > 0);
    drop(imports);
    check!(symbols.all(|symbol| symbol.address().is_none() && sites(symbol).is_ok()));
    Ok(())
}

/// Looks up anew whether the kernel has all symbols for binding functions together.
fn kernel_has_accelerators() -> Result<bool> {
    let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
    for accelerators in FunctionBinding::accelerators() {
        let found = kallsyms.find(None, accelerators.iter().map(Query::of));
        let found = found.map_err(|unusable| unusable.errno())?;
        if found.iter().all(Result::is_ok) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the target of the instruction that `opcode` and `displacement` make, relative to its
/// address.
fn distance(opcode: u8, displacement: i32) -> Option<isize> {
    let [a, b, c, d] = displacement.to_le_bytes();
    let code = [opcode, a, b, c, d, 0];
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

    fn branches_keep_their_kind() {
        for start in [&[0xe8][..], &[0xe9], &[0x0f, 0x84]] {
            let mut code = [0; 6];
            code[..start.len()].copy_from_slice(start);
            // SAFETY: There are six bytes.
            let branch = unsafe { Branch::read(code.as_ptr()) }.ok_or(code::EINVAL)?;
            check_eq!(branch.len(), start.len() + 4);
            let target = code.as_ptr().addr() - 0x1234_5678;
            let moved = branch.retargeted(target).ok_or(code::EINVAL)?;
            check_eq!(moved.target(), target);
            check!(moved.code().starts_with(start));
            check!(moved.code()[moved.len()..].iter().all(|&byte| byte == 0xcc));
            check!(branch.retargeted(target - 0x7000_0000).is_none());
        }
        Ok(())
    }

    fn functions_are_bound_together() {
        let expected =
            kernel_has_accelerators()? && cfg!(MODULE) && cfg!(CONFIG_DEBUG_INFO_BTF);
        // The first time, the crate's own imports are bound, too.
        bound_and_unbound()?;
        let kallsyms = Kallsyms::get().map_err(|_| code::EOPNOTSUPP)?;
        kallsyms.accelerate_anyway();
        let before = switch::done();
        bound_and_unbound()?;
        let done = switch::done() - before;
        // If built in, this may run before the kernel is up.
        if expected || done > 0 {
            check_eq!(done, 2);
        }
        Ok(())
    }

    fn accelerators_pay_for_many_functions() {
        check!(!FunctionBinding::accelerators_pay(0));
        // With one CPU, they never pay.
        let many = FunctionBinding::accelerators_pay(usize::MAX);
        check_eq!(FunctionBinding::accelerators_pay(64), many);
        Ok(())
    }

    fn functions_are_bound_one_by_one() {
        switch::set(false);
        let before = switch::done();
        let result = bound_and_unbound();
        switch::set(true);
        check_eq!(switch::done(), before);
        result
    }

    fn a_call_may_go_to_the_padding() {
        let counted = cfg!(CONFIG_MITIGATION_CALL_DEPTH_TRACKING);
        for (opcode, before, expected) in [
            (0xe8, 0, true),
            (0xe8, 16, counted),
            (0xe8, 17, false),
            (0xe8, -1, false),
            (0xe9, 0, true),
            (0xe9, 16, false),
        ] {
            let code = [opcode, 0, 0, 0, 0, 0];
            let function = code.as_ptr().wrapping_offset(5 + before);
            check_eq!(reaches(code.as_ptr(), function.cast_mut().cast()), expected);
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
        // Every site of this module calls an import, and so has a target.
        #[cfg(MODULE)]
        for site in call_sites() {
            check!(call_target(site.address).is_some());
        }
        check!(call_sites().next().is_some());
        Ok(())
    }
}
