// SPDX-License-Identifier: GPL-2.0

//! Plain declarations of symbols that are not exported, whose providers the Kbuild names, and
//! `#[livepatch]` blocks. The parameter selects how the load ends; tests/suites/relink.sh has the
//! cases.

use kernel::{
    ffi::{c_char, c_int, c_long},
    prelude::*,
    time::{delay::fsleep, Delta},
};
use kimport::compat::{code::EBADMSG, parameter};
use kimport::{import_symbols, CallMode, Imports};

module! {
    type: RelinkRust,
    name: "relink_rust",
    authors: ["The kimport developers"],
    description: "Calls what the kernel bound, for the tests of kimport",
    license: "GPL",
    params: {
        case: u32 {
            default: 0,
            description: "Which case to run; tests/suites/relink.sh lists them",
        },
    },
}

import_symbols! {
    #[livepatch]
    mod provider from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: c_int) -> c_int,
        #[name = "provider_twin"]
        #[position = 1]
        first_twin: fn() -> c_int,
        #[name = "provider_twin"]
        #[position = 2]
        second_twin: fn() -> c_int,
        // In address order, the global function comes first.
        #[name = "provider_pair"]
        #[position = 1]
        local_pair: fn() -> c_int,
        #[name = "provider_pair"]
        #[position = 2]
        global_pair: fn() -> c_int,
        provider_value: c_int,
    }
    #[livepatch]
    mod image {
        nr_processes: fn() -> c_int,
        saved_command_line: *mut c_char,
    }
    // An ordinary block: it is bound when it is resolved.
    mod resolved from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: c_int) -> c_int,
        #[optional]
        provider_missing: fn(),
    }
    #[livepatch]
    mod mistyped from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: u8) -> c_int,
    }
    #[livepatch]
    mod never {
        do_exit: fn(code: c_long) -> !,
    }
    #[livepatch]
    mod kinds from "kimport_test_provider" {
        provider_value: fn(),
        #[name = "provider_add"]
        as_data: c_int,
    }
}

extern "C" {
    fn provider_add(a: c_int, b: c_int) -> c_int;
    fn nr_processes() -> c_int;
    static saved_command_line: *const c_char;
}

struct RelinkRust(#[expect(dead_code)] KVec<Imports>);

impl kernel::Module for RelinkRust {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut imports = KVec::new();
        match parameter(&module_parameters::case) {
            0 => {
                imports.push(check_provider(provider::resolve_imports()?)?, GFP_KERNEL)?;
                imports.push(image::resolve_imports()?, GFP_KERNEL)?;
                // SAFETY: The imports are resolved.
                ensure(unsafe { image::nr_processes() } > 0)?;
                // SAFETY: As above; the pointer was written once, early at boot.
                let line = unsafe { *image::saved_command_line() };
                // SAFETY: The command line is NUL-terminated and is never freed.
                let line = unsafe { CStr::from_char_ptr(line) };
                pr_info!("command line: {line}\n");
                imports.push(resolved::resolve_imports()?, GFP_KERNEL)?;
                // SAFETY: The imports are resolved.
                ensure(unsafe { resolved::provider_add(1, 2) } == 3)?;
                // SAFETY: As above; the function does not exist.
                ensure(unsafe { resolved::provider_missing() }.is_none())?;
            }
            // A block whose imports were dropped can be resolved again.
            1 => {
                for _ in 0..3 {
                    drop(check_provider(provider::resolve_imports()?)?);
                }
            }
            2 => {
                let _first = provider::resolve_imports()?;
                drop(provider::resolve_imports()?);
            }
            3 => drop(mistyped::resolve_imports()?),
            4 => drop(kinds::resolve_imports()?),
            // The test may unload the provider meanwhile, and load it again.
            5 => {
                pr_info!("waiting\n");
                fsleep(Delta::from_millis(1500));
                drop(provider::resolve_imports()?);
            }
            case @ (6 | 7) => {
                if case == 7 {
                    drop(image::resolve_imports()?);
                }
                // SAFETY: The conditions do not hold: the imports are not resolved, or were
                // dropped. The call ends in a `BUG`.
                unsafe { image::nr_processes() };
            }
            8 => {
                // SAFETY: The function only adds.
                let sum = unsafe { provider_add(40, 2) };
                // SAFETY: The function takes nothing and may be called anywhere.
                let some = unsafe { nr_processes() } > 0;
                // SAFETY: The pointer was written once, early at boot.
                let line = unsafe { saved_command_line };
                // SAFETY: The command line is NUL-terminated and is never freed.
                let line = unsafe { CStr::from_char_ptr(line) };
                pr_info!("{sum} {some}, command line: {line}\n");
            }
            9 => {
                imports.push(never::resolve_imports()?, GFP_KERNEL)?;
                ensure(exit_unless_zero(core::hint::black_box(0)) == 9)?;
            }
            _ => return Err(EINVAL),
        }
        Ok(Self(imports))
    }
}

/// Has code after the call of a function that does not return. objtool looks for the end of each
/// path.
#[inline(never)]
fn exit_unless_zero(code: c_long) -> c_int {
    let said = match code {
        0 => 9,
        // SAFETY: The imports are resolved, and the task holds nothing.
        code => unsafe { never::do_exit(code) },
    };
    pr_info!("case {said}\n");
    said
}

fn ensure(condition: bool) -> Result {
    condition.then_some(()).ok_or(EBADMSG)
}

/// Checks all of the block `provider`. Calls each of its functions once.
#[inline(never)]
fn check_provider(imports: Imports) -> Result<Imports> {
    // SAFETY: The imports are resolved.
    ensure(unsafe { provider::provider_add(40, 2) } == 42)?;
    // SAFETY: As above.
    let first = unsafe { provider::first_twin() };
    // SAFETY: As above.
    let second = unsafe { provider::second_twin() };
    ensure(first + second == 3 && first != second)?;
    // SAFETY: The imports are resolved.
    ensure(unsafe { provider::local_pair() } == 2)?;
    // SAFETY: As above.
    ensure(unsafe { provider::global_pair() } == 1)?;
    // SAFETY: The imports are resolved, and nothing writes the datum.
    ensure(unsafe { *provider::provider_value() } == 42)?;
    for import in imports.iter() {
        pr_info!("{import}\n");
        ensure(import.provider() == Some(c"kimport_test_provider"))?;
        match import.call_mode() {
            // The call through the plain declaration is also a site of `provider_add`.
            Some(CallMode::Livepatch { sites }) if import.symbol() == c"provider_add" => {
                ensure(sites > 1)?
            }
            Some(CallMode::Livepatch { sites }) => ensure(sites == 1)?,
            Some(_) => return Err(EBADMSG),
            None => ensure(import.symbol() == c"provider_value")?,
        }
    }
    Ok(imports)
}
