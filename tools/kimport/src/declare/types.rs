// SPDX-License-Identifier: GPL-2.0

//! The kernel's types in Rust: a type as an argument has it, and the definitions that this needs.

use super::{bindings::Bindings, identifier};
use crate::{
    describe::{name_of, Stripped},
    kernel::btf::c_name,
};
use kimport_types::{Btf, BtfKind, TypeSource};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    iter,
};

/// The greatest depth to which types nest. More is taken for a loop.
const DEPTH: usize = 32;
/// The most bytes of a type in Rust, and the most definitions. More is taken for damage.
const LONGEST: usize = 1 << 14;
const MOST: usize = 1 << 16;

/// The reason why a type has no counterpart in Rust.
pub(super) type Untold = String;

/// The typedefs of integers that have a Rust type of their own.
pub(super) fn integer_typedef(name: &str) -> Option<&'static str> {
    Some(match name {
        "u8" | "__u8" | "uint8_t" => "u8",
        "u16" | "__u16" | "uint16_t" => "u16",
        "u32" | "__u32" | "uint32_t" => "u32",
        "u64" | "__u64" | "uint64_t" => "u64",
        "s8" | "__s8" | "int8_t" => "i8",
        "s16" | "__s16" | "int16_t" => "i16",
        "s32" | "__s32" | "int32_t" => "i32",
        "s64" | "__s64" | "int64_t" => "i64",
        "size_t" | "__kernel_size_t" | "uintptr_t" => "usize",
        "ssize_t" | "__kernel_ssize_t" => "isize",
        "bool" => "bool",
        _ => return None,
    })
}

/// The integers that C names by words. The names are those of `kernel::ffi`.
fn integer_of_c(name: &str) -> Option<&'static str> {
    Some(match name {
        "char" => "c_char",
        "signed char" => "c_schar",
        "unsigned char" => "c_uchar",
        "short int" | "short" => "c_short",
        "short unsigned int" | "unsigned short" => "c_ushort",
        "int" => "c_int",
        "unsigned int" => "c_uint",
        "long int" | "long" => "c_long",
        "long unsigned int" | "unsigned long" => "c_ulong",
        "long long int" | "long long" => "c_longlong",
        "long long unsigned int" | "unsigned long long" => "c_ulonglong",
        _ => return None,
    })
}

/// A type in Rust, with its size and alignment in bytes.
struct Laid {
    rust: String,
    size: u64,
    align: u64,
}

/// The types that declarations name, and the definitions of those that bindgen did not make.
pub(super) struct Types<'a> {
    bindings: &'a Bindings,
    /// Set if the structs and unions that declarations name are defined with their members.
    pub(super) defines_all: bool,
    /// The names of structs and unions that are only known by name.
    pub(super) opaque: BTreeSet<String>,
    /// The definitions with members by name.
    defined: BTreeMap<String, String>,
    /// The size and the alignment of each type of `defined`.
    laid: BTreeMap<String, (u64, u64)>,
    /// The types of `kernel::ffi` outside of definitions.
    pub(super) ffi: BTreeSet<&'static str>,
    /// Set if the kernel's bindings are named outside of definitions.
    pub(super) uses_bindings: bool,
    /// The depth to which definitions nest now.
    depth: usize,
}

impl<'a> Types<'a> {
    pub(super) fn new(bindings: &'a Bindings, defines_all: bool) -> Self {
        Self {
            bindings,
            defines_all,
            opaque: BTreeSet::new(),
            defined: BTreeMap::new(),
            laid: BTreeMap::new(),
            ffi: BTreeSet::new(),
            uses_bindings: false,
            depth: 0,
        }
    }

    fn ffi(&mut self, name: &'static str) -> String {
        if self.depth == 0 {
            self.ffi.insert(name);
        }
        name.to_owned()
    }

    fn path(&mut self, path: String) -> String {
        self.uses_bindings |= self.depth == 0 && path.starts_with("bindings::");
        path
    }

