// SPDX-License-Identifier: GPL-2.0

//! The kernel's own BTF as a [`TypeSource`].

use super::imported::{self, of_modules};
use super::Declared;
#[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
use crate::bindings::BTF_KIND_STRUCT;
use crate::bindings::{self, BTF_KIND_FUNC, BTF_KIND_VAR};
use crate::provider::Provider;
use crate::resolver::{Kallsyms, Unusable};
use crate::types::{
    find, has_namesake_beside, is_kfunc, BtfType, TypeMatch, TypeQuery, TypeSource, IMPLEMENTATION,
};
use core::ffi::CStr;
use core::ptr::NonNull;
use kernel::alloc::AllocError;
use kernel::error::from_err_ptr;
use kernel::prelude::*;

/// The BTF of the kernel image, or of a module on top of that of the image.
///
/// # Invariants
///
/// The functions of `imported` are bound. If `first_id` is 1, `btf` is that of the kernel image,
/// which stays. Otherwise it is that of a module, this value holds a reference to it, and the
/// functions of `imported::of_modules` are bound, too.
pub(super) struct KernelTypes {
    btf: NonNull<bindings::btf>,
    /// The id of the first type that is not the kernel image's; 1 for the image itself.
    first_id: u32,
}

impl KernelTypes {
    /// Finds the BTF of `provider`, or of the kernel image; [`None`] if there is no BTF. May sleep.
    pub(super) fn of(
        kallsyms: &Kallsyms,
        provider: Option<&Provider>,
    ) -> Result<Option<Self>, AllocError> {
        if !is_bound(kallsyms.bind(imported::symbols()))? {
            return Ok(None);
        }
        // SAFETY: The function was just bound. It may sleep.
        let image = unsafe { imported::bpf_get_btf_vmlinux() };
        // The kernel keeps an error, too.
        let Some(image) = there_is(image) else {
            return Ok(None);
        };
        let Some(provider) = provider else {
            // INVARIANT: This is the BTF of the image.
            return Ok(Some(Self {
                btf: image,
                first_id: 1,
            }));
        };
        if !is_bound(kallsyms.bind(of_modules::symbols()))? {
            return Ok(None);
        }
        // SAFETY: The function was just bound.
        let first_id = unsafe { of_modules::btf_nr_types(image.as_ptr()) };
        // SAFETY: The function was just bound; the module is held.
        let btf = unsafe { of_modules::btf_get_module_btf(provider.module().as_ptr()) };
        // INVARIANT: The function has taken a reference. The image has more than one type.
        Ok(there_is(btf).map(|btf| Self {
            btf,
            first_id: first_id.max(2),
        }))
    }

    /// Returns the types of `symbols`, in their order. May sleep.
    ///
    /// BTF does not say which of several symbols it describes. pahole leaves out functions of one
    /// name, in version 1.30 only if their prototypes differ. Older versions of pahole leave none
    /// out, and then the result is [`TypeMatch::Ambiguous`].
    pub(super) fn symbols<'a>(
        &self,
        symbols: impl Iterator<Item = Declared<'a>> + Clone,
    ) -> Result<KVVec<TypeMatch>, AllocError> {
        // A module has few types of its own, and the kernel would walk over them for each name. To
        // walk over those of the image takes some milliseconds, so that is only done if several
        // symbols have a name, which an entry's `#[position]` tells.
        let is_sought = |symbol: &Declared<'_>| self.first_id > 1 || symbol.position.is_some();
        let mut queries = KVVec::new();
        for symbol in symbols.clone().filter(is_sought) {
            queries.push(TypeQuery::new(symbol.name.to_bytes()), GFP_KERNEL)?;
        }
        if !queries.is_empty() {
            find(self, self.first_id, &mut queries);
        }
        let mut sought = queries.iter().map(TypeQuery::found);
        let mut found = KVVec::new();
        for symbol in symbols {
            let own = match is_sought(&symbol) {
                true => sought.next().unwrap_or(TypeMatch::Missing),
                false => self.named(symbol.name, &[BTF_KIND_FUNC, BTF_KIND_VAR]),
            };
            found.push(self.true_type(&symbol, own), GFP_KERNEL)?;
        }
        Ok(found)
    }

    /// Returns the type that describes a symbol for which the image, or the module itself, has the
    /// type `own`.
    fn true_type(&self, symbol: &Declared<'_>, own: TypeMatch) -> TypeMatch {
        if !symbol.is_function {
            return own;
        }
        let found = match own {
            // pahole leaves out a function of a module that the image has with the same prototype.
            TypeMatch::Missing if self.first_id > 1 => self.named(symbol.name, &[BTF_KIND_FUNC]),
            own => own,
        };
        let TypeMatch::Id(id) = found else {
            return found;
        };
        let mut buffer = [0; NAME_SIZE];
        let name = implementation_name(symbol.name, &mut buffer);
        match name.map(|name| self.named(name, &[BTF_KIND_FUNC])) {
            Some(implementation @ TypeMatch::Id(_)) if is_kfunc(self, id) => implementation,
            _ => found,
        }
    }

    /// Returns whether the module's own BTF has a function or variable called `name`.
    pub(super) fn module_has(&self, name: &CStr) -> bool {
        let mut wanted = [TypeQuery::new(name.to_bytes())];
        find(self, self.first_id, &mut wanted);
        wanted[0].found() != TypeMatch::Missing
    }

    /// Returns whether there is one struct called `name`, and it has these members, at these
    /// offsets in bytes.
    #[cfg(CONFIG_MODULE_FORCE_UNLOAD)]
    pub(super) fn has_struct(&self, name: &CStr, members: &[(&str, usize)]) -> bool {
        let TypeMatch::Id(id) = self.named(name, &[BTF_KIND_STRUCT]) else {
            return false;
        };
        let Some(ty) = self.type_by_id(id) else {
            return false;
        };
        let mut found = ty.members();
        members.iter().all(|(name, offset)| {
            found.next().is_some_and(|member| {
                self.name(member.name) == Some(name.as_bytes())
                    && member.offset as usize == offset * 8
            })
        }) && found.next().is_none()
    }

    /// Returns the first type of that name and of one of `kinds`, the image's before a module's.
    ///
    /// The kernel finds a type of its image without a walk, because these types are sorted by name.
    fn named(&self, name: &CStr, kinds: &[u32]) -> TypeMatch {
        for &kind in kinds {
            // SAFETY: By the type invariants the function is bound and the BTF is held; the name is
            // NUL-terminated. Kinds fit into a byte.
            let id = unsafe {
                imported::btf_find_by_name_kind(self.btf.as_ptr(), name.as_char_ptr(), kind as u8)
            };
            if let Ok(id @ 1..) = u32::try_from(id) {
                return match has_namesake_beside(self, id) {
                    true => TypeMatch::Ambiguous,
                    false => TypeMatch::Id(id),
                };
            }
        }
        TypeMatch::Missing
    }
}

