// SPDX-License-Identifier: GPL-2.0

//! Descriptions of real Rust types, made in constants as `import_symbols!` makes them.

use core::ffi::{c_char, c_int, c_void};
use core::ptr::NonNull;
use kimport_types::{describe, Described, Description, Encoding, SymbolType, Type};

/// Types as bindgen writes them.
#[allow(non_camel_case_types, dead_code)]
mod bindings {
    use core::ffi::{c_uint, c_void};

    #[repr(C)]
    pub(crate) struct se_cmd {
        pub(crate) bytes: [u64; 100],
    }
    #[repr(C)]
    pub(crate) struct opaque {
        _unused: [u8; 0],
    }
    #[repr(C)]
    pub(crate) union un {
        pub(crate) int: u32,
        pub(crate) long: u64,
    }
    #[repr(transparent)]
    pub(crate) struct lru_status(pub(crate) c_uint);
    #[repr(u8)]
    pub(crate) enum rustified {
        A,
    }
    #[repr(C)]
    pub(crate) struct r#type(u16);

    pub(crate) type __u32 = c_uint;
    pub(crate) type blk_opf_t = __u32;
    pub(crate) type gfp_t = c_uint;
    pub(crate) type va_list = [__va_list_tag; 1usize];
    #[repr(C)]
    pub(crate) struct __va_list_tag {
        gp_offset: c_uint,
    }
    pub(crate) type work_func_t = Option<unsafe extern "C" fn(work: *mut se_cmd)>;
    pub(crate) type se_cmd_ptr = *mut se_cmd;
    pub(crate) type handle = *const c_void;

    pub(crate) mod inner {
        pub(crate) struct deep(pub(crate) u8);
    }
}

use bindings::*;

macro_rules! same {
    ($($expected:expr => $($ty:ty),+;)*) => {
        $($({
            const TYPE: Encoding = describe!($ty);
            assert_eq!(TYPE.as_bytes(), $expected.as_bytes(), stringify!($ty));
        })+)*
    };
}

/// `describe!` would see one token in a `$ty:ty`, so this macro passes the tokens on.
macro_rules! is {
    ($($expected:expr => [$($ty:tt)+];)*) => {
        $({
            const TYPE: Encoding = describe!($($ty)+);
            assert_eq!(TYPE.as_bytes(), $expected.as_bytes(), stringify!($($ty)+));
        })*
    };
}

fn command() -> Encoding {
    Encoding::named("se_cmd", Some(800))
}

#[test]
fn integers_by_whatever_name() {
    is! {
        Encoding::integer(1, false) => [u8];
        Encoding::integer(2, true) => [i16];
        Encoding::integer(4, true) => [i32];
        Encoding::integer(4, true) => [c_int];
        Encoding::integer(4, true) => [core::ffi::c_int];
        Encoding::integer(4, true) => [::core::ffi::c_int];
        Encoding::integer(size_of::<usize>(), false) => [usize];
        Encoding::integer(size_of::<isize>(), true) => [isize];
        Encoding::integer(16, false) => [u128];
        Encoding::integer(4, false) => [gfp_t];
        Encoding::integer(4, false) => [blk_opf_t];
        Encoding::integer(4, false) => [bindings::blk_opf_t];
        Encoding::integer(4, false) => [self::bindings::__u32];
        Encoding::integer(4, false) => [crate::bindings::__u32];
        Encoding::integer(1, c_char::MIN != 0) => [c_char];
        Encoding::BOOL => [bool];
        Encoding::float(8) => [f64];
        Encoding::VOID => [()];
        Encoding::VOID => [!];
    }
    // The type comes from a macro's fragment, which shows no tokens.
    same! {
        Encoding::integer(4, false) => u32, gfp_t, blk_opf_t;
        Encoding::UNKNOWN.pointer(false) => *mut se_cmd;
    }
}

