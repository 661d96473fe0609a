// SPDX-License-Identifier: GPL-2.0

//! Translates Rust types into descriptions, at compile time.
//!
//! # The C name of a bindgen struct
//!
//! The name must be in the import table of the built module, so it must be known at compile time.
//! It must not come from the text of the declaration alone: `gfp_t` is no struct but an alias of
//! `u32`.
//!
//! - A trait with the name as an associated constant would need an `impl` for each struct. But the
//!   structs of `kernel::bindings` are neither ours nor the user's, and the kernel's build runs
//!   bindgen.
//! - `core::any::type_name` tells the name, but in constants only with an unstable feature that the
//!   kernel does not allow.
//! - So the compiler decides what a type *is*. The text only gives a name to a type for which
//!   [`Described`] is not implemented. [`Probe`] has an associated constant `TYPE` twice: an
//!   inherent one if `T: Described`, and one by the trait [`Named`] for all types. The inherent one
//!   wins if it exists, and the compiler decides that after it has resolved aliases. All other
//!   types are structs, unions or enums, and their name is the last segment of the path.
//!
//! So the name is wrong if a path names a struct by another name than C's
//! (`type Command = se_cmd`). Then the check refuses the import and shows both names. An alias that
//! is a typedef in C is not wrong, as the comparison knows typedefs.

use crate::encoding::Encoding;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::size_of;
use core::ptr::NonNull;

/// A type whose counterpart in C follows from the Rust type alone.
///
/// Structs, unions and enums of bindgen do not implement it: [`describe!`](crate::describe) names
/// them.
#[diagnostic::on_unimplemented(
    message = "kimport cannot tell what `{Self}` is in C, and so cannot check it against the kernel",
    label = "not a type of C",
    note = "write an integer, `bool`, a raw pointer, an `Option<unsafe extern \"C\" fn(...)>`, an array, or the path of a \
            struct that bindgen made, without generic arguments",
    note = "write `*mut c_void` for a pointer to what has no counterpart in C"
)]
pub trait Described {
    /// The description of the type.
    const TYPE: Encoding;
}

/// A type that a pointer of C can point to.
#[diagnostic::on_unimplemented(
    message = "a pointer to `{Self}` is no pointer of C: it is two words long",
    label = "its size is not known to the compiler",
    note = "write a pointer to the element, or `*mut c_void`"
)]
pub trait ThinPointee {}

impl<T> ThinPointee for T {}

macro_rules! described {
    ($($ty:ty: $encoding:expr;)*) => {
        $(impl Described for $ty {
            const TYPE: Encoding = $encoding;
        })*
    };
}

described! {
    (): Encoding::VOID;
    c_void: Encoding::VOID;
    bool: Encoding::BOOL;
    u8: Encoding::integer(1, false);
    u16: Encoding::integer(2, false);
    u32: Encoding::integer(4, false);
    u64: Encoding::integer(8, false);
    u128: Encoding::integer(16, false);
    usize: Encoding::integer(size_of::<usize>(), false);
    i8: Encoding::integer(1, true);
    i16: Encoding::integer(2, true);
    i32: Encoding::integer(4, true);
    i64: Encoding::integer(8, true);
    i128: Encoding::integer(16, true);
    isize: Encoding::integer(size_of::<isize>(), true);
    f32: Encoding::float(4);
    f64: Encoding::float(8);
}

// The name of the pointee is lost: if the pointer is behind an alias, the text does not show it.
macro_rules! described_pointers {
    ($($ty:ty, to const: $to_const:literal;)*) => {
        $(impl<T: ThinPointee> Described for $ty {
            const TYPE: Encoding = Encoding::UNKNOWN.pointer($to_const);
        })*
    };
}

described_pointers! {
    *mut T, to const: false;
    *const T, to const: true;
    &T, to const: true;
    &mut T, to const: false;
    NonNull<T>, to const: false;
    Option<&T>, to const: true;
    Option<&mut T>, to const: false;
    Option<NonNull<T>>, to const: false;
}

impl<T: Described, const N: usize> Described for [T; N] {
    const TYPE: Encoding = T::TYPE.array(N);
}

/// Describes pointers to functions with arguments of these types, and with fewer.
macro_rules! described_functions {
    ($($argument:ident)*) => {
        described_functions! { @pointer [$($argument)*] extern "C" fn($($argument),*) -> R }
        described_functions! { @pointer [$($argument)*] unsafe extern "C" fn($($argument),*) -> R }
        described_functions! { @fewer $($argument)* }
    };
    (@pointer [$($argument:ident)*] $pointer:ty) => {
        impl<R, $($argument),*> Described for $pointer {
            const TYPE: Encoding = Encoding::FUNCTION_POINTER;
        }

        impl<R, $($argument),*> Described for Option<$pointer> {
            const TYPE: Encoding = Encoding::FUNCTION_POINTER;
        }
    };
    (@fewer) => {};
    (@fewer $first:ident $($rest:ident)*) => { described_functions! { $($rest)* } };
}

described_functions! { A B C D E F G H I J K L }

/// A test of whether `T` is [`Described`]: with [`Named`] in scope, `Probe::<T>::TYPE` is `None` if
/// it is not.
#[doc(hidden)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: Described + ?Sized> Probe<T> {
    /// The description, from `T` itself.
    pub const TYPE: Option<Encoding> = Some(T::TYPE);
}