    /// Returns the Rust type of a prototype: `fn(name: T) -> R`.
    pub(super) fn prototype(&mut self, btf: &Btf<'_>, id: u32) -> Result<Vec<String>, Untold> {
        let (arguments, returned) = self.signature(btf, id, 0)?;
        if arguments.last().is_some_and(|last| last == "...") {
            return Err("it is variadic, and a wrapper cannot pass on its arguments".to_owned());
        }
        Ok(arguments.into_iter().chain(iter::once(returned)).collect())
    }

    /// Returns the arguments, and `-> R` if there is a result.
    fn signature(
        &mut self,
        btf: &Btf<'_>,
        id: u32,
        depth: usize,
    ) -> Result<(Vec<String>, String), Untold> {
        let kind = btf.type_by_id(id).map(|ty| ty.kind());
        let Some(BtfKind::Prototype {
            returned,
            mut parameters,
        }) = kind
        else {
            return Err(damaged());
        };
        let mut arguments = Vec::new();
        while let Some((name, ty)) = parameters.next_named() {
            if ty == 0 {
                arguments.push("...".to_owned());
                continue;
            }
            let ty = self.value(btf, ty, depth)?.rust;
            if arguments.iter().map(String::len).sum::<usize>() + ty.len() > LONGEST {
                return Err(too_deep());
            }
            arguments.push(match c_name(btf, name).ok_or_else(damaged)? {
                "" => ty,
                name => format!("{}: {ty}", identifier(name)),
            });
        }
        let stripped = Stripped::new(btf, returned).ok_or_else(damaged)?;
        let returned = match stripped.id {
            0 => String::new(),
            _ => format!(" -> {}", self.value(btf, returned, depth)?.rust),
        };
        Ok((arguments, returned))
    }

    /// Returns the Rust type of a variable, or of a value that is passed or returned.
    pub(super) fn variable(&mut self, btf: &Btf<'_>, id: u32) -> Result<String, Untold> {
        Ok(self.value(btf, id, 0)?.rust)
    }

    /// Returns the name of the first of these typedefs that bindgen made.
    fn typedef_path(&mut self, typedefs: &[&str]) -> Option<String> {
        let mut paths = typedefs.iter().filter_map(|name| self.bindings.value(name));
        let path = paths.next()?;
        Some(self.path(path))
    }

    fn value(&mut self, btf: &Btf<'_>, id: u32, depth: usize) -> Result<Laid, Untold> {
        if depth > DEPTH {
            return Err(too_deep());
        }
        let stripped = Stripped::new(btf, id).ok_or_else(damaged)?;
        let typedefs = stripped.typedefs.as_slice();
        let ty = btf.type_by_id(stripped.id).ok_or_else(damaged)?;
        let own_name = name_of(btf, stripped.id);
        let scalar = |rust: String, size: u32| Laid {
            rust,
            size: size.into(),
            align: u64::from(size).max(1),
        };
        let is_width = |size: u32| matches!(size, 1 | 2 | 4 | 8 | 16);
        let integer = |size: u32, signed: bool| {
            let sign = if signed { 'i' } else { 'u' };
            format!("{sign}{}", 8 * size)
        };
        Ok(match ty.kind() {
            BtfKind::Int {
                boolean: true,
                size: 1,
                ..
            } => scalar("bool".to_owned(), 1),
            BtfKind::Int { size, signed, .. } if is_width(size) => {
                let known = typedefs.iter().find_map(|name| integer_typedef(name));
                let in_c = || {
                    let name = btf.name(ty.name_offset())?;
                    integer_of_c(std::str::from_utf8(name).ok()?)
                };
                let rust = match known {
                    Some(known) => known.to_owned(),
                    None => match (self.typedef_path(typedefs), in_c()) {
                        (Some(path), _) => path,
                        (None, Some(name)) => self.ffi(name),
                        (None, None) => integer(size, signed),
                    },
                };
                scalar(rust, size)
            }
            BtfKind::Float {
                size: size @ (4 | 8),
            } => scalar(format!("f{}", 8 * size), size),
            BtfKind::Enum { size } if is_width(size) => {
                let names: Vec<&str> = own_name
                    .into_iter()
                    .chain(typedefs.iter().copied())
                    .collect();
                let signed = ty.enumerators().any(|(_, value)| (value as i64) < 0);
                let rust = match (self.typedef_path(&names), size, signed) {
                    (Some(path), ..) => path,
                    (None, 4, false) => self.ffi("c_uint"),
                    (None, 4, true) => self.ffi("c_int"),
                    (None, ..) => integer(size, signed),
                };
                scalar(rust, size)
            }
            BtfKind::Struct { size } | BtfKind::Union { size } => {
                let name = own_name.or(stripped.typedef());
                let name = name.ok_or("it has a struct without a name by value")?;
                let align = match self.bindings.value(name) {
                    Some(_) => align_of(btf, stripped.id, &mut HashMap::new()),
                    None => self.define(btf, stripped.id, name)?,
                };
                let path = self.bindings.value(name);
                let path = path.unwrap_or_else(|| identifier(name));
                Laid {
                    rust: self.path(path),
                    size: size.into(),
                    align,
                }
            }
            BtfKind::Array { element, length } => {
                let element = self.value(btf, element, depth + 1)?;
                Laid {
                    rust: format!("[{}; {length}]", element.rust),
                    size: array_size(element.size, length)?,
                    align: element.align,
                }
            }
            BtfKind::Pointer(pointee) => {
                let rust = match self.typedef_path(typedefs) {
                    Some(path) => path,
                    None => self.pointer(btf, pointee, depth + 1)?,
                };
                scalar(rust, 8)
            }
            _ => return Err("BTF does not tell its types completely".to_owned()),
        })
    }

