// SPDX-License-Identifier: GPL-2.0

//! Addresses by name, from the kernel's own symbol table.
//!
//! The functions that this takes are not exported either: the crate imports them with its own macro, and binds them
//! itself, `kallsyms_lookup_name` first.

use super::{imported, lookup_address};
use crate::bindings::module;
use crate::provider::Provider;
use core::ffi::CStr;
use kernel::error::{code, Error};
use kernel::ffi::{c_char, c_int, c_ulong, c_void};
use kernel::fmt;
use kernel::prelude::fmt;
use kernel::str::{CStrExt as _, CString};
use kernel::sync::rcu;

/// Why a symbol has no address.
#[derive(Clone, Copy)]
pub(crate) enum NotFound {
    /// kallsyms has no symbol of the name there.
    Missing,
    /// The kernel image has none, but some module has.
    InModule,
    /// The address lies outside the provider's memory, or in what was freed after its init.
    OutsideProvider,
    /// There is no such `#[position]`.
    Position {
        /// Symbols of that name.
        count: u32,
    },
    /// The kernel cannot list a module's symbols, as `#[position]` wants it.
    NoPositions,
    /// No memory for the name.
    NoMemory,
}

impl NotFound {
    pub(crate) fn errno(self) -> Error {
        match self {
            Self::Missing | Self::InModule | Self::OutsideProvider => code::ENOENT,
            Self::Position { .. } => code::ENXIO,
            Self::NoPositions => code::EOPNOTSUPP,
            Self::NoMemory => code::ENOMEM,
        }
    }

    /// Whether the symbol is simply not there, which is no error for an optional import.
    pub(crate) fn is_absence(self) -> bool {
        matches!(self, Self::Missing | Self::InModule)
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "kallsyms has no such symbol there; check its spelling, and whether this kernel has or inlines it",
            ),
            Self::InModule => f.write_str(
                "the kernel image has no such symbol, but a module has; name that module with `from`",
            ),
            Self::OutsideProvider => f.write_str(
                "its address is not in the provider's live memory; a symbol of its init cannot be imported",
            ),
            Self::Position { count } => {
                write!(f, "there are only {count} symbols of that name; correct its #[position]")
            }
            Self::NoPositions => f.write_str(
                "this kernel cannot list a module's symbols; #[position] needs CONFIG_LIVEPATCH or CONFIG_FPROBE",
            ),
            Self::NoMemory => f.write_str("no memory for its name; try again"),
        }
    }
}

/// The kernel's symbol table.
///
/// # Invariants
///
/// While a value exists, the functions of `imported` are bound, but for the optional ones that the kernel lacks.
pub(crate) struct Kallsyms(());

/// Why the symbol table cannot be used.
pub(crate) enum Unusable {
    Unreachable(lookup_address::Unreachable),
    /// The kernel has no such function.
    Lacks(&'static CStr),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(unreachable) => fmt::Display::fmt(unreachable, f),
            Self::Lacks(name) => {
                fmt::Display::fmt(*name, f)?;
                f.write_str(" is not in kallsyms; this kernel is not known to kimport")
            }
        }
    }
}

impl Kallsyms {
    /// Finds and binds what it takes. May sleep. Cheap when it was done before.
    ///
    /// Two callers at once do no harm: both bind the same addresses.
    pub(crate) fn get() -> Result<Self, Unusable> {
        let [lookup, others @ ..] = imported::symbols() else {
            return Err(Unusable::Lacks(c"kallsyms_lookup_name"));
        };
        if lookup.address().is_none() {
            let address = lookup_address::find().map_err(Unusable::Unreachable)?;
            // SAFETY: The address is that of `kallsyms_lookup_name`; the kernel image stays.
            unsafe { lookup.bind(address) };
        }
        for symbol in others {
            if symbol.address().is_some() {
                continue;
            }
            // SAFETY: The function is bound, and the name is NUL-terminated.
            let address = unsafe { imported::kallsyms_lookup_name(symbol.name.as_char_ptr()) };
            if address != 0 {
                // SAFETY: The address is the symbol's; the kernel image stays.
                unsafe { symbol.bind(address as *mut c_void) };
            } else if !symbol.optional {
                return Err(Unusable::Lacks(symbol.name));
            }
        }
        // INVARIANT: All were just bound, or before, and are never unbound.
        Ok(Self(()))
    }

    /// The module called `name`, or null. It cannot be freed while the guard lives.
    pub(crate) fn find_module(&self, name: &CStr, _rcu: &rcu::Guard) -> *mut module {
        // SAFETY: By the type invariants the function is bound; RCU is held, as it wants.
        unsafe { imported::find_module(name.as_char_ptr()) }
    }

