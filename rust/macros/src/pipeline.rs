// SPDX-License-Identifier: GPL-2.0

//! Runs the stages one after the other.

use crate::{
    bindings::{self, Bindings},
    check,
    diagnostics::DiagCtxt,
    expand::{self, Context},
    parse,
};
use proc_macro2::TokenStream;

/// Turns the tokens of an invocation into the tokens of its expansion.
///
/// `no_livepatch` is the reason why `#[livepatch]` blocks cannot be built, or [`None`] if they can.
/// `context` is called only for correct input, with the number of blocks.
pub(crate) fn pipeline(
    input: TokenStream,
    bindings: &Bindings,
    no_livepatch: Option<&str>,
    context: impl FnOnce(usize) -> Context,
) -> TokenStream {
    let mut dcx = DiagCtxt::default();
    let mut blocks = parse::parse(input, &mut dcx);
    bindings::infer(&mut blocks, bindings, &mut dcx);
    bindings::recognize(&mut blocks, bindings);
    check::check(&blocks, no_livepatch, &mut dcx);
    match dcx.into_errors() {
        Some(errors) => errors,
        None => expand::expand(&blocks, &context(blocks.len()), bindings),
    }
}
