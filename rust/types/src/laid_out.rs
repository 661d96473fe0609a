// SPDX-License-Identifier: GPL-2.0

//! Functions by which a macro's expansion learns at compile time where the compiler put members.
//!
//! Types are inferred from pointers, so that the expansion need not name them. Nothing is read
//! through the pointers.

use crate::encoding::Encoding;
use crate::layout_table::{Keyword, Shape};
use core::marker::PhantomData;
use core::mem::{size_of, MaybeUninit};

/// Returns the size of what `member` points to.
pub const fn size<M>(_member: *const M) -> usize {
    size_of::<M>()
}

/// Returns memory for what the pointer at `member` points to.
pub const fn behind_const<T>(_member: *const *const T) -> MaybeUninit<T> {
    MaybeUninit::uninit()
}

/// Returns memory for what the pointer at `member` points to.
pub const fn behind_mut<T>(_member: *const *mut T) -> MaybeUninit<T> {
    MaybeUninit::uninit()
}

/// Returns memory for an element of the array at `member`.
pub const fn element<T, const N: usize>(_member: *const [T; N]) -> MaybeUninit<T> {
    MaybeUninit::uninit()
}

/// Returns the pointer to the value that is in `member`, which bindgen has wrapped. The second
/// argument tells the type, and is not called.
pub const fn union_field<W, T>(member: *const W, _unwrap: unsafe fn(&W) -> &T) -> *const T {
    member.cast()
}

/// A struct or union whose layout `import_symbols!` compares with that of the kernel's type of the
/// same name. `#[derive(KnownLayout)]` implements it.
pub trait KnownLayout {
    /// Set for a union.
    const IS_UNION: bool;
    /// The members, in their order.
    const MEMBERS: &'static [OwnMember];
}

/// A member of a type that is [`KnownLayout`].
pub struct OwnMember {
    /// Its name.
    pub name: &'static str,
    /// Its offset in bytes.
    pub offset: usize,
    /// Its size in bytes.
    pub size: usize,
    /// The form of its value.
    pub shape: Shape,
}

/// A test of whether `T` is [`KnownLayout`]: with [`OpaqueLayout`] in scope, `LAYOUT` is `None` if
/// it is not.
pub struct LayoutProbe<T>(PhantomData<T>);

impl<T: KnownLayout> LayoutProbe<T> {
    /// The keyword and the members.
    pub const LAYOUT: Option<(Keyword, &'static [OwnMember])> = Some((
        if T::IS_UNION {
            Keyword::Union
        } else {
            Keyword::Struct
        },
        T::MEMBERS,
    ));
}

/// The answer of [`LayoutProbe`] for other types.
pub trait OpaqueLayout {
    /// Nothing is known.
    const LAYOUT: Option<(Keyword, &'static [OwnMember])> = None;
}

impl<T> OpaqueLayout for LayoutProbe<T> {}

/// Returns the form of values of a type that has this description, if it has one.
pub const fn shape(described: Option<Encoding>) -> Shape {
    match described {
        Some(encoding) => encoding.shape(),
        None => Shape::Other,
    }
}

/// A test of whether two types are the same: with [`DifferentType`] in scope, `SAME` is false if
/// they are not.
pub struct SameType<A, B>(PhantomData<(A, B)>);

impl<A> SameType<A, A> {
    /// The types are the same.
    pub const SAME: bool = true;
}

/// The answer of [`SameType`] for types that differ.
pub trait DifferentType {
    /// The types differ.
    const SAME: bool = false;
}

impl<A, B> DifferentType for SameType<A, B> {}
