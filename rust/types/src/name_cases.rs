// SPDX-License-Identifier: GPL-2.0

//! Cases of names that compilers made, for the tests of all code that looks symbols up. All of it
//! gives the same answers.

/// Symbols, and the answer of a look-up of `f` among them.
pub struct Case {
    /// The symbols, in the order of their addresses.
    pub symbols: &'static [&'static str],
    /// The answer for the function `f`.
    pub answer: Answer,
}

/// The answer of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The function is this one of the symbols.
    Found(usize),
    /// The compiler renamed this many functions of the name. Nothing tells which one is meant.
    SeveralRenames(u32),
    /// There are only clones and parts of the function.
    OnlyClone,
    /// There is neither the function nor anything made of it.
    Missing,
}

use Answer::*;

/// The cases.
pub const CASES: &[Case] = &[
    case(&["f"], Found(0)),
    case(&["f", "f.isra.0", "f.cold"], Found(0)),
    case(&["f.llvm.7", "f"], Found(1)),
    // Renamed.
    case(&["f.llvm.123"], Found(0)),
    case(&["f.lto_priv.0"], Found(0)),
    case(
        &["f.__uniq.68358509610070717889884130747296293671"],
        Found(0),
    ),
    case(&["f.__uniq.12.llvm.34"], Found(0)),
    case(&["f$707af9a22804d33c81801f27dcfe489b"], Found(0)),
    case(&["f.707af9a22804d33c81801f27dcfe489b"], Found(0)),
    case(&["f.llvm.7.cold", "f.llvm.7"], Found(1)),
    case(&["f.constprop.0", "f.lto_priv.0"], Found(1)),
    case(
        &[
            "f.707af9a22804d33c81801f27dcfe489b",
            "f.707af9a22804d33c81801f27dcfe489b.cfi_jt",
        ],
        Found(0),
    ),
    case(&["f.llvm.1", "f.llvm.2"], SeveralRenames(2)),
    case(
        &["f.lto_priv.0", "f.cold", "f.lto_priv.1", "f.lto_priv.2"],
        SeveralRenames(3),
    ),
    // Clones and parts.
    case(&["f.isra.0"], OnlyClone),
    case(&["f.constprop.0", "f.cold"], OnlyClone),
    case(&["f.part.0"], OnlyClone),
    case(&["f.__part.1"], OnlyClone),
    case(&["f.specialized.2"], OnlyClone),
    case(&["f.cold.3"], OnlyClone),
    case(&["f.cfi_jt"], OnlyClone),
    case(&["f.llvm.7.cold"], OnlyClone),
    case(&["f.isra.0.cold"], OnlyClone),
    case(&["f.constprop.0.isra.0"], OnlyClone),
    case(&["f.part.0.lto_priv.0"], OnlyClone),
    case(&["f.llvm.7.unheard_of"], OnlyClone),
    // Others that begin alike.
    case(&["f2", "f.", "f.other", "g.isra.0", "g.llvm.7"], Missing),
    case(
        &["f.colder", "f.llvm.", "f.llvm.7x", "f.isra.", "f.llvm"],
        Missing,
    ),
    case(&["f.0", "f.12", "f$", "f$LT$", "f.abc"], Missing),
    case(&["__pfx_f", "f_", "ff"], Missing),
    case(&[], Missing),
];

const fn case(symbols: &'static [&'static str], answer: Answer) -> Case {
    Case { symbols, answer }
}
