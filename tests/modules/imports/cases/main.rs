// SPDX-License-Identifier: GPL-2.0

//! Runs one case in each load: the parameter `case` selects the block that is resolved, and the
//! load ends with the result.
//!
//! Cases that should succeed check the results; a difference ends the load with `EBADMSG`.

use kernel::bindings;
use kernel::ffi::{c_char, c_int, c_long, c_uint, c_void};
use kernel::prelude::*;
use kimport::compat::{
    code::{EBADMSG, EINVAL},
    parameter,
};
use kimport::{import_symbols, CallMode, Imports};

module! {
    type: ImportCases,
    name: "import_cases",
    authors: ["The kimport developers"],
    description: "Provokes each way in which an import can succeed or fail, for the tests of kimport",
    license: "GPL",
    params: {
        case: u32 {
            default: 0,
            description: "Which case to run; tests/suites/imports.sh lists them",
        },
    },
}

/// A struct of the kernel's name, without members.
mod opaque {
    #[expect(non_camel_case_types)]
    pub(super) struct rb_node;
}

/// The kernel's struct, not by bindgen.
mod own {
    #[repr(C)]
    #[derive(kimport::KnownLayout)]
    pub(super) struct rb_node {
        __rb_parent_color: usize,
        rb_right: *mut rb_node,
        rb_left: *mut rb_node,
    }
}

/// The same with two members in the wrong order.
mod swapped {
    #[repr(C)]
    #[derive(kimport::KnownLayout)]
    pub(super) struct rb_node {
        __rb_parent_color: usize,
        rb_left: *mut rb_node,
        rb_right: *mut rb_node,
    }
}

