// SPDX-License-Identifier: GPL-2.0

//! The structs, unions and enums in the output of bindgen.

use std::collections::HashMap;
use syn::{Fields, Item, Type};

/// A file that bindgen wrote, with the places of its definitions.
pub(crate) struct Definitions {
    /// The place of the definition of each name.
    items: HashMap<String, usize>,
    /// The place of the `impl` of each struct that has methods, with the bit-fields.
    impls: HashMap<String, usize>,
    /// The enumerators of each enum.
    enumerators: HashMap<String, Vec<(String, i64)>>,
}

/// A definition.
pub(crate) enum Definition {
    /// A struct or union.
    Fields {
        is_union: bool,
        fields: Vec<(String, Type)>,
    },
    /// A typedef.
    Alias(Type),
    /// An enum that is a struct of one integer in Rust.
    Newtype(Type),
}

/// A bit-field.
pub(crate) struct BitField {
    /// The field that has the bits.
    pub(crate) unit: String,
    pub(crate) name: String,
    /// The first bit in the unit.
    pub(crate) offset: usize,
    pub(crate) bits: usize,
}

impl Definitions {
    pub(crate) fn new(text: &str) -> Self {
        let mut this = Self {
            items: HashMap::new(),
            impls: HashMap::new(),
            enumerators: HashMap::new(),
        };
        for (at, item) in items(text) {
            if let Some((body, inner)) = methods(item) {
                this.impls.entry(inner.to_owned()).or_insert(at);
                items(body).for_each(|(_, item)| this.add_enumerator(item));
            } else if let Some(name) = type_name(item) {
                this.items.entry(name.to_owned()).or_insert(at);
            } else {
                this.add_enumerator(item);
            }
        }
        this
    }

    fn add_enumerator(&mut self, item: &str) {
        if let Some((ty, name, value)) = enumerator(item) {
            let known = self.enumerators.entry(ty.to_owned()).or_default();
            known.push((name.to_owned(), value));
        }
    }

    /// Returns whether there is a struct or union `name`, or a typedef of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.items.contains_key(name)
    }

    /// Returns the definition of `name` in `text`, from which `self` was made.
    pub(crate) fn get(&self, text: &str, name: &str) -> Option<Definition> {
        let item = &text[*self.items.get(name)?..];
        match syn::parse_str(&item[..item_len(item)?]).ok()? {
            Item::Struct(item) => match item.fields {
                Fields::Named(fields) => Some(Definition::fields(false, fields)),
                Fields::Unnamed(fields) => {
                    Some(Definition::Newtype(fields.unnamed.into_iter().next()?.ty))
                }
                Fields::Unit => None,
            },
            Item::Union(item) => Some(Definition::fields(true, item.fields)),
            Item::Type(item) => Some(Definition::Alias(*item.ty)),
            _ => None,
        }
    }

    /// Returns the names and values of an enum.
    pub(crate) fn enumerators(&self, name: &str) -> &[(String, i64)] {
        self.enumerators.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the bit-fields of a struct or union, which bindgen gives methods.
    pub(crate) fn bit_fields(&self, text: &str, name: &str) -> Vec<BitField> {
        let Some(&at) = self.impls.get(name) else {
            return Vec::new();
        };
        let methods = text[at..].get(..item_len(&text[at..]).unwrap_or_default());
        let methods = methods.unwrap_or_default().split("pub fn ").skip(1);
        methods.filter_map(bit_field).collect()
    }
}

impl Definition {
    fn fields(is_union: bool, fields: syn::FieldsNamed) -> Self {
        let mut fields: Vec<_> = fields
            .named
            .into_iter()
            .filter_map(|field| Some((field.ident?.to_string(), field.ty)))
            .collect();
        // A union of types that are not `Copy` is a struct with this field for its size.
        let is_wrapped = |name: &str| name == "bindgen_union_field";
        let count = fields.len();
        fields.retain(|(name, _)| !is_wrapped(name));
        Self::Fields {
            is_union: is_union || fields.len() < count,
            fields,
        }
    }
}