    fn pointer(&mut self, btf: &Btf<'_>, id: u32, depth: usize) -> Result<String, Untold> {
        let stripped = Stripped::new(btf, id).ok_or_else(damaged)?;
        let qualifier = if stripped.is_const { "const" } else { "mut" };
        let pointee = match stripped.id {
            0 => self.ffi("c_void"),
            inner => match btf.type_by_id(inner).ok_or_else(damaged)?.kind() {
                BtfKind::Prototype { .. } => {
                    let (arguments, returned) = self.signature(btf, inner, depth + 1)?;
                    let arguments = arguments.join(", ");
                    return Ok(format!(
                        "Option<unsafe extern \"C\" fn({arguments}){returned}>"
                    ));
                }
                BtfKind::Struct { .. } | BtfKind::Union { .. } | BtfKind::Forward { .. } => {
                    let name = name_of(btf, inner).or(stripped.typedef());
                    match name {
                        Some(name) => self.named_pointee(btf, inner, name)?,
                        None => self.ffi("c_void"),
                    }
                }
                _ => self.value(btf, id, depth)?.rust,
            },
        };
        Ok(format!("*{qualifier} {pointee}"))
    }

    /// Returns the type that a pointer to a struct or union points to.
    fn named_pointee(&mut self, btf: &Btf<'_>, id: u32, name: &str) -> Result<String, Untold> {
        if let Some(path) = self.bindings.pointee(name) {
            return Ok(self.path(path));
        }
        let is_complete = !matches!(
            btf.type_by_id(id).map(|ty| ty.kind()),
            Some(BtfKind::Forward { .. })
        );
        if is_complete {
            self.check_size(btf, id, name)?;
        }
        let wanted = self.defines_all && self.depth == 0 && is_complete;
        // For a pointer to a type that cannot be defined, its name suffices.
        let is_defined = wanted && self.define(btf, id, name).is_ok();
        if !is_defined && !self.defined.contains_key(name) {
            self.opaque.insert(name.to_owned());
        }
        Ok(identifier(name))
    }

    /// Refuses a struct or union that has the name of another one that is defined.
    fn check_size(&self, btf: &Btf<'_>, id: u32, name: &str) -> Result<(), Untold> {
        match self.laid.get(name) {
            Some((size, _)) if size_of(btf, id) != Some(*size) => {
                Err(format!("two structs or unions are called {name}"))
            }
            _ => Ok(()),
        }
    }

