// SPDX-License-Identifier: GPL-2.0

//! The structs, unions and enums in the output of bindgen.

use std::collections::HashMap;
use syn::{Fields, Item, Type};

/// A file that bindgen wrote, with the places of its definitions.
pub(crate) struct Definitions {
    /// The definition of each name, from `pub` to the end of the file.
    items: HashMap<String, usize>,
    /// The `impl` of each struct that has methods, with the bit-fields.
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
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if let Some(rest) = line.strip_prefix("pub ") {
                let words = ["struct ", "union ", "type "];
                if let Some(rest) = words.iter().find_map(|word| rest.strip_prefix(word)) {
                    let name = rest.split([' ', '(']).next().unwrap_or_default();
                    this.items.entry(name.to_owned()).or_insert(at);
                }
            } else if let Some(rest) = line.strip_prefix("impl ") {
                if let Some(name) = rest.trim_end().strip_suffix(" {") {
                    this.impls.entry(name.to_owned()).or_insert(at);
                }
            }
            // rustfmt breaks long lines.
            if let Some((ty, name, value)) = enumerator(&text[at..]) {
                let known = this.enumerators.entry(ty.to_owned()).or_default();
                known.push((name.to_owned(), value));
            }
            at += line.len();
        }
        this
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
        let methods = &text[at..];
        let methods = &methods[..methods.find("\n}").unwrap_or(methods.len())];
        let methods = methods.split("pub fn ").skip(1);
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

/// Returns the enum, the name and the value of the enumerator that `text` begins with.
fn enumerator(text: &str) -> Option<(&str, &str, i64)> {
    let text = text.trim_start().strip_prefix("pub const ")?;
    let (name, rest) = text.split_once(';')?.0.split_once(": ")?;
    let (ty, value) = rest.split_once(" =")?;
    let value = value.trim();
    // An enum with a name is the prefix of its enumerators, or a struct around the value.
    let (name, value) = match name
        .strip_prefix(ty)
        .and_then(|name| name.strip_prefix('_'))
    {
        Some(name) => (name, value),
        None => (
            name,
            value
                .strip_prefix(ty)?
                .strip_prefix('(')?
                .strip_suffix(')')?,
        ),
    };
    let value = value
        .parse()
        .or_else(|_| value.parse().map(|value: u64| value as i64));
    Some((ty, name, value.ok()?))
}

/// Returns the bit-field that a method reads. `method` is its text behind `pub fn `.
fn bit_field(method: &str) -> Option<BitField> {
    let (name, body) = method.split_once("(&self)")?;
    let body: String = body.split_whitespace().collect();
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

/// Returns the length of the item that `text` begins with: up to its semicolon, or to the end of
/// its braces.
fn item_len(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 && matches!(byte, b'}' | b';') {
            return Some(at + 1);
        }
    }
    None
}