import_symbols! {
    mod provider from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: c_int) -> c_int,
        provider_value: c_int,
        #[optional]
        provider_missing: fn(c_int) -> c_int,
        #[optional]
        provider_missing_value: c_int,
    }
    mod twins from "kimport_test_provider" {
        #[name = "provider_twin"]
        #[position = 1]
        first: fn() -> c_int,
        #[name = "provider_twin"]
        #[position = 2]
        second: unsafe extern "C" fn() -> c_int,
    }
    mod third_twin from "kimport_test_provider" {
        #[name = "provider_twin"]
        #[position = 3]
        third: fn() -> c_int,
    }
    mod wrong_names from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: c_int) -> c_int,
        provider_ad: fn(a: c_int, b: c_int) -> c_int,
        provider_valu: c_int,
    }
    mod init_only from "kimport_test_provider" {
        provider_init_only: fn() -> c_int,
        // BTF has no data, so nothing distinguishes this datum from one that never existed.
        provider_init_value: c_int,
    }
    // No symbol that stays has the name.
    mod init_optional from "kimport_test_provider" {
        #[optional]
        provider_init_only: fn() -> c_int,
        #[optional]
        #[name = "provider_init_only"]
        #[position = 1]
        provider_init_first: fn() -> c_int,
    }
    mod image_init_optional {
        #[optional]
        start_kernel: fn(),
    }
    // The first symbol of each name is in init memory.
    mod phases from "kimport_test_provider" {
        #[name = "provider_phase"]
        #[position = 1]
        first: fn() -> c_int,
        #[name = "provider_phase"]
        #[position = 2]
        second: fn() -> c_int,
        provider_staying: fn() -> c_int,
        #[optional]
        provider_init_only: fn() -> c_int,
    }
    mod third_phase from "kimport_test_provider" {
        #[name = "provider_phase"]
        #[position = 3]
        third: fn() -> c_int,
    }
    // In address order, one of the two pairs of data would be the other way round, and so would the
    // functions.
    mod ordered from "kimport_test_provider" {
        #[name = "provider_first_const"]
        #[position = 1]
        const_1: c_int,
        #[name = "provider_first_const"]
        #[position = 2]
        const_2: c_int,
        #[name = "provider_second_const"]
        #[position = 1]
        data_1: c_int,
        #[name = "provider_second_const"]
        #[position = 2]
        data_2: c_int,
        #[name = "provider_pair"]
        #[position = 1]
        local_pair: fn() -> c_int,
        #[name = "provider_pair"]
        #[position = 2]
        global_pair: fn() -> c_int,
    }
    // printk is built in.
    mod builtin from "printk" {
        nr_processes: fn() -> c_int,
    }
    #[late]
    mod builtin_late from "printk" {
        nr_processes: fn() -> c_int,
    }
    mod exit_only from "kimport_test_provider" {
        provider_exit_only: fn() -> c_int,
    }
    mod renamed from "kimport_test_provider" {
        provider_renamed: fn() -> c_int,
        #[name = "provider_split.llvm.2"]
        split: fn() -> c_int,
    }
    mod renamed_twice from "kimport_test_provider" {
        provider_split: fn() -> c_int,
    }
    // BTF leaves out functions of one name whose prototypes differ, so there is no type to compare
    // these with.
    #[verify(require)]
    mod unlike from "kimport_test_provider" {
        #[name = "provider_unlike"]
        #[position = 1]
        first: fn(c_int) -> c_int,
        #[name = "provider_unlike"]
        #[position = 2]
        second: fn(c_long, c_long) -> c_long,
    }
    mod wordy from "kimport_test_provider" {
        provider_wordy: fn(c_int) -> c_int,
    }
    mod too_large from "kimport_test_provider" {
        provider_value: [u64; 4096],
    }
    mod wrong_place {
        provider_add: fn(a: c_int, b: c_int) -> c_int,
    }
    mod image {
        nr_processes: fn() -> c_int,
        #[optional]
        no_such_function: fn(),
        #[position = 1]
        nr_context_switches: fn() -> u64,
    }
    mod image_by_headers {
        use kernel::bindings;

        nr_context_switches: _,
        saved_command_line: *mut c_char,
        #[name = "saved_command_line_len"]
        command_line_len: _,
    }
    mod image_position {
        #[position = 2]
        nr_processes: fn() -> c_int,
    }
    mod ambiguous from "kimport_test_provider" {
        provider_twin: fn() -> c_int,
    }
    mod cloned from "kimport_test_provider" {
        provider_cloned: fn(c_int, c_int) -> c_int,
    }
    mod data_as_function from "kimport_test_provider" {
        provider_value: fn() -> c_int,
    }
    mod function_as_data from "kimport_test_provider" {
        provider_add: c_int,
    }
    mod per_cpu from "kimport_test_provider" {
        provider_percpu: c_int,
    }
    // All of these are refused together, with one line for each.
    mod image_refused {
        start_kernel: fn(),
        runqueues: u64,
        init_once: fn(*mut c_void),
        saved_command_line: fn(),
        nr_processes: c_int,
    }
    mod mistyped from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: u8) -> c_int,
        // The parameters of one import must not hide a difference in the next.
        #[name = "provider_add"]
        provider_add_as_well: fn(a: c_int, b: c_int, c: c_int) -> c_int,
    }
    #[verify(warn)]
    mod mistyped_warned from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: i64) -> c_int,
    }
    #[verify(off)]
    mod mistyped_unchecked from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: i64) -> c_int,
    }
    mod mistyped_unverified from "kimport_test_provider" {
        #[unverified]
        provider_add: fn(a: c_int, b: i64) -> c_int,
    }
    #[verify(require)]
    mod required from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: c_int) -> c_int,
        provider_value: c_int,
    }
    #[verify(require)]
    mod mistyped_required from "kimport_test_provider" {
        provider_add: fn(a: c_uint, b: c_int) -> c_int,
    }
    mod mistyped_sign from "kimport_test_provider" {
        provider_add: fn(a: c_uint, b: c_int) -> c_int,
    }
    // The module's own BTF lacks it.
    #[verify(require)]
    mod as_in_image from "kimport_test_provider" {
        nr_iowait: fn() -> c_uint,
    }
    mod mistyped_as_in_image from "kimport_test_provider" {
        nr_iowait: fn(c_int) -> c_uint,
    }
    // One of several symbols that all have the same type.
    #[verify(require)]
    mod image_position_typed {
        #[position = 1]
        init_once: fn(*mut c_void),
    }
    #[verify(require)]
    mod known_layout {
        rb_next: fn(*const bindings::rb_node) -> *mut bindings::rb_node,
    }
    // The struct has the name of the kernel's, and nothing else.
    #[verify(require)]
    mod unknown_layout {
        rb_next: fn(*const opaque::rb_node) -> *mut bindings::rb_node,
    }
    #[verify(require)]
    mod own_layout {
        rb_next: fn(*const own::rb_node) -> *mut own::rb_node,
    }
    mod own_layout_differs {
        rb_next: fn(*const swapped::rb_node) -> *mut swapped::rb_node,
    }
    #[late]
    mod late from "kimport_test_provider" {
        provider_add: fn(a: c_int, b: c_int) -> c_int,
    }
    mod image_exit {
        cpufreq_gov_performance_exit: fn(),
    }
    mod image_missing {
        no_such_function: fn(),
    }
    // objtool looks for the end of each path that calls it.
    mod never {
        do_exit: fn(code: c_long) -> !,
        #[optional]
        #[name = "do_exit"]
        maybe_exit: fn(code: c_long) -> !,
    }
}