    /// Defines a struct or union with its members, unless that is done. Returns its alignment.
    pub(super) fn define(&mut self, btf: &Btf<'_>, id: u32, name: &str) -> Result<u64, Untold> {
        self.check_size(btf, id, name)?;
        if let Some((_, align)) = self.laid.get(name) {
            return Ok(*align);
        }
        if self.depth > DEPTH || self.defined.len() > MOST {
            return Err(too_deep());
        }
        self.depth += 1;
        let definition = Definition::new(self, btf, id, name);
        self.depth -= 1;
        let definition = definition?;
        let size = definition.size;
        let (text, align) = definition.text()?;
        self.opaque.remove(name);
        self.defined.insert(name.to_owned(), text);
        self.laid.insert(name.to_owned(), (size, align));
        Ok(align)
    }

    /// Returns the definitions.
    pub(super) fn definitions(&self) -> BTreeMap<&str, String> {
        let opaque = self.opaque.iter().map(|name| {
            let rust = identifier(name);
            (
                name.as_str(),
                format!("#[repr(C)]\npub struct {rust}([u8; 0], PhantomData<(*mut u8, PhantomPinned)>);\n"),
            )
        });
        let defined = self
            .defined
            .iter()
            .map(|(name, text)| (name.as_str(), text.clone()));
        opaque.chain(defined).collect()
    }
}

fn damaged() -> Untold {
    "its BTF is damaged".to_owned()
}

fn too_deep() -> Untold {
    "its types nest too deeply".to_owned()
}

/// Returns the size of a struct or union.
fn size_of(btf: &Btf<'_>, id: u32) -> Option<u64> {
    match btf.type_by_id(Stripped::new(btf, id)?.id)?.kind() {
        BtfKind::Struct { size } | BtfKind::Union { size } => Some(size.into()),
        _ => None,
    }
}

/// Returns the size of an array.
fn array_size(element: u64, length: u32) -> Result<u64, Untold> {
    let size = element.checked_mul(length.into());
    size.filter(|size| *size <= u32::MAX.into())
        .ok_or_else(damaged)
}

/// Returns the alignment of a type that bindgen made, as far as its members tell. `known` has those
/// of other types.
fn align_of(btf: &Btf<'_>, id: u32, known: &mut HashMap<u32, u64>) -> u64 {
    let stripped = Stripped::new(btf, id);
    let Some((id, ty)) = stripped.and_then(|one| Some((one.id, btf.type_by_id(one.id)?))) else {
        return 1;
    };
    if let Some(align) = known.get(&id) {
        return *align;
    }
    // A type that contains itself is damaged.
    known.insert(id, 1);
    let align = match ty.kind() {
        BtfKind::Int { size, .. } | BtfKind::Enum { size } | BtfKind::Float { size } => size.into(),
        BtfKind::Pointer(_) => 8,
        BtfKind::Array { element, .. } => align_of(btf, element, known),
        BtfKind::Struct { .. } | BtfKind::Union { .. } => {
            let aligns = ty.members().map(|member| align_of(btf, member.ty, known));
            aligns.max().unwrap_or(1)
        }
        _ => 1,
    };
    let align = align.max(1);
    known.insert(id, align);
    align
}

/// A struct or union that is being written.
struct Definition {
    /// The name in C, or that of bindgen for a nameless one.
    name: String,
    is_union: bool,
    /// The size in bytes.
    size: u64,
    /// Set if the fields are the members in C.
    is_plain: bool,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    rust: String,
    offset: u64,
    size: u64,
    align: u64,
    /// The comment before it.
    comment: String,
}

