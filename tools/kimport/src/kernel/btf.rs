// SPDX-License-Identifier: GPL-2.0

//! Prototypes of functions from the kernel's type information.

use crate::error::{Error, Result};
use btf_rs::{Btf, BtfType, Type};
use kimport_types::TypeSource;
use std::fmt::Write;

/// The deepest chain that is followed. Chains of pointers, arrays and qualifiers in C are short; in
/// a damaged file they may be loops.
const MAX_DEPTH: usize = 32;

/// The type information of the kernel image or of a module.
pub struct Types(Btf);

impl Types {
    /// Reads the type information of a kernel image.
    pub fn of_image(bytes: &[u8]) -> Result<Self> {
        Btf::from_bytes(bytes).map(Self).map_err(unreadable)
    }

    /// Reads the type information of a module, which refers to that of its kernel image.
    pub fn of_module(bytes: &[u8], image: &Self) -> Result<Self> {
        Btf::from_split_bytes(bytes, &image.0)
            .map(Self)
            .map_err(unreadable)
    }

    /// Returns the prototypes of the functions of that name, without parameter names. There can be
    /// several if several static functions have the name.
    pub fn prototypes(&self, name: &str) -> Vec<String> {
        let types = self.0.resolve_types_by_name(name).unwrap_or_default();
        let mut prototypes: Vec<String> = types
            .iter()
            .filter_map(|found| match found {
                Type::Func(function) => match self.0.resolve_chained_type(function).ok()? {
                    Type::FuncProto(prototype) => self.function(&prototype, "", 0),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        prototypes.sort_unstable();
        prototypes.dedup();
        prototypes
    }

    fn function(
        &self,
        prototype: &btf_rs::FuncProto,
        declared: &str,
        depth: usize,
    ) -> Option<String> {
        let mut parameters = Vec::new();
        for parameter in &prototype.parameters {
            parameters.push(if parameter.is_variadic() {
                "...".to_owned()
            } else {
                self.declare(parameter.get_type_id()?, "", depth + 1)?
            });
        }
        if parameters.is_empty() {
            parameters.push("void".to_owned());
        }
        self.declare(
            prototype.return_type_id(),
            &format!("{declared}({})", parameters.join(", ")),
            depth + 1,
        )
    }

    /// Writes a declaration of `inner` with the type `id` in C's syntax, from the inside out.
    fn declare(&self, id: u32, inner: &str, depth: usize) -> Option<String> {
        if depth > MAX_DEPTH {
            return None;
        }
        let name = |named: &dyn BtfType| self.0.resolve_name(named).ok();
        let base = |base: String| {
            Some(match inner {
                "" => base,
                _ => format!("{base} {inner}"),
            })
        };
        let tagged = |keyword: &str, named: &dyn BtfType| {
            let tag = name(named)?;
            base(format!(
                "{keyword} {}",
                if tag.is_empty() { "{...}" } else { &tag }
            ))
        };
        match self.0.resolve_type_by_id(id).ok()? {
            Type::Void => base("void".to_owned()),
            Type::Int(int) => base(name(&int)?),
            Type::Float(float) => base(name(&float)?),
            Type::Typedef(alias) => base(name(&alias)?),
            Type::Struct(tag) => tagged("struct", &tag),
            Type::Union(tag) => tagged("union", &tag),
            Type::Enum(tag) => tagged("enum", &tag),
            Type::Enum64(tag) => tagged("enum", &tag),
            Type::Fwd(tag) => {
                let keyword = if tag.is_union() { "union" } else { "struct" };
                tagged(keyword, &tag)
            }
            Type::Ptr(pointer) => self.declare_pointer(pointer.get_type_id()?, inner, depth),
            Type::Array(array) => {
                let mut declared = inner.to_owned();
                write!(declared, "[{}]", array.len()).ok()?;
                self.declare(array.get_type_id()?, &declared, depth + 1)
            }
            Type::FuncProto(prototype) => self.function(&prototype, inner, depth),
            Type::Const(inside) => self.qualify("const", inside.get_type_id()?, inner, depth),
            Type::Volatile(inside) => self.qualify("volatile", inside.get_type_id()?, inner, depth),
            // These say nothing about which values can be passed.
            Type::Restrict(inside) => self.declare(inside.get_type_id()?, inner, depth + 1),
            Type::TypeTag(inside) => self.declare(inside.get_type_id()?, inner, depth + 1),
            _ => None,
        }
    }

    fn declare_pointer(&self, target: u32, inner: &str, depth: usize) -> Option<String> {
        let declared = match self.behind_tags(target, depth)? {
            Type::FuncProto(_) | Type::Array(_) => format!("(*{inner})"),
            _ => format!("*{inner}"),
        };
        self.declare(target, &declared, depth + 1)
    }

    fn behind_tags(&self, id: u32, depth: usize) -> Option<Type> {
        match self.0.resolve_type_by_id(id).ok()? {
            Type::TypeTag(tag) if depth < MAX_DEPTH => {
                self.behind_tags(tag.get_type_id()?, depth + 1)
            }
            other => Some(other),
        }
    }

    /// Adds a qualifier: after the star of a pointer, before any other type.
    fn qualify(&self, word: &str, id: u32, inner: &str, depth: usize) -> Option<String> {
        match self.behind_tags(id, depth)? {
            Type::Ptr(_) => {
                let space = if inner.is_empty() { "" } else { " " };
                self.declare(id, &format!("{word}{space}{inner}"), depth + 1)
            }
            _ => Some(format!("{word} {}", self.declare(id, inner, depth + 1)?)),
        }
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

fn unreadable(error: btf_rs::Error) -> Error {
    Error::unusable(format_args!("type information (BTF): {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INT: u32 = 1;
    const PTR: u32 = 2;
    const STRUCT: u32 = 4;
    const CONST: u32 = 10;
    const FUNC: u32 = 12;
    const FUNC_PROTO: u32 = 13;

    /// Type information with the functions `f`, `int f(const struct s *, int (*)(void))`, and `g`,
    /// `void g(int *const, ...)`.
    fn example() -> Vec<u8> {
        let strings = b"\0int\0s\0f\0g\0";
        let mut types = Vec::new();
        let mut put =
            |words: &[u32]| types.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let info = |kind: u32, count: u32| (kind << 24) | count;
        put(&[1, info(INT, 0), 4, (1 << 24) | 32]); // 1: int
        put(&[5, info(STRUCT, 0), 0]); // 2: struct s
        put(&[0, info(CONST, 0), 2]); // 3: const struct s
        put(&[0, info(PTR, 0), 3]); // 4: const struct s *
        put(&[0, info(FUNC_PROTO, 0), 1]); // 5: int (void)
        put(&[0, info(PTR, 0), 5]); // 6: int (*)(void)
        put(&[0, info(FUNC_PROTO, 2), 1, 0, 4, 0, 6]); // 7
        put(&[7, info(FUNC, 1), 7]); // 8: f
        put(&[0, info(PTR, 0), 1]); // 9: int *
        put(&[0, info(CONST, 0), 9]); // 10: int *const
        put(&[0, info(FUNC_PROTO, 2), 0, 0, 10, 0, 0]); // 11
        put(&[9, info(FUNC, 0), 11]); // 12: g
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        let lengths = [24, 0, types.len(), types.len(), strings.len()];
        bytes.extend(
            lengths
                .iter()
                .flat_map(|&length| (length as u32).to_le_bytes()),
        );
        bytes.extend(types);
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn prototypes_read_as_in_c() {
        let types = Types::of_image(&example()).unwrap();
        assert_eq!(
            types.prototypes("f"),
            ["int (const struct s *, int (*)(void))"]
        );
        assert_eq!(types.prototypes("g"), ["void (int *const, ...)"]);
        assert!(types.prototypes("s").is_empty() && types.prototypes("h").is_empty());
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
