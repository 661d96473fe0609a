// SPDX-License-Identifier: GPL-2.0

//! The attribute of tests that need the stock kernel.

use proc_macro::{Group, TokenStream, TokenTree};

/// Makes a test of a function that needs the stock kernel. The test is skipped, and says so, on a
/// machine where none is set up.
#[proc_macro_attribute]
pub fn stock_test(_: TokenStream, function: TokenStream) -> TokenStream {
    let parse = |text: &str| text.parse::<TokenStream>().expect("it is Rust");
    let body = |token| match token {
        TokenTree::Group(body) if body.delimiter() == proc_macro::Delimiter::Brace => {
            let mut guarded = parse("if ::kimport_testing::is_skipped() { return; }");
            guarded.extend(body.stream());
            Group::new(body.delimiter(), guarded).into()
        }
        other => other,
    };
    let mut test = parse("#[test]");
    test.extend(function.into_iter().map(body));
    test
}
