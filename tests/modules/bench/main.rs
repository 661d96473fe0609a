// SPDX-License-Identifier: GPL-2.0

//! Times the operations of kimport in ticks of the time-stamp counter. Under QEMU's `-icount`,
//! ticks are instructions.
//!
//! Each sample is a line of the log: `sample NAME COUNT TICKS`, for `COUNT` calls or imports.

#![allow(
    dead_code,
    improper_ctypes,
    non_camel_case_types,
    clippy::type_complexity
)]

use core::arch::asm;
use core::arch::x86_64::_rdtsc;
use core::ptr::null_mut;
use kernel::error::to_result;
use kernel::ffi::{c_char, c_int, c_uint, c_void};
use kernel::fmt;
use kernel::prelude::*;
use kernel::str::CString;
use kimport::bench::{accelerate, bind_together, find_lookup, Steps};
use kimport::compat::{
    code::{EBADMSG, EINVAL},
    parameter,
};
use kimport::{import_symbols, Imports};

module! {
    type: Bench,
    name: "kimport_bench",
    authors: ["The kimport developers"],
    description: "Times what kimport does",
    license: "GPL",
    params: {
        what: u8 {
            default: 0,
            description: "0: the first resolution, 1: the same, binding one by one, 2: calls, 3: the steps of a resolution, 4: the first resolution of 12 from a large module, 5: of 45 from it, 6: of 45 of which 20 are missing",
        },
    },
}

/// Pointers to wrappers. They keep the wrappers in the module, and with each its call site.
struct Used<const N: usize>([*const (); N]);

// SAFETY: Nobody follows the pointers.
unsafe impl<const N: usize> Sync for Used<N> {}

// Blocks of functions of the kernel image that were chosen at random: `few` and `many`.
include!(env!("KIMPORT_BENCH_BLOCKS"));

