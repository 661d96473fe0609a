// SPDX-License-Identifier: GPL-2.0

//! Prototypes of functions from the kernel's type information.

use crate::error::{Error, Result};
use indexmap::IndexMap;
use kimport_types::{Btf, BtfError, BtfKind, BtfType, TypeSource};
use std::{
    collections::{BTreeSet, HashMap},
    iter,
};

/// The deepest chain that is followed. Chains of pointers, arrays and qualifiers in C are short; in
/// a damaged file they may be loops.
const MAX_DEPTH: usize = 32;

/// The type information of the kernel image or of a module.
pub struct Types<'a> {
    bytes: Vec<u8>,
    /// The offset of each type.
    index: Vec<u32>,
    /// The ids of the functions by name.
    functions: HashMap<Vec<u8>, Vec<u32>>,
    base: Option<&'a Types<'a>>,
}

impl<'a> Types<'a> {
    /// Reads the type information of a kernel image.
    pub fn of_image(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes, None)
    }

    /// Reads the type information of a module, which refers to that of its kernel image.
    pub fn of_module(bytes: &[u8], image: &'a Self) -> Result<Self> {
        Self::read(bytes, Some(image))
    }

    fn read(bytes: &[u8], base: Option<&'a Self>) -> Result<Self> {
        let read = || {
            let base_btf = base.map(|base| Btf::with_index(&base.bytes, None, &base.index));
            let base_btf = base_btf.transpose()?;
            let mut index = vec![0; Btf::count(bytes)?];
            let mut functions = HashMap::<_, Vec<_>>::new();
            let btf = Btf::new(bytes, base_btf.as_ref(), &mut index)?;
            for id in btf.first_id().. {
                let Some(ty) = btf.type_by_id(id) else { break };
                if let (BtfKind::Function(_), Some(name)) = (ty.kind(), btf.name(ty.name_offset()))
                {
                    functions.entry(name.to_owned()).or_default().push(id);
                }
            }
            Ok(Self {
                bytes: bytes.to_owned(),
                index,
                functions,
                base,
            })
        };
        read().map_err(|error: BtfError| {
            Error::unusable(format_args!("type information (BTF): {error}"))
        })
    }

    /// Returns the ids of the functions of that name. There can be several if several static
    /// functions have the name.
    pub fn functions(&self, name: &str) -> impl Iterator<Item = u32> + '_ {
        let own_and_base = [Some(self), self.base].into_iter().flatten();
        let name = name.as_bytes().to_owned();
        let ids = own_and_base.filter_map(move |types| types.functions.get(&name));
        ids.flatten().copied()
    }

    /// Returns the first variable of that name, looking at all types.
    pub fn variable(&self, name: &str) -> Option<u32> {
        self.first(name, |kind| matches!(kind, BtfKind::Variable(_)))
    }

    /// Returns the first struct or union of that name, or else the first typedef, looking at all
    /// types.
    pub fn aggregate(&self, name: &str) -> Option<u32> {
        let is_tag =
            |kind: &BtfKind<'_>| matches!(kind, BtfKind::Struct { .. } | BtfKind::Union { .. });
        let typedef = || self.first(name, |kind| matches!(kind, BtfKind::Typedef(_)));
        self.first(name, is_tag).or_else(typedef)
    }

    /// Returns the first of these types. A module's own types go before those of the image.
    fn first(&self, name: &str, is_wanted: impl Fn(&BtfKind<'_>) -> bool) -> Option<u32> {
        self.with_btf(|btf| {
            let own = (btf.first_id()..).map_while(|id| Some((id, btf.type_by_id(id)?)));
            let base = (1..btf.first_id()).filter_map(|id| Some((id, btf.type_by_id(id)?)));
            let mut named = own
                .chain(base)
                .filter(|(_, ty)| btf.name(ty.name_offset()) == Some(name.as_bytes()));
            let found = named.find(|(_, ty)| is_wanted(&ty.kind()));
            found.map(|(id, _)| id)
        })?
    }

    /// Calls `ask` with the types.
    pub fn with_btf<R>(&self, ask: impl FnOnce(&Btf<'_>) -> R) -> Option<R> {
        // The types were read before, so none of this fails.
        let base = self
            .base
            .and_then(|base| Btf::with_index(&base.bytes, None, &base.index).ok());
        let btf = Btf::with_index(&self.bytes, base.as_ref(), &self.index);
        Some(ask(&btf.ok()?))
    }

    /// Returns the prototypes of the functions of that name, without parameter names.
    pub fn prototypes(&self, name: &str) -> Vec<String> {
        let prototypes = self.with_btf(|btf| {
            let prototypes =
                self.functions(name)
                    .filter_map(|id| match btf.type_by_id(id)?.kind() {
                        BtfKind::Function(prototype) => declare(btf, prototype, "", 0),
                        _ => None,
                    });
            prototypes.collect::<BTreeSet<_>>()
        });
        prototypes.into_iter().flatten().collect()
    }
}

/// Returns the name at `offset`, which is empty for what has none; [`None`] if C allows no such
/// name. What is written from names that pass this is no other code.
pub(crate) fn c_name<'a>(btf: &'a Btf<'_>, offset: u32) -> Option<&'a str> {
    let name = std::str::from_utf8(btf.name(offset)?).ok()?;
    is_c_name(name).then_some(name)
}

fn is_c_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= u8::MAX.into()
        && name.chars().all(is_allowed)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns the declaration of a function in C, with the names of its parameters.
pub fn c_declaration(btf: &Btf<'_>, name: &str, prototype: u32) -> Option<String> {
    let BtfKind::Prototype {
        returned,
        mut parameters,
    } = btf.type_by_id(prototype)?.kind()
    else {
        return None;
    };
    let parameters = iter::from_fn(|| parameters.next_named());
    let parameters = parameters.map(|(name, id)| parameter(btf, id, c_name(btf, name)?, 0));
    let parameters = list(parameters.collect::<Option<Vec<_>>>()?);
    declare(btf, returned, &format!("{name}({parameters})"), 0)
}

/// Returns the declaration of a variable in C.
pub fn c_variable(btf: &Btf<'_>, name: &str, ty: u32) -> Option<String> {
    declare(btf, ty, name, 0)
}

/// Returns the typedefs that the declaration of a function or variable in C needs, as C declares
/// them, and those that others need first. C may declare a typedef as often as wanted, but not one
/// of a type that has no other name, so these are left out.
pub fn c_typedefs(btf: &Btf<'_>, id: u32) -> IndexMap<String, String> {
    let (mut typedefs, mut seen) = (IndexMap::new(), BTreeSet::new());
    add_typedefs(btf, id, 0, &mut seen, &mut typedefs);
    typedefs
}

/// Adds the typedefs that the type `id` needs, unless it was `seen`.
fn add_typedefs(
    btf: &Btf<'_>,
    id: u32,
    depth: usize,
    seen: &mut BTreeSet<u32>,
    typedefs: &mut IndexMap<String, String>,
) {
    let is_new = depth <= MAX_DEPTH && seen.insert(id);
    let Some(ty) = btf.type_by_id(id).filter(|_| is_new) else {
        return;
    };
    let mut add = |id| add_typedefs(btf, id, depth + 1, seen, typedefs);
    match ty.kind() {
        BtfKind::Pointer(inside)
        | BtfKind::Const(inside)
        | BtfKind::Volatile(inside)
        | BtfKind::Restrict(inside)
        | BtfKind::TypeTag(inside)
        | BtfKind::Array {
            element: inside, ..
        } => add(inside),
        BtfKind::Prototype {
            returned,
            parameters,
        } => iter::once(returned).chain(parameters).for_each(add),
        BtfKind::Typedef(inside) => {
            let name = c_name(btf, ty.name_offset());
            let is_builtin = |name: &&str| name.starts_with("__builtin_");
            let Some(name) = name.filter(|name| !is_builtin(name)) else {
                return;
            };
            if typedefs.contains_key(name) {
                return;
            }
            add_typedefs(btf, inside, depth + 1, seen, typedefs);
            let declared = c_variable(btf, name, inside);
            if let Some(declared) = declared.filter(|declared| !declared.contains("{...}")) {
                typedefs.insert(name.to_owned(), format!("typedef {declared}"));
            }
        }
        _ => {}
    }
}

/// Writes a parameter, which has the type `void` if it is the `...` of a prototype.
fn parameter(btf: &Btf<'_>, id: u32, name: &str, depth: usize) -> Option<String> {
    match id {
        0 => Some("...".to_owned()),
        id => declare(btf, id, name, depth + 1),
    }
}

/// Writes a list of parameters.
fn list(parameters: Vec<String>) -> String {
    match parameters.as_slice() {
        [] => "void".to_owned(),
        parameters => parameters.join(", "),
    }
}

/// Writes a declaration of `inner` with the type `id` in C's syntax, from the inside out.
fn declare(btf: &Btf<'_>, id: u32, inner: &str, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    let base = |base: &str| {
        Some(match inner {
            "" => base.to_owned(),
            _ => format!("{base} {inner}"),
        })
    };
    if id == 0 {
        return base("void");
    }
    let ty = btf.type_by_id(id)?;
    let name = || c_name(btf, ty.name_offset());
    // Such as `long unsigned int`.
    let words = || {
        let words = std::str::from_utf8(btf.name(ty.name_offset())?).ok()?;
        words.split(' ').all(is_c_name).then_some(words)
    };
    let tagged = |keyword: &str| {
        let tag = Some(name()?).filter(|tag| !tag.is_empty());
        base(&format!("{keyword} {}", tag.unwrap_or("{...}")))
    };
    match ty.kind() {
        BtfKind::Int { .. } | BtfKind::Float { .. } => base(words()?),
        BtfKind::Typedef(_) => base(name()?),
        BtfKind::Struct { .. } | BtfKind::Forward { union: false } => tagged("struct"),
        BtfKind::Union { .. } | BtfKind::Forward { union: true } => tagged("union"),
        BtfKind::Enum { .. } => tagged("enum"),
        BtfKind::Pointer(target) => {
            let declared = match behind_tags(btf, target, depth).map(|ty| ty.kind()) {
                Some(BtfKind::Prototype { .. } | BtfKind::Array { .. }) => format!("(*{inner})"),
                _ => format!("*{inner}"),
            };
            declare(btf, target, &declared, depth + 1)
        }
        BtfKind::Array { element, length } => {
            declare(btf, element, &format!("{inner}[{length}]"), depth + 1)
        }
        BtfKind::Prototype {
            returned,
            parameters,
        } => {
            let parameters = parameters.map(|id| parameter(btf, id, "", depth));
            let parameters = list(parameters.collect::<Option<Vec<_>>>()?);
            declare(btf, returned, &format!("{inner}({parameters})"), depth + 1)
        }
        BtfKind::Const(inside) => qualify(btf, "const", inside, inner, depth),
        BtfKind::Volatile(inside) => qualify(btf, "volatile", inside, inner, depth),
        // These say nothing about which values can be passed.
        BtfKind::Restrict(inside) | BtfKind::TypeTag(inside) => {
            declare(btf, inside, inner, depth + 1)
        }
        _ => None,
    }
}

