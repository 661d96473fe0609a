// SPDX-License-Identifier: GPL-2.0

//! Functions by which a macro's expansion learns at compile time where the compiler put members.
//!
//! Types are inferred from pointers, so that the expansion need not name them. Nothing is read
//! through the pointers.

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
