// SPDX-License-Identifier: GPL-2.0

//! Descriptions of functions whose prototypes are in BTF, as the macro makes them of declarations.

use crate::kernel::btf::{c_name, Types};
use kimport_types::{is_kfunc, Btf, BtfKind, Encoding, TypeSource, CAPACITY, IMPLEMENTATION};

/// The most typedefs and qualifiers of one type. A longer chain is taken for a loop.
const CHAIN: usize = 64;
/// The greatest depth to which pointers nest in a description.
const DEPTH: usize = 16;

/// Returns the description of the function called `name`; `None` if the types have no such function
/// or several, or if its prototype cannot be described.
pub fn function(types: &Types<'_>, name: &str) -> Option<Vec<u8>> {
    types.with_btf(|btf| {
        let description = prototype_of(btf, prototype(btf, types, name)?)?;
        Some(description.as_bytes().to_vec())
    })?
}

/// Returns the prototype of the function called `name`; `None` if the types have no such function
/// or several.
pub(crate) fn prototype(btf: &Btf<'_>, types: &Types<'_>, name: &str) -> Option<u32> {
    let id = only(btf, types, name)?;
    // The prototype of a kfunc with its implicit arguments has another name.
    let implementation = only(btf, types, &format!("{name}{IMPLEMENTATION}"));
    let id = implementation.filter(|_| is_kfunc(btf, id)).unwrap_or(id);
    match btf.type_by_id(id)?.kind() {
        BtfKind::Function(prototype) => Some(prototype),
        _ => None,
    }
}

/// Returns the only function of that name. One of the module's own types goes before one of the
/// image.
fn only(btf: &Btf<'_>, types: &Types<'_>, name: &str) -> Option<u32> {
    let is_own = |id: &u32| *id >= btf.first_id();
    let (own, base): (Vec<u32>, Vec<u32>) = types.functions(name).partition(is_own);
    match (own.as_slice(), base.as_slice()) {
        ([id], _) | ([], [id]) => Some(*id),
        _ => None,
    }
}

fn prototype_of(btf: &Btf<'_>, id: u32) -> Option<Encoding> {
    let BtfKind::Prototype {
        returned,
        parameters,
    } = btf.type_by_id(id)?.kind()
    else {
        return None;
    };
    let mut parameters: Vec<u32> = parameters.collect();
    let variadic = parameters.last() == Some(&0);
    parameters.truncate(parameters.len() - usize::from(variadic));
    let returned = match Stripped::new(btf, returned)?.id {
        0 => Encoding::VOID,
        _ => value(btf, returned, 0)?,
    };
    let arguments = parameters.into_iter().map(|id| value(btf, id, 0));
    let arguments = arguments.collect::<Option<Vec<_>>>()?;
    let size: usize = arguments.iter().map(Encoding::len).sum();
    let fits = arguments.len() <= u8::MAX.into() && size + returned.len() + 4 <= CAPACITY;
    fits.then(|| Encoding::function(&arguments, returned, variadic))
}

/// A type without qualifiers and typedefs.
pub(crate) struct Stripped<'a> {
    pub(crate) id: u32,
    pub(crate) is_const: bool,
    /// The names of the typedefs, the innermost last.
    pub(crate) typedefs: Vec<&'a str>,
}

impl<'a> Stripped<'a> {
    pub(crate) fn new(btf: &'a Btf<'_>, mut id: u32) -> Option<Self> {
        let (mut is_const, mut typedefs) = (false, Vec::new());
        for _ in 0..CHAIN {
            let Some(ty) = (id != 0).then(|| btf.type_by_id(id)) else {
                break;
            };
            id = match ty?.kind() {
                BtfKind::Typedef(inside) => {
                    typedefs.extend(name_of(btf, id));
                    inside
                }
                BtfKind::Const(inside) => {
                    is_const = true;
                    inside
                }
                BtfKind::Volatile(inside)
                | BtfKind::Restrict(inside)
                | BtfKind::TypeTag(inside) => inside,
                _ => break,
            };
        }
        Some(Self {
            id,
            is_const,
            typedefs,
        })
    }

    /// Returns the name of the innermost typedef.
    pub(crate) fn typedef(&self) -> Option<&'a str> {
        self.typedefs.last().copied()
    }
}

/// Returns the name of type `id`, if it has one that C allows.
pub(crate) fn name_of<'a>(btf: &'a Btf<'_>, id: u32) -> Option<&'a str> {
    c_name(btf, btf.type_by_id(id)?.name_offset()).filter(|name| !name.is_empty())
}

/// Describes the type of a value that is passed or returned.
fn value(btf: &Btf<'_>, id: u32, depth: usize) -> Option<Encoding> {
    let stripped = Stripped::new(btf, id)?;
    let is_width = |size: u32| matches!(size, 1 | 2 | 4 | 8 | 16);
    Some(match btf.type_by_id(stripped.id)?.kind() {
        BtfKind::Int {
            size: 1,
            boolean: true,
            ..
        } => Encoding::BOOL,
        BtfKind::Int { size, signed, .. } if is_width(size) => {
            Encoding::integer(size as usize, signed)
        }
        // An enum is the same as an integer of its size.
        BtfKind::Enum { size } if is_width(size) => Encoding::integer(size as usize, false),
        BtfKind::Float { size } if is_width(size) => Encoding::float(size as usize),
        BtfKind::Struct { size } | BtfKind::Union { size } => {
            let name = name_of(btf, stripped.id).or(stripped.typedef())?;
            Encoding::named(name, Some(size as usize))
        }
        BtfKind::Pointer(pointee) => pointer(btf, pointee, depth + 1)?,
        _ => return None,
    })
}

/// Describes a pointer to type `id`.
fn pointer(btf: &Btf<'_>, id: u32, depth: usize) -> Option<Encoding> {
    if depth > DEPTH {
        return None;
    }
    let stripped = Stripped::new(btf, id)?;
    let pointee = match stripped.id {
        0 => Encoding::VOID,
        id => match btf.type_by_id(id)?.kind() {
            BtfKind::Prototype { .. } => return Some(Encoding::FUNCTION_POINTER),
            BtfKind::Struct { .. } | BtfKind::Union { .. } | BtfKind::Forward { .. } => {
                let name = name_of(btf, id).or(stripped.typedef());
                name.map_or(Encoding::UNKNOWN, |name| Encoding::named(name, None))
            }
            // A pointer to an array is the same as one to its element.
            BtfKind::Array { element, .. } => return pointer(btf, element, depth + 1),
            _ => value(btf, id, depth)?,
        },
    };
    Some(pointee.pointer(stripped.is_const))
}
