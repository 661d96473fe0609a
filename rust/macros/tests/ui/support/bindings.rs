// SPDX-License-Identifier: GPL-2.0

// Like what bindgen makes of the kernel's headers. The tests compile it, and the macro reads it.

#[repr(C)]
#[derive(Copy, Clone)]
pub struct se_cmd {
    pub tag: u64,
}
pub type u32_ = ffi::c_uint;
#[repr(C)]
pub struct flags {
    pub _bits: u8,
}
impl flags {
    #[inline]
    pub fn method(&self) -> u8 {
        self._bits;
        self._bits
    }
}
unsafe extern "C" {
    pub fn complete(cmd: *mut se_cmd, status: u32_);
}
unsafe extern "C" {
    pub fn completed(cmd: *const se_cmd) -> bool;
}
unsafe extern "C" {
    #[doc = " Calls `{`."]
    pub fn for_each(
        fn_: ::core::option::Option<
            unsafe extern "C" fn(arg1: *mut ffi::c_void, cmds: *mut [se_cmd; 2usize]) -> ffi::c_int,
        >,
        data: *mut ffi::c_void,
    ) -> ffi::c_int;
}
unsafe extern "C" {
    #[link_name = "\u{1}yield"]
    pub fn yield_();
}
unsafe extern "C" {
    pub fn method(flags: *mut flags) -> u8;
}
unsafe extern "C" {
    pub fn stop(status: ffi::c_int) -> !;
}
unsafe extern "C" {
    pub fn print(format: *const ffi::c_char, ...) -> ffi::c_int;
}
unsafe extern "C" {
    #[link_name = "other_symbol"]
    pub fn renamed();
}
unsafe extern "C" {
    pub static mut first_cmd: *mut se_cmd;
}
unsafe extern "C" {
    pub static start: [ffi::c_char; 0usize];
}
#[repr(C)]
pub struct lock_class_key {}
