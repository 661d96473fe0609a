// SPDX-License-Identifier: GPL-2.0

//! Tests of [`lookup_address`](super).

use super::{is_start_of, offset_in, NAME};
use crate::compat::code;
use crate::selftest::{check, check_eq, suite};

suite! {
    kimport_lookup_address:

    fn offsets_are_those_of_the_kernel() {
        let start = super::find().ok_or(code::ENOENT)?;
        check_eq!(offset_in(start, NAME), Some(0));
        check_eq!(offset_in(start.wrapping_byte_add(0x1f), NAME), Some(0x1f));
        check!(is_start_of(start, NAME));
        check!(!is_start_of(start.wrapping_byte_add(1), NAME));
        Ok(())
    }

    fn other_addresses_are_not_in_the_function() {
        let start = super::find().ok_or(code::ENOENT)?;
        check_eq!(offset_in(core::ptr::null(), NAME), None);
        check_eq!(offset_in(start.wrapping_byte_sub(1), NAME), None);
        // A part of the function's name does not match, nor does a longer name.
        check_eq!(offset_in(start, c"kallsyms_lookup"), None);
        check_eq!(offset_in(start, c"kallsyms_lookup_name_"), None);
        Ok(())
    }

    fn all_probes_agree() {
        #[cfg(CONFIG_KPROBES)]
        {
            let refused = super::refused_probe::find(NAME)?;
            check_eq!(super::disabled_probe::find(NAME)?, refused);
            check_eq!(super::refused_probe::find_at(NAME, 1)?, refused);
            if cfg!(CONFIG_KALLSYMS_ALL) {
                let offset = super::refused_probe::offset_of_data().ok_or(code::ERANGE)?;
                check_eq!(super::refused_probe::find_at(NAME, offset)?, refused);
            }
            check!(is_start_of(refused, NAME));
        }
        Ok(())
    }

    fn probes_on_what_is_missing_are_errors() {
        #[cfg(CONFIG_KPROBES)]
        {
            const MISSING: &core::ffi::CStr = c"kimport_no_such_function";
            check_eq!(super::refused_probe::find(MISSING), Err(code::ENOENT));
            check!(super::disabled_probe::find(MISSING).is_err());
        }
        Ok(())
    }
}