impl Definition {
    fn new(types: &mut Types<'_>, btf: &Btf<'_>, id: u32, name: &str) -> Result<Self, Untold> {
        let stripped = Stripped::new(btf, id).ok_or_else(damaged)?;
        let ty = btf.type_by_id(stripped.id).ok_or_else(damaged)?;
        let (is_union, size) = match ty.kind() {
            BtfKind::Struct { size } => (false, u64::from(size)),
            BtfKind::Union { size } => (true, u64::from(size)),
            _ => return Err(format!("the members of {name} are not known")),
        };
        let mut this = Self {
            name: name.to_owned(),
            is_union,
            size,
            is_plain: !name.contains("__bindgen_ty_"),
            fields: Vec::new(),
        };
        let mut nameless = 0;
        for member in ty.members() {
            let member_name = c_name(btf, member.name).ok_or_else(damaged)?;
            if member.bits != 0 {
                this.is_plain = false;
                this.add_bits(member_name, member.offset.into(), member.bits.into());
                continue;
            }
            let stripped = Stripped::new(btf, member.ty).ok_or_else(damaged)?;
            let offset = u64::from(member.offset) / 8;
            let inner = innermost(btf, stripped.id);
            let is_nameless = name_of(btf, inner).is_none()
                && Stripped::new(btf, inner).is_some_and(|inner| inner.typedefs.is_empty())
                && stripped.typedefs.is_empty();
            let aggregate = btf.type_by_id(inner).map(|ty| ty.kind());
            let aggregate = matches!(
                aggregate,
                Some(BtfKind::Struct { .. } | BtfKind::Union { .. })
            );
            if aggregate && is_nameless {
                nameless += 1;
                let of = format!("{name}__bindgen_ty_{nameless}");
                let align = types.define(btf, inner, &of)?;
                let (lengths, size) = dimensions(btf, stripped.id).ok_or_else(damaged)?;
                let rust = lengths
                    .iter()
                    .rev()
                    .fold(of, |rust, length| format!("[{rust}; {length}]"));
                let field_name = match member_name {
                    "" => {
                        this.is_plain = false;
                        format!("__bindgen_anon_{nameless}")
                    }
                    name => identifier(name),
                };
                this.add(field_name, offset, Laid { rust, size, align });
                continue;
            }
            let laid = types.value(btf, member.ty, 0)?;
            let field_name = match member_name {
                // The kernel is built with -fms-extensions, so its type may have a name.
                "" => {
                    nameless += 1;
                    this.is_plain = false;
                    format!("__bindgen_anon_{nameless}")
                }
                name => identifier(name),
            };
            this.add(field_name, offset, laid);
        }
        Ok(this)
    }

    fn add(&mut self, name: String, offset: u64, laid: Laid) {
        self.fields.push(Field {
            name,
            rust: laid.rust,
            offset,
            size: laid.size,
            align: laid.align,
            comment: String::new(),
        });
    }

    /// Adds a bit-field to the bytes that the bit-fields before it share.
    fn add_bits(&mut self, name: &str, offset: u64, bits: u64) {
        let (first, last) = (offset / 8, (offset + bits).div_ceil(8));
        let what = match bits {
            1 => format!("`{name}`: bit {}", offset),
            _ => format!("`{name}`: bits {} to {}", offset, offset + bits - 1),
        };
        if !self.is_union {
            if let Some(field) = self.fields.last_mut() {
                let is_bits = field.name.starts_with("_bits_");
                let shares = field.offset..=field.offset + field.size;
                if is_bits && shares.contains(&first) {
                    field.size = field.size.max(last - field.offset);
                    field.rust = format!("[u8; {}]", field.size);
                    field.comment += &format!(", {what}");
                    return;
                }
            }
        }
        self.fields.push(Field {
            name: match self.is_union {
                true => format!("_bits_of_{name}"),
                false => format!("_bits_{offset}"),
            },
            rust: format!("[u8; {}]", last - first),
            offset: first,
            size: last - first,
            align: 1,
            comment: what,
        });
    }

    /// Returns whether the compiler's own layout can have all members at their places.
    fn is_natural(&self, align: u64) -> bool {
        let mut end = 0;
        let fits = self.fields.iter().all(|field| {
            let is_there =
                field.offset % field.align == 0 && (self.is_union || field.offset >= end);
            end = end.max(field.offset + field.size);
            is_there
        });
        fits && self.size % align == 0 && end <= self.size
    }