/// Returns the type `id` without its tags; `None` for `void`.
fn behind_tags<'a>(btf: &'a Btf<'_>, id: u32, depth: usize) -> Option<BtfType<'a>> {
    let ty = btf.type_by_id(id)?;
    match ty.kind() {
        BtfKind::TypeTag(inside) if depth < MAX_DEPTH => behind_tags(btf, inside, depth + 1),
        _ => Some(ty),
    }
}

/// Adds a qualifier: after the star of a pointer, before any other type.
fn qualify(btf: &Btf<'_>, word: &str, id: u32, inner: &str, depth: usize) -> Option<String> {
    match behind_tags(btf, id, depth).map(|ty| ty.kind()) {
        Some(BtfKind::Pointer(_)) => {
            let space = if inner.is_empty() { "" } else { " " };
            declare(btf, id, &format!("{word}{space}{inner}"), depth + 1)
        }
        _ => Some(format!("{word} {}", declare(btf, id, inner, depth + 1)?)),
    }
}

/// Returns whether split type information was made for the base that it was read with. If so, each
/// name is a whole string. The strings of another base have another length, which shifts the names.
pub fn fits(types: &kimport_types::Btf<'_>) -> bool {
    let is_whole = |at: u32| {
        let before = at.checked_sub(1).map(|before| types.name(before));
        types.name(at).is_some() && before.is_none_or(|name| name == Some(&[]))
    };
    let mut own = (types.first_id()..).map_while(|id| types.type_by_id(id));
    own.all(|own| is_whole(own.name_offset()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kimport_testing::Maker;
    use proptest::prelude::*;

    /// Type information with the functions `f`, `int f(const struct s *, int (*)(void))`, and `g`,
    /// `void g(int *const, ...)`.
    fn example() -> Vec<u8> {
        let types = Maker::default();
        let int = types.int("int", 4, 1);
        let pointer = types.pointer(types.constant(types.structure("s", 0)));
        let callback = types.pointer(types.prototype(&[], int));
        types.function("f", &[pointer, callback], int);
        let constant = types.constant(types.pointer(int));
        types.function("g", &[constant, 0], 0);
        types.bytes()
    }

    #[test]
    fn prototypes_read_as_in_c() {
        let types = Types::of_image(&example()).unwrap();
        let prototype = "int (const struct s *, int (*)(void))";
        assert_eq!(types.prototypes("f"), [prototype]);
        assert_eq!(types.prototypes("g"), ["void (int *const, ...)"]);
        assert!(types.prototypes("s").is_empty() && types.prototypes("h").is_empty());
    }

    #[test]
    fn typedefs_that_a_declaration_needs() {
        let types = Maker::default();
        let int = types.int("int", 4, 1);
        let state = types.typedef("state_t", types.enumeration("state", 4));
        let inner = types.typedef("inner_t", int);
        let callback = types.pointer(types.prototype(&[state, inner], 0));
        let callback = types.typedef("callback_t", callback);
        let nameless = types.typedef("lock_t", types.structure("", 4));
        let builtin = types.typedef("__builtin_va_list", int);
        let list = types.typedef("va_list", builtin);
        let prototype = types.prototype(&[callback, types.pointer(nameless), list], inner);
        let bytes = types.bytes();
        let types = Types::of_image(&bytes).unwrap();
        let typedefs = types.with_btf(|btf| c_typedefs(btf, prototype)).unwrap();
        let typedefs: Vec<_> = typedefs.into_values().collect();
        let expected = [
            "typedef int inner_t",
            "typedef enum state state_t",
            "typedef void (*callback_t)(state_t, inner_t)",
            "typedef __builtin_va_list va_list",
        ];
        assert_eq!(typedefs, expected);
    }

    #[test]
    fn names_are_no_other_code() {
        let types = Maker::default();
        let int = types.int("int", 4, 1);
        let structure = types.pointer(types.structure("s; } evil", 0));
        let typedef = types.typedef("a\nb", int);
        let spaced = types.int("long int", 8, 1);
        let good = types.prototype(&[spaced], 0);
        let wrong =
            [structure, typedef, types.int("int*/", 4, 1)].map(|ty| types.prototype(&[ty], 0));
        let types = Types::of_image(&types.bytes()).unwrap();
        types.with_btf(|btf| {
            assert_eq!(c_variable(btf, "f", good).unwrap(), "void f(long int)");
            for prototype in wrong {
                assert_eq!(c_variable(btf, "f", prototype), None);
            }
        });
    }

    proptest! {
        #[test]
        fn damaged_types_are_no_panic(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), 0..16_u8), 1..6),
            keep in any::<prop::sample::Index>(),
        ) {
            let mut bytes = example();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(keep.index(2 * bytes.len()) + 1);
            if let Ok(types) = Types::of_image(&bytes) {
                for name in ["f", "g", "", "s"] {
                    let _ = types.prototypes(name);
                }
            }
        }
    }
}