extern "C" {
    fn kimport_test_c_side() -> bool;
}

struct ImportCases(#[expect(dead_code)] KVec<Imports>);

impl kernel::Module for ImportCases {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // SAFETY: The function takes nothing and only reads.
        ensure(unsafe { kimport_test_c_side() })?;
        let mut imports = KVec::new();
        run(parameter(&module_parameters::case), &mut imports)?;
        Ok(Self(imports))
    }
}

fn ensure(condition: bool) -> Result {
    condition.then_some(()).ok_or(EBADMSG)
}

/// Runs one case, and leaves in `held` the imports that are held until the module is unloaded.
fn run(case: u32, held: &mut KVec<Imports>) -> Result {
    match case {
        0 => held.push(check_provider(provider::resolve_imports()?)?, GFP_KERNEL)?,
        1 => {
            // A block whose imports were dropped can be resolved again.
            for _ in 0..3 {
                drop(check_provider(provider::resolve_imports()?)?);
            }
        }
        2 => {
            let imports = twins::resolve_imports()?;
            // SAFETY: The imports are resolved.
            let first = unsafe { twins::first() };
            // SAFETY: As above.
            let second = unsafe { twins::second() };
            // The functions are two different ones; the linker chooses which comes first.
            ensure(first + second == 3 && first != second)?;
            let mut addresses = imports.iter().map(|import| import.address());
            ensure(addresses.next() < addresses.next())?;
        }
        3 => drop(third_twin::resolve_imports()?),
        4 => drop(wrong_names::resolve_imports()?),
        5 => drop(init_only::resolve_imports()?),
        6 => drop(too_large::resolve_imports()?),
        7 => drop(wrong_place::resolve_imports()?),
        8 => {
            let imports = image::resolve_imports()?;
            ensure(imports.iter().all(|import| import.provider().is_none()))?;
            // SAFETY: The imports are resolved.
            ensure(unsafe { image::nr_processes() } > 0)?;
            // SAFETY: As above.
            ensure(unsafe { image::nr_context_switches() } > 0)?;
            // SAFETY: As above. The function does not exist.
            ensure(unsafe { image::no_such_function() }.is_none())?;

            let _imports = image_by_headers::resolve_imports()?;
            // SAFETY: The imports are resolved.
            ensure(unsafe { image_by_headers::nr_context_switches() } > 0)?;
            // SAFETY: As above; the pointer was written once, early at boot.
            let line = unsafe { *image_by_headers::saved_command_line() };
            // SAFETY: The command line is NUL-terminated and is never freed.
            let line = unsafe { CStr::from_char_ptr(line) };
            // SAFETY: The imports are resolved; the number was written with the pointer.
            let len = unsafe { *image_by_headers::command_line_len() };
            ensure(line.to_bytes().len() == usize::try_from(len)?)?;
        }
        9 => drop(image_position::resolve_imports()?),
        10 => drop(image_missing::resolve_imports()?),
        11 => drop(provider::resolve_imports_from(c"no_such_provider")?),
        12 => {
            let _first = provider::resolve_imports()?;
            drop(provider::resolve_imports()?);
        }
        13 | 14 => {
            if case == 14 {
                drop(image::resolve_imports()?);
            }
            // SAFETY: The conditions do not hold: the imports are not resolved, or were dropped.
            // The call ends in a `BUG`.
            unsafe { image::nr_processes() };
        }
        15 => {
            // The import is not resolved, so this ends in a `BUG`.
            let _ = provider::provider_value();
        }
        16 => drop(ambiguous::resolve_imports()?),
        17 => drop(cloned::resolve_imports()?),
        18 => drop(data_as_function::resolve_imports()?),
        19 => drop(function_as_data::resolve_imports()?),
        20 => drop(per_cpu::resolve_imports()?),
        21 => drop(image_refused::resolve_imports()?),
        22 => drop(mistyped::resolve_imports()?),
        23 => drop(mistyped_warned::resolve_imports()?),
        24 => drop(mistyped_unchecked::resolve_imports()?),
        25 => drop(mistyped_unverified::resolve_imports()?),
        26 => drop(required::resolve_imports()?),
        27 => {
            let _imports = exit_only::resolve_imports()?;
            // SAFETY: The imports are resolved.
            ensure(unsafe { exit_only::provider_exit_only() } == 7)?;
        }
        28 => {
            let _imports = renamed::resolve_imports()?;
            // SAFETY: The imports are resolved.
            ensure(unsafe { renamed::provider_renamed() } == 4)?;
            // SAFETY: As above.
            ensure(unsafe { renamed::split() } == 6)?;
        }
        29 => drop(renamed_twice::resolve_imports()?),
        30 => drop(unlike::resolve_imports()?),
        31 => drop(wordy::resolve_imports()?),
        32 => drop(image_position_typed::resolve_imports()?),
        33 => drop(image_exit::resolve_imports()?),
        34 => drop(KBox::pin_init(late::bind_late(()), GFP_KERNEL)?),
        35 => drop(check_phases(phases::resolve_imports()?)?),
        // The provider as a livepatch module, whose symbol table keeps the symbols of its init.
        36 => drop(check_phases(phases::resolve_imports_from(
            c"provider_livepatch",
        )?)?),
        37 => drop(third_phase::resolve_imports_from(c"provider_livepatch")?),
        38 => {
            let _imports = init_optional::resolve_imports()?;
            // SAFETY: The imports are resolved; no symbol that stays has the name.
            ensure(unsafe { init_optional::provider_init_only() }.is_none())?;
            // SAFETY: As above.
            ensure(unsafe { init_optional::provider_init_first() }.is_none())?;
            let _imports = image_init_optional::resolve_imports()?;
            // SAFETY: As above.
            ensure(unsafe { image_init_optional::start_kernel() }.is_none())?;
        }
        39 => {
            let _imports = ordered::resolve_imports()?;
            // SAFETY: The imports are resolved, and nothing writes the datum.
            ensure(unsafe { *ordered::const_1() } == 1)?;
            // SAFETY: As above.
            ensure(unsafe { *ordered::const_2() } == 2)?;
            // SAFETY: As above.
            ensure(unsafe { *ordered::data_1() } == 1)?;
            // SAFETY: As above.
            ensure(unsafe { *ordered::data_2() } == 2)?;
            // SAFETY: The imports are resolved.
            ensure(unsafe { ordered::local_pair() } == 2)?;
            // SAFETY: As above.
            ensure(unsafe { ordered::global_pair() } == 1)?;
        }
        40 => drop(builtin::resolve_imports()?),
        41 => drop(KBox::pin_init(builtin_late::bind_late(()), GFP_KERNEL)?),
        42 => drop(phases::resolve_imports_from(c"import_cases")?),
        43 => drop(KBox::pin_init(
            late::bind_late_from(c"import_cases", ()),
            GFP_KERNEL,
        )?),
        44 => {
            let imports = never::resolve_imports()?;
            ensure(exit_unless_zero(core::hint::black_box(0)) == 44)?;
            for import in imports.iter() {
                let sites = match import.call_mode() {
                    Some(CallMode::Direct { sites }) => sites,
                    _ => usize::from(cfg!(not(kimport_static_calls))),
                };
                ensure(sites > 0)?;
            }
        }
        45 => drop(mistyped_required::resolve_imports()?),
        46 => drop(mistyped_sign::resolve_imports()?),
        47 => {
            let _imports = as_in_image::resolve_imports()?;
            // SAFETY: The imports are resolved.
            ensure(unsafe { as_in_image::nr_iowait() } == 42)?;
        }
        48 => drop(mistyped_as_in_image::resolve_imports()?),
        49 => drop(known_layout::resolve_imports()?),
        50 => drop(unknown_layout::resolve_imports()?),
        51 => drop(own_layout::resolve_imports()?),
        52 => drop(own_layout_differs::resolve_imports()?),
        _ => return Err(EINVAL),
    }
    Ok(())
}