/// Returns whether functions were bound.
fn is_bound(result: Result<(), Unusable>) -> Result<bool, AllocError> {
    match result {
        Ok(()) => Ok(true),
        Err(Unusable::NoMemory) => Err(AllocError),
        Err(_) => Ok(false),
    }
}

/// Returns the BTF that the kernel has returned, if there is some.
fn there_is(btf: *mut bindings::btf) -> Option<NonNull<bindings::btf>> {
    from_err_ptr(btf).ok().and_then(NonNull::new)
}

/// The size of a buffer for the name of any symbol and its NUL.
const NAME_SIZE: usize = bindings::KSYM_NAME_LEN as usize;

/// Writes the name of the function that has all arguments of the kfunc `name` into `buffer`;
/// [`None`] if it is too long for a symbol.
fn implementation_name<'b>(name: &CStr, buffer: &'b mut [u8; NAME_SIZE]) -> Option<&'b CStr> {
    let (start, rest) = buffer.split_at_mut_checked(name.count_bytes())?;
    start.copy_from_slice(name.to_bytes());
    rest.get_mut(..IMPLEMENTATION.len())?
        .copy_from_slice(IMPLEMENTATION.as_bytes());
    CStr::from_bytes_until_nul(buffer).ok()
}

impl Drop for KernelTypes {
    fn drop(&mut self) {
        if self.first_id > 1 {
            // SAFETY: By the type invariants the function is bound, and there is a reference, which
            // ends here.
            unsafe { of_modules::btf_put(self.btf.as_ptr()) }
        }
    }
}

// The comparison asks in many places. Each inlined copy would be one more call site to patch, which
// costs as much as a hundred calls.
impl TypeSource for KernelTypes {
    #[inline(never)]
    fn type_by_id(&self, id: u32) -> Option<BtfType<'_>> {
        // SAFETY: By the type invariants.
        let ty = unsafe { imported::btf_type_by_id(self.btf.as_ptr(), id) };
        // SAFETY: `ty` is null, or a type that lives as long as the BTF.
        let header = unsafe { ty.as_ref() }?;
        let trailing_len = BtfType::trailing_len(header.info)?;
        // SAFETY: The kernel checked when it loaded the BTF that each type is followed by the data
        // that belongs to it.
        let trailing = unsafe { core::slice::from_raw_parts(ty.add(1).cast(), trailing_len) };
        // SAFETY: Both variants are one integer.
        let size_or_type = unsafe { header.__bindgen_anon_1.type_ };
        Some(BtfType::new(
            header.name_off,
            header.info,
            size_or_type,
            trailing,
        ))
    }

    #[inline(never)]
    fn name(&self, offset: u32) -> Option<&[u8]> {
        // SAFETY: By the type invariants.
        let name = unsafe { imported::btf_name_by_offset(self.btf.as_ptr(), offset) };
        if name.is_null() {
            return None;
        }
        // SAFETY: The strings of the BTF end in a NUL and live as long as it does.
        Some(unsafe { CStr::from_char_ptr(name) }.to_bytes())
    }
}