/// Declares a block of functions of a provider, and keeps a call site of each.
macro_rules! functions {
    ($(#[$attribute:meta])* $used:ident: $block:ident from $provider:literal: $($name:ident)*) => {
        import_symbols! {
            $(#[$attribute])*
            mod $block from $provider {
                $($name: fn(value: c_int) -> c_int,)*
            }
        }

        #[used]
        static $used: Used<{ [$(stringify!($name)),*].len() }> =
            Used([$($block::$name as *const ()),*]);
    };
}

functions! {
    #[rebindable]
    SIDES_USED: side from "bench_provider_a":
    bench_side_10 bench_side_11 bench_side_12 bench_side_13 bench_side_14
    bench_side_15 bench_side_16 bench_side_17 bench_side_18 bench_side_19
    bench_side_20 bench_side_21 bench_side_22 bench_side_23 bench_side_24
    bench_side_25 bench_side_26 bench_side_27 bench_side_28 bench_side_29
    bench_side_30 bench_side_31 bench_side_32 bench_side_33 bench_side_34
    bench_side_35 bench_side_36 bench_side_37 bench_side_38 bench_side_39
    bench_side_40 bench_side_41 bench_side_42 bench_side_43 bench_side_44
    bench_side_45 bench_side_46 bench_side_47 bench_side_48 bench_side_49
    bench_side_50 bench_side_51 bench_side_52 bench_side_53 bench_side_54
}

// `bench_provider_big` has 2,000 functions.
functions! {
    BIG_FEW_USED: big_few from "bench_provider_big":
    bench_big_1011 bench_big_1187 bench_big_1363 bench_big_1539 bench_big_1715
    bench_big_1891 bench_big_2067 bench_big_2243 bench_big_2419 bench_big_2595
    bench_big_2771 bench_big_2947
}

functions! {
    BIG_USED: big from "bench_provider_big":
    bench_big_1011 bench_big_1055 bench_big_1099 bench_big_1143 bench_big_1187
    bench_big_1231 bench_big_1275 bench_big_1319 bench_big_1363 bench_big_1407
    bench_big_1451 bench_big_1495 bench_big_1539 bench_big_1583 bench_big_1627
    bench_big_1671 bench_big_1715 bench_big_1759 bench_big_1803 bench_big_1847
    bench_big_1891 bench_big_1935 bench_big_1979 bench_big_2023 bench_big_2067
    bench_big_2111 bench_big_2155 bench_big_2199 bench_big_2243 bench_big_2287
    bench_big_2331 bench_big_2375 bench_big_2419 bench_big_2463 bench_big_2507
    bench_big_2551 bench_big_2595 bench_big_2639 bench_big_2683 bench_big_2727
    bench_big_2771 bench_big_2815 bench_big_2859 bench_big_2903 bench_big_2947
}

import_symbols! {
    mod callee from "bench_provider_a" {
        bench_callee: fn(value: c_int) -> c_int,
    }
    #[rebindable]
    mod rebindable_callee from "bench_provider_a" {
        bench_callee: fn(value: c_int) -> c_int,
    }
    #[late]
    mod late_callee from "bench_provider_a" {
        bench_callee: fn(value: c_int) -> c_int,
    }
}

extern "C" {
    // An exported function, declared as in any module.
    fn bench_callee(value: c_int) -> c_int;
    fn bench_c_loop(count: c_uint) -> u64;
    fn bench_c_pointer(count: c_uint, callee: unsafe extern "C" fn(c_int) -> c_int) -> u64;
    fn bench_c_macro(
        names: *const *const c_char,
        count: usize,
        addresses: *mut *mut c_void,
    ) -> c_int;
}

const SAMPLES: usize = 7;
const CALLS: u32 = 10_000;

fn ticks() -> u64 {
    // SAFETY: Every CPU of this architecture has the instruction.
    unsafe { _rdtsc() }
}

fn sample(name: fmt::Arguments<'_>, count: usize, ticks: u64) {
    pr_info!("sample {name} {count} {ticks}\n");
}

/// Returns the result of `work`, and the ticks that it takes.
fn time<R>(work: impl FnOnce() -> R) -> (R, u64) {
    let start = ticks();
    let result = work();
    (result, ticks() - start)
}

/// Returns the ticks that a loop of `CALLS` turns with `call` takes.
#[inline(never)]
fn turns<R>(call: impl Fn() -> R) -> u64 {
    let start = ticks();
    let mut left = CALLS;
    while left > 0 {
        let _ = call();
        // SAFETY: The assembly is empty. The compiler does not know that, and keeps the loop.
        unsafe { asm!("", options(nomem, nostack, preserves_flags)) };
        left -= 1;
    }
    ticks() - start
}

fn calls() -> Result {
    let imports = callee::resolve_imports()?;
    let rebindable = rebindable_callee::resolve_imports()?;
    let late = KBox::pin_init(late_callee::bind_late(()), GFP_KERNEL)?;
    if !late.is_bound() {
        return Err(EBADMSG);
    }
    let import = if cfg!(not(kimport_static_calls)) {
        "pointer-binder"
    } else {
        "import"
    };
    let count = CALLS as usize;
    for _ in 0..SAMPLES {
        sample(fmt!("call/loop"), count, turns(|| {}));
        // SAFETY: The function takes any number and does nothing.
        let ticks = turns(|| unsafe { bench_callee(1) });
        sample(fmt!("call/export"), count, ticks);
        // SAFETY: As above, and the imports are resolved.
        let ticks = turns(|| unsafe { callee::bench_callee(1) });
        sample(fmt!("call/{import}"), count, ticks);
        if cfg!(kimport_static_calls) {
            // SAFETY: As above.
            let ticks = turns(|| unsafe { rebindable_callee::bench_callee(1) });
            sample(fmt!("call/rebindable"), count, ticks);
            // SAFETY: As above.
            let ticks = turns(|| unsafe { late_callee::bench_callee(1) });
            sample(fmt!("call/late"), count, ticks);
        }
        // SAFETY: The function takes any number.
        let ticks = unsafe { bench_c_loop(CALLS) };
        sample(fmt!("call/c-loop"), count, ticks);
        // SAFETY: The function takes any number, and so does its callee.
        let ticks = unsafe { bench_c_pointer(CALLS, bench_callee) };
        sample(fmt!("call/c-pointer"), count, ticks);
    }
    drop((imports, rebindable, late));
    Ok(())
}

/// Measures a whole resolution by a module that was just loaded.
fn first(resolve_imports: fn() -> Result<Imports>) -> Result {
    let (imports, ticks) = time(resolve_imports);
    let imports = imports?;
    sample(fmt!("resolve"), imports.iter().count(), ticks);
    Ok(())
}

/// Measures the ways to `kallsyms_lookup_name`.
fn ways() -> Result {
    for way in [c"refused_probe", c"disabled_probe", c"parameter"] {
        let (found, ticks) = time(|| find_lookup(way));
        if !found {
            pr_err!("{way} does not lead to it\n");
            return Err(EBADMSG);
        }
        sample(fmt!("find/{way}"), 1, ticks);
    }
    Ok(())
}

/// Measures everything that the C macro does. `module` is put before each name: nothing, or that of
/// the provider and a colon.
fn c_macro(name: &str, module: &str, imports: &Imports) -> Result {
    let mut strings = KVec::new();
    for import in imports.iter() {
        let string = CString::try_from_fmt(fmt!("{module}{}", import.symbol()))?;
        strings.push(string, GFP_KERNEL)?;
    }
    let mut names = KVec::new();
    for string in &strings {
        names.push(string.as_char_ptr(), GFP_KERNEL)?;
    }
    let mut addresses = KVec::from_elem(null_mut(), names.len(), GFP_KERNEL)?;
    let (names, count) = (names.as_ptr(), names.len());
    // SAFETY: There are as many names as there is space for addresses.
    let (result, ticks) = time(|| unsafe { bench_c_macro(names, count, addresses.as_mut_ptr()) });
    to_result(result)?;
    sample(fmt!("{name}"), count, ticks);
    Ok(())
}

/// Measures the steps of a resolution, after `kallsyms_lookup_name` is known.
fn steps(imports: &Imports) -> Result {
    let steps = Steps::of(imports)?;
    let count = imports.iter().count();
    let (addresses, ticks) = time(|| steps.look_up());
    let addresses = addresses?;
    sample(fmt!("look-up"), count, ticks);
    for (name, with_layouts) in [("verify", true), ("verify/prototypes", false)] {
        let (result, ticks) = time(|| steps.verify(&addresses, with_layouts));
        result?;
        sample(fmt!("{name}"), count, ticks);
    }
    for (how, on) in [("one-by-one", false), ("at-once", true)] {
        bind_together(on);
        let ((), ticks) = time(|| steps.unbind());
        sample(fmt!("unbind/{how}"), count, ticks);
        // SAFETY: The addresses were just looked up.
        let ((), ticks) = time(|| unsafe { steps.bind(&addresses) });
        sample(fmt!("bind/{how}"), count, ticks);
    }
    Ok(())
}

fn rebind() -> Result {
    let mut imports = side::resolve_imports()?;
    let count = imports.iter().count();
    let mut to = [c"bench_provider_b", c"bench_provider_a"];
    for (how, on) in [("one-by-one", false), ("at-once", true)] {
        bind_together(on);
        for _ in 0..SAMPLES {
            let (result, ticks) = time(|| imports.rebind(to[0]));
            result?;
            sample(fmt!("rebind/{how}"), count, ticks);
            to.swap(0, 1);
        }
    }
    Ok(())
}

fn all_steps() -> Result {
    let few = few::resolve_imports()?;
    let many = many::resolve_imports()?;
    let big_few = big_few::resolve_imports()?;
    let big = big::resolve_imports()?;
    accelerate()?;
    for _ in 0..SAMPLES {
        ways()?;
        c_macro("c-macro", "", &few)?;
        for big in [&big_few, &big] {
            c_macro("c-macro/big", "bench_provider_big:", big)?;
        }
        steps(&few)?;
        steps(&many)?;
    }
    drop((few, many, big_few, big));
    rebind()
}

struct Bench;

impl kernel::Module for Bench {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        match parameter(&module_parameters::what) {
            0 => first(few::resolve_imports)?,
            1 => {
                bind_together(false);
                first(few::resolve_imports)?;
            }
            2 => calls()?,
            3 => all_steps()?,
            4 => first(big_few::resolve_imports)?,
            5 => first(big::resolve_imports)?,
            6 => first(optional::resolve_imports)?,
            _ => return Err(EINVAL),
        }
        Ok(Self)
    }
}
