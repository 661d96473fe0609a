// SPDX-License-Identifier: GPL-2.0

//! Tests of a block of the kernel image, from its declaration to its end.

use super::{check, check_eq, suite};
use crate::binder::CallMode;
use crate::compat::code;
use kernel::ffi::{c_char, c_int};

kimport_macros::import_symbols! {
    mod image {
        nr_processes: fn() -> c_int,
        #[name = "saved_command_line"]
        command_line: *const c_char,
        #[optional]
        kimport_no_such_function: fn() -> c_int,
    }
    mod missing {
        kimport_no_such_function: fn() -> c_int,
    }
}

// This and `more_processes` are two call sites of one function.
#[inline(never)]
fn processes() -> c_int {
    // SAFETY: Only called while the imports live; the function may be called anywhere.
    unsafe { image::nr_processes() }
}

#[inline(never)]
fn more_processes() -> c_int {
    // SAFETY: As above.
    unsafe { image::nr_processes() }.wrapping_add(1)
}

suite! {
    kimport_imports:

    fn calls_arrive() {
        let imports = image::resolve_imports()?;
        check!(processes() > 0);
        check!(more_processes() > 1);
        // SAFETY: Missing functions are not called.
        check!(unsafe { image::kimport_no_such_function() }.is_none());
        // SAFETY: The imports are resolved; the pointer was written once, early at boot.
        check!(!unsafe { *image::command_line() }.is_null());
        drop(imports);
        Ok(())
    }

    fn call_sites_are_read_back() {
        let imports = image::resolve_imports()?;
        let mode = imports.iter().next().and_then(|import| import.call_mode());
        check!(matches!(mode, Some(CallMode::Direct { sites: 2 } | CallMode::Veneer | CallMode::Pointer)));
        Ok(())
    }

    fn a_block_is_resolved_once_at_a_time() {
        let imports = image::resolve_imports()?;
        check_eq!(image::resolve_imports().err(), Some(code::EALREADY));
        drop(imports);
        drop(image::resolve_imports()?);
        Ok(())
    }

    fn what_is_missing_is_refused() {
        check_eq!(missing::resolve_imports().err(), Some(code::ENOENT));
        Ok(())
    }
}