/// Returns the items of `text` and their places, without their attributes. bindgen's output may not
/// be formatted: it is all in one line then, with spaces between the tokens.
fn items(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + attributes_len(rest)?;
        at = start + item_len(&text[start..])?;
        Some((start, &text[start..at]))
    })
}

/// Returns the name of the struct, union or typedef `item`.
fn type_name(item: &str) -> Option<&str> {
    let rest = item.strip_prefix("pub ")?;
    let words = ["struct ", "union ", "type "];
    let rest = words.iter().find_map(|word| rest.strip_prefix(word))?;
    rest.split([' ', '(', '<']).next()
}

/// Returns the body of an `impl` of no trait, and the name of its type.
fn methods(item: &str) -> Option<(&str, &str)> {
    let (name, body) = item.strip_prefix("impl ")?.split_once('{')?;
    let name = name.trim_end();
    let is_name = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    let body = body.strip_suffix('}')?;
    name.bytes().all(is_name).then_some((body, name))
}

/// Returns the enum, the name and the value of the enumerator `item`.
fn enumerator(item: &str) -> Option<(&str, &str, i64)> {
    let item = item.strip_prefix("pub const ")?.strip_suffix(';')?;
    let (name, rest) = item.split_once(':')?;
    let (ty, value) = rest.split_once('=')?;
    let (name, ty, value) = (name.trim(), ty.trim(), value.trim());
    // An enum with a name is the prefix of its enumerators, or a struct around the value.
    let (name, value) = match name
        .strip_prefix(ty)
        .and_then(|name| name.strip_prefix('_'))
    {
        Some(name) => (name, value),
        None => {
            let value = value.strip_prefix(ty)?.trim_start();
            (name, value.strip_prefix('(')?.strip_suffix(')')?.trim())
        }
    };
    let value: String = value.split_whitespace().collect();
    let value = value
        .parse()
        .or_else(|_| value.parse().map(|value: u64| value as i64));
    Some((ty, name, value.ok()?))
}

/// Returns the bit-field that a method reads. `method` is its text behind `pub fn `.
fn bit_field(method: &str) -> Option<BitField> {
    let method: String = method.split_whitespace().collect();
    let (name, body) = method.split_once("(&self)")?;
    let (unit, rest) = body.split_once("self._bitfield_")?.1.split_once(".get")?;
    let rest = rest.trim_start_matches("_const::<").trim_start_matches('(');
    let (offset, rest) = rest.split_once("usize,")?;
    let (bits, _) = rest.split_once("u8")?;
    Some(BitField {
        unit: format!("_bitfield_{unit}"),
        name: name.to_owned(),
        offset: offset.parse().ok()?,
        bits: bits.parse().ok()?,
    })
}

/// Returns the length of the space, comments and attributes that `text` begins with.
fn attributes_len(text: &str) -> Option<usize> {
    let mut rest = text.trim_start();
    loop {
        rest = match rest.as_bytes() {
            [b'/', b'*', ..] => rest.split_once("*/")?.1,
            [b'/', b'/', ..] => rest.split_once('\n')?.1,
            [b'#', ..] => &rest[len_to(rest, |byte| byte == b']')?..],
            _ => return Some(text.len() - rest.len()),
        }
        .trim_start();
    }
}

/// Returns the length of the item that `text` begins with: up to its semicolon, or to the end of
/// its braces.
fn item_len(text: &str) -> Option<usize> {
    len_to(text, |byte| matches!(byte, b'}' | b';'))
}

/// Returns the length of `text` up to the first byte outside of brackets that `is_end` accepts. The
/// byte may be the bracket that closes the last one.
fn len_to(text: &str, is_end: impl Fn(u8) -> bool) -> Option<usize> {
    let mut depth = 0_u32;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.checked_sub(1)?,
            // A string may have any bytes.
            b'"' => {
                while bytes.find(|&(_, byte)| matches!(byte, b'"' | b'\\'))?.1 == b'\\' {
                    bytes.next()?;
                }
            }
            _ => {}
        }
        if depth == 0 && is_end(byte) {
            return Some(at + 1);
        }
    }
    None
}