    /// Returns the text, and the alignment of the type.
    fn text(self) -> Result<(String, u64), Untold> {
        let size = self.size;
        let aligns = self.fields.iter().map(|field| field.align);
        let align = aligns.max().unwrap_or(1);
        let is_natural = self.is_natural(align);
        let align = if is_natural { align } else { 1 };
        let rust = identifier(&self.name);
        let packed = if is_natural { "" } else { ", packed" };
        let keyword = if self.is_union { "union" } else { "struct" };
        let mut text = format!("pub {keyword} {rust} {{\n");
        let mut end = 0;
        for (number, field) in self.fields.iter().enumerate() {
            let alignment = if is_natural { field.align } else { 1 };
            if !self.is_union {
                let gap = field.offset.checked_sub(end);
                let gap = gap.ok_or("members of its types overlap")?;
                // The compiler adds the rest.
                if end.next_multiple_of(alignment) != field.offset {
                    let _ = writeln!(text, "    _padding_{number}: [u8; {gap}],");
                }
            }
            if !field.comment.is_empty() {
                let _ = writeln!(text, "    // {}", field.comment);
            }
            // A member that is a struct may only be in a union if it is not dropped.
            let ty = match self.is_union && !is_copied(&field.rust) {
                true => format!("ManuallyDrop<{}>", field.rust),
                false => field.rust.clone(),
            };
            let _ = writeln!(text, "    pub {}: {ty},", field.name);
            end = end.max(field.offset + field.size);
        }
        if end.next_multiple_of(align) != size {
            let gap = size.checked_sub(end).ok_or("it is larger than its size")?;
            let gap = if self.is_union { size } else { gap };
            let _ = writeln!(text, "    _padding_end: [u8; {gap}],");
        }
        text += "}\n";
        let derive = match self.is_plain && !text.contains(" _padding_") {
            true => "#[derive(KnownLayout)]\n",
            false => "",
        };
        let mut text = format!("#[repr(C{packed})]\n{derive}{text}const _: () = {{\n");
        let _ = writeln!(text, "    assert!(size_of::<{rust}>() == {size});");
        for field in self.fields.iter().filter(|field| field.offset > 0) {
            let _ = writeln!(
                text,
                "    assert!(offset_of!({rust}, {}) == {});",
                field.name, field.offset
            );
        }
        Ok((text + "};\n", align))
    }
}

/// Returns whether values of a Rust type can be copied for sure.
fn is_copied(rust: &str) -> bool {
    const SCALARS: &[&str] = &[
        "bool",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "f32",
        "f64",
        "c_char",
        "c_schar",
        "c_uchar",
        "c_short",
        "c_ushort",
        "c_int",
        "c_uint",
        "c_long",
        "c_ulong",
        "c_longlong",
        "c_ulonglong",
    ];
    let element = rust.trim_start_matches('[');
    element.starts_with('*')
        || element.starts_with("Option<")
        || SCALARS.contains(&element.split(';').next().unwrap_or(element))
}

/// Returns the type behind all arrays.
fn innermost(btf: &Btf<'_>, mut id: u32) -> u32 {
    for _ in 0..DEPTH {
        match btf.type_by_id(id).map(|ty| ty.kind()) {
            Some(BtfKind::Array { element, .. }) => {
                let Some(stripped) =
                    Stripped::new(btf, element).filter(|one| one.typedefs.is_empty())
                else {
                    return id;
                };
                id = stripped.id;
            }
            _ => return id,
        }
    }
    id
}

