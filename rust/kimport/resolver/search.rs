// SPDX-License-Identifier: GPL-2.0

//! The search for one symbol. A search is shown the symbols of a provider one by one, and judges
//! them at the end.
//!
//! Only symbols in memory that stays are candidates. The table that a module keeps has no `__init`
//! symbols, unless it is a livepatch module (`MODULE_INFO(livepatch)`), so neither uniqueness nor
//! `#[position]` may depend on them. In two kinds of searches, `#[position]` counts them
//! nevertheless, as livepatch does: in searches in the kernel image, whose kallsyms never drops
//! them, and in searches for symbols that livepatch has bound.

use super::not_found::{Candidates, CloneName, NotFound};
use crate::binder::LoadedAddress;
use crate::binding::Binding;
use crate::block;
use crate::types::{made_of, Made, NameBuckets};
use core::ffi::{c_void, CStr};

/// A query for one symbol: the properties that its entry declares.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) name: &'a CStr,
    /// The position among several symbols of the name, counted from 1 in the order of the
    /// provider's symbol table. In the kernel image that is address order.
    pub(crate) position: Option<u32>,
    pub(crate) kind: Kind,
    /// Set if the import can do without the symbol.
    pub(crate) is_optional: bool,
    /// The address that the kernel bound the symbol to when it loaded this module.
    pub(crate) loaded: Option<*mut c_void>,
}

impl Query<'static> {
    /// Describes the symbol of `entry`.
    pub(crate) fn of(entry: &block::Symbol) -> Self {
        Self {
            name: entry.name,
            position: entry.position,
            kind: match entry.binding {
                Binding::Function(_) | Binding::Livepatch(_) => Kind::Function,
                Binding::Data { size, .. } => Kind::Data { size },
            },
            is_optional: entry.optional,
            loaded: entry.loaded.map(LoadedAddress::address),
        }
    }
}

/// The declared kind of a symbol.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A symbol of a relinked module, of which nothing is declared. It may be per-CPU data.
    #[cfg(kimport_guard)]
    Any,
    Function,
    Data {
        /// The size of the declared type in bytes.
        size: usize,
    },
}

/// The memory that a symbol lies in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Text and data that live as long as the provider.
    Kept,
    /// `__init` text and data, which were freed after init, or will be.
    Init,
    PerCpu,
    /// Memory that is not the provider's.
    Outside,
}

/// A symbol that a search was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Symbol {
    pub(crate) address: usize,
    pub(crate) place: Place,
    /// The size in bytes, if the symbol table has it.
    pub(crate) size: Option<usize>,
}

/// The search for one symbol.
pub(super) struct Search<'a> {
    pub(super) query: Query<'a>,
    /// Set if `#[position]` also counts symbols in init memory.
    counts_init: bool,
    /// The number of symbols of the name that `#[position]` counts.
    counted: u32,
    candidates: Candidates,
    /// The symbol at the position; without a position, the first candidate.
    selected: Option<Symbol>,
    /// Set if a symbol of the name is in init memory.
    in_init: bool,
    /// The first symbol that the compiler renamed.
    renamed: Option<Symbol>,
    renames: u32,
    /// The name of the first renamed symbol; if there is none, of the first clone.
    made: Option<(Made, CloneName)>,
    /// The next search in the list of [`NameBuckets`].
    next: u16,
}

impl<'a> Search<'a> {
    /// Creates a search in the kernel image, or in a module.
    pub(super) fn new(query: Query<'a>, in_image: bool) -> Self {
        Self {
            query,
            counts_init: in_image || query.loaded.is_some(),
            counted: 0,
            candidates: Candidates::default(),
            selected: None,
            in_init: false,
            renamed: None,
            renames: 0,
            made: None,
            next: NameBuckets::END,
        }
    }

    /// Looks at a symbol of the query's name. The symbols must be shown in the order of the
    /// provider's symbol table.
    pub(super) fn see(&mut self, symbol: Symbol) {
        let is_init = symbol.place == Place::Init;
        self.in_init |= is_init;
        if is_init && !self.counts_init {
            return;
        }
        self.counted += 1;
        if !is_init {
            self.candidates.push(self.counted, symbol.address);
        }
        let is_selected = match self.query.position {
            Some(position) => position == self.counted,
            None => self.selected.is_none() && !is_init,
        };
        if is_selected {
            self.selected = Some(symbol);
        }
    }