    /// The address of `name` in `provider`, or in the kernel image. May sleep.
    pub(crate) fn find(
        &self,
        provider: Option<&Provider>,
        name: &CStr,
        position: Option<u32>,
    ) -> Result<*mut c_void, NotFound> {
        let address = match (position, provider) {
            (None, None) => self.first(name),
            (None, Some(provider)) => {
                let qualified = CString::try_from_fmt(fmt!("{}:{}", provider.name(), name))
                    .map_err(|_| NotFound::NoMemory)?;
                self.first(&qualified)
            }
            (Some(position), provider) => self.at(provider, name, position)?,
        };
        if address == 0 {
            return Err(NotFound::Missing);
        }
        let pointer = address as *mut c_void;
        match provider {
            Some(provider) if !provider.contains(pointer) => Err(NotFound::OutsideProvider),
            // `kallsyms_lookup_name` goes on to the modules when the kernel image has no such symbol.
            None if self.is_in_module(address) => Err(NotFound::InModule),
            _ => Ok(pointer),
        }
    }

    fn first(&self, name: &CStr) -> usize {
        // SAFETY: By the type invariants the function is bound; the name is NUL-terminated.
        unsafe { imported::kallsyms_lookup_name(name.as_char_ptr()) }
    }

    fn is_in_module(&self, address: usize) -> bool {
        let _rcu = rcu::read_lock();
        // SAFETY: By the type invariants the function is bound; RCU is held, as it wants.
        !unsafe { imported::__module_address(address) }.is_null()
    }

    /// Bytes from `address` to the next symbol; `None` when kallsyms does not know.
    pub(crate) fn size(&self, address: *const c_void) -> Option<usize> {
        let (mut size, mut offset) = (0, 0);
        // SAFETY: By the type invariants the function is bound; it writes the two numbers.
        let known = unsafe {
            imported::kallsyms_lookup_size_offset(address.addr(), &mut size, &mut offset)
        };
        (known != 0 && size > 0).then(|| size - offset)
    }

    /// The address of the `position`th symbol called `name`, counted from 1 in address order.
    fn at(
        &self,
        provider: Option<&Provider>,
        name: &CStr,
        position: u32,
    ) -> Result<usize, NotFound> {
        let mut last = 0;
        for count in 0..position {
            let mut search = NextMatch {
                name,
                above: last,
                next: None,
            };
            self.walk(provider, &mut search)?;
            last = search.next.ok_or(NotFound::Position { count })?;
        }
        Ok(last)
    }

    /// Shows `search` all symbols of its name in `provider`, or in the kernel image.
    fn walk(
        &self,
        provider: Option<&Provider>,
        search: &mut NextMatch<'_>,
    ) -> Result<(), NotFound> {
        let name = search.name.as_char_ptr();
        let data: *mut c_void = core::ptr::from_mut(search).cast();
        match provider {
            None => {
                // SAFETY: By the type invariants the function is bound; it calls `on_match` with `data`, which is a
                // `NextMatch`, before it returns.
                unsafe { imported::kallsyms_on_each_match_symbol(on_match, name, data) };
                Ok(())
            }
            Some(provider) => {
                let module = provider.name().as_char_ptr();
                // SAFETY: As above, with `on_symbol`; the call does nothing when the function is not bound.
                unsafe { imported::module_kallsyms_on_each_symbol(module, on_symbol, data) }
                    .map(|_| ())
                    .ok_or(NotFound::NoPositions)
            }
        }
    }
}

/// The search for the lowest address above one.
struct NextMatch<'a> {
    name: &'a CStr,
    above: usize,
    next: Option<usize>,
}

impl NextMatch<'_> {
    fn see(&mut self, address: usize) {
        if address > self.above && self.next.is_none_or(|next| address < next) {
            self.next = Some(address);
        }
    }
}

/// # Safety
///
/// `data` is a `NextMatch` that nothing else uses.
unsafe extern "C" fn on_match(data: *mut c_void, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    unsafe { &mut *data.cast::<NextMatch<'_>>() }.see(address);
    0
}

/// # Safety
///
/// `data` is a `NextMatch` that nothing else uses, and `name` is NUL-terminated.
unsafe extern "C" fn on_symbol(data: *mut c_void, name: *const c_char, address: c_ulong) -> c_int {
    // SAFETY: By the contract of this function.
    let search = unsafe { &mut *data.cast::<NextMatch<'_>>() };
    // SAFETY: By the contract of this function.
    if unsafe { CStr::from_char_ptr(name) } == search.name {
        search.see(address);
    }
    0
}