/// Checks all of the block `phases`.
fn check_phases(imports: Imports) -> Result<Imports> {
    // SAFETY: The imports are resolved.
    ensure(unsafe { phases::first() } == 2)?;
    // SAFETY: As above.
    ensure(unsafe { phases::second() } == 3)?;
    // SAFETY: As above.
    ensure(unsafe { phases::provider_staying() } == 2)?;
    // SAFETY: As above; no symbol that stays has the name.
    ensure(unsafe { phases::provider_init_only() }.is_none())?;
    Ok(imports)
}

/// Ends with the call of a function that does not return.
#[inline(never)]
fn exit(code: c_long) -> ! {
    // SAFETY: The imports are resolved, and the task holds nothing.
    unsafe { never::do_exit(code) }
}

/// Has code after calls of functions that do not return.
#[inline(never)]
fn exit_unless_zero(code: c_long) -> c_int {
    if code < 0 {
        // SAFETY: The imports are resolved, and the task holds nothing.
        let Some(never) = (unsafe { never::maybe_exit(code) }) else {
            return 0;
        };
        match never {}
    }
    let said = match code {
        0 => 44,
        1 => exit(code),
        // SAFETY: As above.
        code => unsafe { never::do_exit(code) },
    };
    pr_info!("case {said}\n");
    said
}