#[test]
fn structs_by_their_name_in_c() {
    is! {
        command() => [se_cmd];
        command() => [bindings::se_cmd];
        command() => [crate::bindings::se_cmd];
        Encoding::named("un", Some(8)) => [un];
        Encoding::named("lru_status", Some(4)) => [lru_status];
        Encoding::named("rustified", Some(1)) => [rustified];
        Encoding::named("type", Some(2)) => [r#type];
        Encoding::named("type", Some(2)) => [bindings::r#type];
        Encoding::named("deep", Some(1)) => [bindings::inner::deep];
        Encoding::named("opaque", Some(0)) => [opaque];
    }
}

#[test]
fn pointers() {
    is! {
        command().pointer(false) => [*mut se_cmd];
        command().pointer(true) => [*const se_cmd];
        command().pointer(true) => [*const bindings::se_cmd];
        command().pointer(false).pointer(true) => [*const *mut se_cmd];
        command().pointer(true) => [&'static se_cmd];
        command().pointer(false) => [&'static mut se_cmd];
        command().array(3).pointer(false) => [*mut [se_cmd; 3]];
        Encoding::VOID.pointer(false) => [*mut c_void];
        Encoding::VOID.pointer(true).pointer(false) => [*mut *const c_void];
        Encoding::VOID.pointer(false) => [*mut ()];
        Encoding::integer(4, false).pointer(false) => [*mut gfp_t];
        Encoding::named("opaque", Some(0)).pointer(false) => [*mut opaque];
        Encoding::FUNCTION_POINTER.pointer(false) => [*mut work_func_t];
        Encoding::named("__va_list_tag", Some(4)).pointer(false) => [*mut __va_list_tag];
        // An alias of a pointer hides the pointee.
        Encoding::UNKNOWN.pointer(false) => [se_cmd_ptr];
        Encoding::UNKNOWN.pointer(false).pointer(false) => [*mut se_cmd_ptr];
        Encoding::UNKNOWN.pointer(true) => [handle];
        Encoding::UNKNOWN.pointer(false) => [NonNull<se_cmd>];
        Encoding::UNKNOWN.pointer(false) => [Option<NonNull<se_cmd>>];
        Encoding::UNKNOWN.pointer(true) => [Option<&'static se_cmd>];
        Encoding::UNKNOWN.pointer(false) => [Option<&'static mut se_cmd>];
    }
}

#[test]
fn function_pointers() {
    is! {
        Encoding::FUNCTION_POINTER => [work_func_t];
        Encoding::FUNCTION_POINTER => [Option<unsafe extern "C" fn()>];
        Encoding::FUNCTION_POINTER => [Option<unsafe extern "C" fn(*mut se_cmd, u8) -> c_int>];
        Encoding::FUNCTION_POINTER => [Option<extern "C" fn(*mut se_cmd)>];
        Encoding::FUNCTION_POINTER => [unsafe extern "C" fn(*mut se_cmd)];
        Encoding::FUNCTION_POINTER => [extern "C" fn(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8)];
    }
}

#[test]
fn arrays() {
    const LENGTH: usize = 3;
    is! {
        Encoding::integer(1, false).array(4) => [[u8; 4]];
        Encoding::integer(1, false).array(4).array(3) => [[[u8; 4]; LENGTH]];
        command().array(6) => [[se_cmd; LENGTH * 2]];
        command().pointer(false).array(0) => [[*mut se_cmd; 0]];
    }
}

/// The items that `import_symbols!` makes of one entry.
#[test]
fn an_entry() {
    const ENCODING: Encoding = Encoding::function(
        &[describe!(*mut se_cmd), describe!(u8)],
        describe!(c_int),
        false,
    );
    static BYTES: [u8; ENCODING.len()] = ENCODING.to_array();

    let description = Description::new(&BYTES).expect("an encoding is a description");
    let SymbolType::Function(prototype) = description.symbol_type() else {
        panic!("it is a function");
    };
    assert!(!prototype.variadic);
    let integer = |width, signed| Type::Integer { width, signed };
    assert_eq!(prototype.returned.decode(), integer(4, true));
    let arguments: Vec<_> = prototype.arguments.map(|ty| ty.decode()).collect();
    let [Type::Pointer { to_const, pointee }, second] = arguments[..] else {
        panic!("not what was declared: {arguments:?}");
    };
    assert_eq!((to_const, second), (false, integer(1, false)));
    let (name, size) = ("se_cmd", Some(800));
    assert_eq!(pointee.decode(), Type::Named { name, size });
}

#[test]
fn generic_code_describes_what_is_described() {
    fn bytes<T: Described>() -> Vec<u8> {
        T::TYPE.as_bytes().to_vec()
    }
    assert_eq!(bytes::<gfp_t>(), Encoding::integer(4, false).as_bytes());
    assert_eq!(
        bytes::<[work_func_t; 2]>(),
        Encoding::FUNCTION_POINTER.array(2).as_bytes()
    );
}