/// The answer of [`Probe`] for types that are not [`Described`].
#[doc(hidden)]
pub trait Named {
    /// No description.
    const TYPE: Option<Encoding>;
}

impl<T: ?Sized> Named for Probe<T> {
    const TYPE: Option<Encoding> = None;
}

/// Returns the description of the type that the path `segments` names.
#[doc(hidden)]
#[track_caller]
#[inline]
pub const fn named(described: Option<Encoding>, segments: &[&str], size: usize) -> Encoding {
    if let Some(described) = described {
        return described;
    }
    let mut name = segments[segments.len() - 1];
    // `r#type` is `struct type` in C.
    if let [b'r', b'#', rest @ ..] = name.as_bytes() {
        if let Ok(rest) = core::str::from_utf8(rest) {
            name = rest;
        }
    }
    // All other types that need no `use` are described, or have no size.
    assert!(
        !matches!(name.as_bytes(), b"char"),
        "kimport: `char` is no type of C: write `c_char` (one byte) or `u32`"
    );
    Encoding::named(name, Some(size))
}

/// Returns the description of a pointer to `T`.
#[doc(hidden)]
#[track_caller]
#[inline]
pub const fn pointer<T: ThinPointee + ?Sized>(pointee: Encoding, to_const: bool) -> Encoding {
    pointee.pointer(to_const)
}

/// The bytes of an [`Encoding`], as a `&'static [u8]`; for use in constants.
#[macro_export]
macro_rules! encoded {
    ($encoding:expr) => {{
        const __KIMPORT_ENCODING: $crate::Encoding = $encoding;
        const __KIMPORT_BYTES: [u8; __KIMPORT_ENCODING.len()] = __KIMPORT_ENCODING.to_array();
        &__KIMPORT_BYTES
    }};
}

/// The description of a type, as an [`Encoding`] of the type alone; for use in constants.
///
/// Takes every type that is [`Described`], the path of a struct, union or enum that bindgen made,
/// and pointers, references and arrays of those. Parentheses around types are not accepted.
///
/// ```
/// use kimport_types::{describe, Encoding};
/// # #[allow(non_camel_case_types)]
/// # mod bindings { pub struct se_cmd(pub u64); pub type gfp_t = u32; }
/// use bindings::{gfp_t, se_cmd};
///
/// const COMMAND: Encoding = describe!(*mut se_cmd);
/// const FLAGS: Encoding = describe!(gfp_t);
/// assert_eq!(COMMAND.as_bytes(), Encoding::named("se_cmd", Some(8)).pointer(false).as_bytes());
/// assert_eq!(FLAGS.as_bytes(), Encoding::integer(4, false).as_bytes());
/// ```
#[macro_export]
macro_rules! describe {
    (!) => { $crate::Encoding::VOID };
    (*mut $($pointee:tt)+) => { $crate::describe!(@pointer false $($pointee)+) };
    (*const $($pointee:tt)+) => { $crate::describe!(@pointer true $($pointee)+) };
    (& $lifetime:lifetime mut $($pointee:tt)+) => { $crate::describe!(@pointer false $($pointee)+) };
    (& $lifetime:lifetime $($pointee:tt)+) => { $crate::describe!(@pointer true $($pointee)+) };
    (& mut $($pointee:tt)+) => { $crate::describe!(@pointer false $($pointee)+) };
    (& $($pointee:tt)+) => { $crate::describe!(@pointer true $($pointee)+) };
    ([$($array:tt)+]) => { $crate::describe!(@array [] $($array)+) };
    (:: $($segment:ident)::+) => { $crate::describe!(@path (:: $($segment)::+) $($segment)+) };
    ($($segment:ident)::+) => { $crate::describe!(@path ($($segment)::+) $($segment)+) };
    (@path ($($path:tt)+) $($segment:ident)+) => {{
        #[allow(unused_imports)]
        use $crate::macro_support::Named as _;
        $crate::macro_support::named(
            $crate::macro_support::Probe::<$($path)+>::TYPE,
            &[$(::core::stringify!($segment)),+],
            ::core::mem::size_of::<$($path)+>(),
        )
    }};
    // A pointer to a type without a size is an error of `ThinPointee`, before the size is asked
    // for.
    (@pointer $to_const:literal dyn $($pointee:tt)+) => {
        $crate::macro_support::pointer::<dyn $($pointee)+>($crate::Encoding::UNKNOWN, $to_const)
    };
    (@pointer $to_const:literal str) => {
        $crate::macro_support::pointer::<str>($crate::Encoding::UNKNOWN, $to_const)
    };
    (@pointer $to_const:literal $($pointee:tt)+) => {
        $crate::macro_support::pointer::<$($pointee)+>($crate::describe!($($pointee)+), $to_const)
    };
    (@array [$($element:tt)+] ; $length:expr) => {
        $crate::describe!($($element)+).array($length)
    };
    (@array [$($element:tt)*] $next:tt $($rest:tt)*) => {
        $crate::describe!(@array [$($element)* $next] $($rest)*)
    };
    // A slice.
    (@array [$($element:tt)+]) => { <[$($element)+] as $crate::Described>::TYPE };
    ($ty:ty) => { <$ty as $crate::Described>::TYPE };
}