/// Checks all of the block `provider`.
fn check_provider(imports: Imports) -> Result<Imports> {
    // SAFETY: The imports are resolved.
    ensure(unsafe { provider::provider_add(40, 2) } == 42)?;
    // SAFETY: The imports are resolved, and nothing writes the datum.
    ensure(unsafe { *provider::provider_value() } == 42)?;
    // SAFETY: The imports are resolved; the function does not exist.
    ensure(unsafe { provider::provider_missing(1) }.is_none())?;
    ensure(provider::provider_missing_value().is_none())?;
    for import in imports.iter() {
        pr_info!("{import}\n");
        ensure(import.provider() == Some(c"kimport_test_provider"))?;
        let missing = import.symbol().to_bytes().starts_with(b"provider_missing");
        ensure(import.address().is_none() == missing)?;
        match import.call_mode() {
            Some(CallMode::Direct { sites }) => ensure(sites > 0)?,
            Some(CallMode::Partial { .. } | CallMode::Livepatch { .. }) => return Err(EBADMSG),
            Some(CallMode::Veneer) => ensure(cfg!(kimport_veneers))?,
            Some(CallMode::Pointer) => {
                ensure(cfg!(not(any(kimport_static_calls, kimport_veneers))))?;
            }
            None => {}
        }
    }
    Ok(imports)
}
