// SPDX-License-Identifier: GPL-2.0

use core::ffi::c_void;
use kimport_types::{describe, Encoding};

const VOID_ARGUMENT: Encoding = Encoding::function(&[describe!(c_void)], Encoding::VOID, false);
const ARRAY_ARGUMENT: Encoding = Encoding::function(&[describe!([u8; 4])], Encoding::VOID, false);
const ARRAY_RETURNED: Encoding = Encoding::function(&[], describe!([u8; 4]), false);
const VOID_DATA: Encoding = describe!(c_void).into_data();
const TOO_DEEP: Encoding = describe!(
    *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut *mut u8
)
.into_data();

fn main() {
    let _ = (
        VOID_ARGUMENT,
        ARRAY_ARGUMENT,
        ARRAY_RETURNED,
        VOID_DATA,
        TOO_DEEP,
    );
}