/// Returns the lengths of the arrays around a struct or union, the outermost first, and the size of
/// all in bytes.
fn dimensions(btf: &Btf<'_>, mut id: u32) -> Option<(Vec<u32>, u64)> {
    let mut lengths = Vec::new();
    for _ in 0..DEPTH {
        id = Stripped::new(btf, id)?.id;
        match btf.type_by_id(id)?.kind() {
            BtfKind::Array { element, length } => {
                lengths.push(length);
                id = element;
            }
            BtfKind::Struct { size } | BtfKind::Union { size } => {
                let mut lengths_of = lengths.iter();
                let all =
                    lengths_of.try_fold(u64::from(size), |size, length| array_size(size, *length));
                return Some((lengths, all.ok()?));
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::btf;
    use expect_test::{expect, Expect};
    use kimport_testing::Maker;
    use proptest::prelude::*;

    fn all_kinds() -> Maker {
        let types = Maker::default();
        let int = types.int("int", 4, 1);
        let char = types.char(true);
        let u64 = types.typedef("u64", types.int("long unsigned int", 8, 0));
        let byte = types.typedef("u8", types.int("unsigned char", 1, 0));
        let node = types.members(
            4,
            "node",
            16,
            &[("next", types.pointer(types.forward("node")), 0)],
        );
        let inner = types.members(5, "", 8, &[("number", u64, 0), ("byte", byte, 0)]);
        let lock = types.typedef("lock_t", types.members(4, "", 4, &[("raw", int, 0)]));
        let call = types.pointer(types.prototype(&[types.pointer(types.constant(char)), 0], int));
        types.members(
            4,
            "mixed",
            64,
            &[
                ("first", byte, 0),
                ("type", int, 32),
                ("", inner, 64),
                ("call", call, 128),
                ("lock", lock, 192),
                ("nodes", types.array(node, 2), 256),
            ],
        );
        types.members(
            4,
            "packed",
            13,
            &[("one", byte, 0), ("eight", u64, 8), ("four", int, 72)],
        );
        types.members(4, "aligned", 64, &[("one", byte, 0)]);
        types.members(4, "extended", 24, &[("", node, 0), ("last", byte, 128)]);
        types.bit_fields(
            4,
            "bits",
            8,
            &[
                ("low", int, 3 << 24),
                ("high", int, (13 << 24) | 3),
                ("after", byte, 16),
                ("last", int, (1 << 24) | 32),
            ],
        );
        types.members(5, "either", 24, &[("node", node, 0), ("number", u64, 0)]);
        let pointer = types.pointer(types.forward("mixed"));
        types.function(
            "f",
            &[pointer, call, types.enumerators("sign", &[("MINUS", -1)])],
            u64,
        );
        types.function("variadic", &[int, 0], 0);
        types
    }

    fn check(names: &[&str], expected: Expect) {
        let bytes = all_kinds().bytes();
        let known = btf::Types::of_image(&bytes).unwrap();
        let bindings = Bindings::default();
        let mut types = Types::new(&bindings, false);
        for name in names {
            let id = known.aggregate(name).unwrap();
            known
                .with_btf(|btf| types.define(btf, id, name).unwrap())
                .unwrap();
        }
        let text: Vec<String> = types.definitions().into_values().collect();
        expected.assert_eq(&text.join("\n"));
    }

    #[test]
    fn members_of_all_kinds() {
        check(
            &["mixed"],
            expect![[r##"
            #[repr(C)]
            #[derive(KnownLayout)]
            pub struct lock_t {
                pub raw: c_int,
            }
            const _: () = {
                assert!(size_of::<lock_t>() == 4);
            };

            #[repr(C)]
            pub struct mixed {
                pub first: u8,
                pub r#type: c_int,
                pub __bindgen_anon_1: mixed__bindgen_ty_1,
                pub call: Option<unsafe extern "C" fn(*const c_char, ...) -> c_int>,
                pub lock: lock_t,
                pub nodes: [node; 2],
            }
            const _: () = {
                assert!(size_of::<mixed>() == 64);
                assert!(offset_of!(mixed, r#type) == 4);
                assert!(offset_of!(mixed, __bindgen_anon_1) == 8);
                assert!(offset_of!(mixed, call) == 16);
                assert!(offset_of!(mixed, lock) == 24);
                assert!(offset_of!(mixed, nodes) == 32);
            };

            #[repr(C)]
            pub union mixed__bindgen_ty_1 {
                pub number: u64,
                pub byte: u8,
            }
            const _: () = {
                assert!(size_of::<mixed__bindgen_ty_1>() == 8);
            };

            #[repr(C)]
            pub struct node {
                pub next: *mut node,
                _padding_end: [u8; 8],
            }
            const _: () = {
                assert!(size_of::<node>() == 16);
            };
        "##]],
        );
    }

    #[test]
    fn members_that_are_not_aligned() {
        check(
            &["packed", "aligned"],
            expect![[r#"
            #[repr(C)]
            pub struct aligned {
                pub one: u8,
                _padding_end: [u8; 63],
            }
            const _: () = {
                assert!(size_of::<aligned>() == 64);
            };

            #[repr(C, packed)]
            #[derive(KnownLayout)]
            pub struct packed {
                pub one: u8,
                pub eight: u64,
                pub four: c_int,
            }
            const _: () = {
                assert!(size_of::<packed>() == 13);
                assert!(offset_of!(packed, eight) == 1);
                assert!(offset_of!(packed, four) == 9);
            };
        "#]],
        );
    }

    #[test]
    fn a_member_without_a_name_whose_type_has_one() {
        check(
            &["extended"],
            expect![[r#"
            #[repr(C)]
            pub struct extended {
                pub __bindgen_anon_1: node,
                pub last: u8,
            }
            const _: () = {
                assert!(size_of::<extended>() == 24);
                assert!(offset_of!(extended, last) == 16);
            };

            #[repr(C)]
            pub struct node {
                pub next: *mut node,
                _padding_end: [u8; 8],
            }
            const _: () = {
                assert!(size_of::<node>() == 16);
            };
        "#]],
        );
    }

    #[test]
    fn bit_fields_are_bytes() {
        check(
            &["bits"],
            expect![[r#"
            #[repr(C)]
            pub struct bits {
                // `low`: bits 0 to 2, `high`: bits 3 to 15
                pub _bits_0: [u8; 2],
                pub after: u8,
                _padding_2: [u8; 1],
                // `last`: bit 32
                pub _bits_32: [u8; 1],
                _padding_end: [u8; 3],
            }
            const _: () = {
                assert!(size_of::<bits>() == 8);
                assert!(offset_of!(bits, after) == 2);
                assert!(offset_of!(bits, _bits_32) == 4);
            };
        "#]],
        );
    }

    #[test]
    fn unions() {
        check(
            &["either"],
            expect![[r#"
            #[repr(C)]
            pub union either {
                pub node: ManuallyDrop<node>,
                pub number: u64,
                _padding_end: [u8; 24],
            }
            const _: () = {
                assert!(size_of::<either>() == 24);
            };

            #[repr(C)]
            pub struct node {
                pub next: *mut node,
                _padding_end: [u8; 8],
            }
            const _: () = {
                assert!(size_of::<node>() == 16);
            };
        "#]],
        );
    }

    #[test]
    fn prototypes() {
        let bytes = all_kinds().bytes();
        let known = btf::Types::of_image(&bytes).unwrap();
        let bindings = Bindings::default();
        let mut types = Types::new(&bindings, false);
        let mut ask = |name| {
            known
                .with_btf(|btf| {
                    let prototype = crate::describe::prototype(btf, &known, name).unwrap();
                    types.prototype(btf, prototype)
                })
                .unwrap()
        };
        let expected = [
            "*mut mixed",
            "Option<unsafe extern \"C\" fn(*const c_char, ...) -> c_int>",
            "c_int",
            " -> u64",
        ];
        assert_eq!(ask("f").unwrap(), expected);
        assert!(ask("variadic").unwrap_err().contains("variadic"));
    }

    proptest! {
        #[test]
        fn damaged_types_are_no_panic(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut bytes = all_kinds().bytes();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let Ok(known) = btf::Types::of_image(&bytes) else {
                return Ok(());
            };
            let bindings = Bindings::default();
            let mut types = Types::new(&bindings, true);
            for name in ["f", "variadic", "mixed", "packed", "aligned", "bits", "either"] {
                let aggregate = known.aggregate(name);
                known.with_btf(|btf| {
                    if let Some(prototype) = crate::describe::prototype(btf, &known, name) {
                        let _ = types.prototype(btf, prototype);
                    }
                    if let Some(id) = aggregate {
                        let _ = types.define(btf, id, name);
                    }
                });
            }
            let _ = types.definitions();
        }
    }
}