    /// Looks at a symbol whose name begins with the query's.
    pub(super) fn see_made(&mut self, name: &[u8], symbol: Symbol) {
        let Some(made) = made_of(name, self.query.name.to_bytes()) else {
            return;
        };
        if symbol.place == Place::Init {
            self.in_init = true;
            return;
        }
        if made == Made::Renamed {
            self.renames += 1;
            self.renamed.get_or_insert(symbol);
        }
        let first = self.made.map(|(first, _)| first);
        if first.is_none() || (first, made) == (Some(Made::Clone), Made::Renamed) {
            self.made = Some((made, CloneName::new(name)));
        }
    }

    /// Refuses a name that no symbol or several symbols have, in whatever memory they lie.
    pub(super) fn check_unique(&self) -> Result<(), NotFound> {
        match self.counted {
            0 => Err(NotFound::Missing),
            1 => Ok(()),
            _ => Err(NotFound::Ambiguous(self.candidates)),
        }
    }

    /// Returns whether a compiler may have given the symbol another name, so that
    /// [`see_made`](Self::see_made) must be called. A symbol that livepatch has bound was found by
    /// its whole name.
    pub(super) fn may_be_made(&self) -> bool {
        self.query.position.is_none()
            && self.query.loaded.is_none()
            && matches!(self.result(), Err(NotFound::Missing | NotFound::InInit))
    }

    /// Returns the symbol, after all symbols were shown.
    pub(super) fn result(&self) -> Result<Symbol, NotFound> {
        if self.query.position.is_none() && self.candidates.count > 1 {
            return Err(NotFound::Ambiguous(self.candidates));
        }
        if let Some(symbol) = self.selected {
            return Ok(symbol);
        }
        if self.candidates.count > 0 {
            let count = self.counted;
            return Err(NotFound::Position { count });
        }
        match (self.renames, self.renamed, self.made) {
            (1, Some(symbol), _) => Ok(symbol),
            (count @ 2.., _, Some((_, name))) => Err(NotFound::SeveralRenames { name, count }),
            _ if self.in_init => Err(NotFound::InInit),
            (.., Some((_, clone))) => Err(NotFound::OnlyClone(clone)),
            _ => match self.query.kind {
                Kind::Data { .. } if !cfg!(CONFIG_KALLSYMS_ALL) => Err(NotFound::NoData),
                _ => Err(NotFound::Missing),
            },
        }
    }
}

/// Searches, accessible by the names that they look for.
///
/// # Invariants
///
/// The `next` of each search that `buckets` leads to is its link in `buckets`.
pub(super) struct ByName<'s, 'a> {
    searches: &'s mut [Search<'a>],
    buckets: NameBuckets,
}

impl<'s, 'a> ByName<'s, 'a> {
    /// Makes the searches accessible for which `is_open` returns true.
    pub(super) fn new(
        searches: &'s mut [Search<'a>],
        is_open: impl Fn(&Search<'a>) -> bool,
    ) -> Self {
        let mut buckets = NameBuckets::default();
        for (index, search) in searches.iter_mut().enumerate() {
            if is_open(search) {
                search.next = buckets.link(search.query.name.to_bytes(), index);
            }
        }
        // INVARIANT: All searches that are open were just linked.
        Self { searches, buckets }
    }

    /// Calls `show` with each search for `name`.
    pub(super) fn for_each(&mut self, name: &[u8], mut show: impl FnMut(&mut Search<'a>)) {
        let mut next = self.buckets.first(name);
        while let Some(search) = self.searches.get_mut(usize::from(next)) {
            if search.query.name.to_bytes() == name {
                show(search);
            }
            next = search.next;
        }
    }

    /// Shows a symbol called `name` to the searches for the names from which a compiler may have
    /// made `name`.
    pub(super) fn see_made(&mut self, name: &[u8], symbol: impl Fn() -> Symbol) {
        // Every suffix that compilers append begins with one of these characters.
        let ends = (1..name.len()).filter(|&end| matches!(name[end], b'.' | b'$'));
        for end in ends {
            self.for_each(&name[..end], |search| search.see_made(name, symbol()));
        }
    }
}

#[cfg(kimport_selftest)]
pub(crate) mod tests;
