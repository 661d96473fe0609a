// SPDX-License-Identifier: GPL-2.0

//! The bytes of a description: written at compile time, read on the host and in the kernel.
//!
//! A description begins with a byte for the version, [`VERSION`], and one for what it describes:
//!
//! | byte 1 | then |
//! | --- | --- |
//! | 0, a function | flags (bit 0: variadic), number of arguments, the returned type, the type of each argument |
//! | 1, data | the type |
//!
//! A type is a byte, of which the low four bits are the kind and the high four flags, and what the
//! kind needs:
//!
//! | kind | flags | then |
//! | --- | --- | --- |
//! | 0 void | | |
//! | 1 `bool` | | |
//! | 2 integer | bit 4: signed | width in bytes |
//! | 3 floating point | | width in bytes |
//! | 4 pointer | bit 4: to const | the type that it points to |
//! | 5 pointer to a function | | |
//! | 6 named type | bit 4: size is known | size in bytes (4, little-endian), length of the name (1), the name in C |
//! | 7 array | | number of elements (4, little-endian), the type of the elements |
//! | 8 unknown | | |
//!
//! A named type is a struct, a union or an enum: Rust does not tell which. An unknown type occurs
//! only behind a pointer, if Rust does not tell the name of the pointee.

use crate::layout_table::Shape;

/// The version of the format.
pub(crate) const VERSION: u8 = 1;

/// The greatest length of a description in bytes.
pub const CAPACITY: usize = 2048;

/// The greatest depth to which pointers and arrays may nest.
pub(crate) const DEPTH: usize = 16;

const FUNCTION: u8 = 0;
const DATA: u8 = 1;

const VARIADIC: u8 = 1 << 0;

const VOID: u8 = 0;
const BOOL: u8 = 1;
const INTEGER: u8 = 2;
const FLOAT: u8 = 3;
const POINTER: u8 = 4;
const FUNCTION_POINTER: u8 = 5;
const NAMED: u8 = 6;
const ARRAY: u8 = 7;
const UNKNOWN: u8 = 8;

const KIND: u8 = 0x0f;
const FLAG: u8 = 0x10;

/// Bytes under construction, of one type or of a whole description.
///
/// All functions are for use at compile time, where their panics are compile errors. They are
/// `#[inline]` so that a module has no code of them.
#[derive(Clone, Copy)]
pub struct Encoding {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Encoding {
    const EMPTY: Self = Self {
        bytes: [0; CAPACITY],
        len: 0,
    };

    /// `void`.
    pub const VOID: Self = Self::EMPTY.push(VOID);
    /// `bool`.
    pub const BOOL: Self = Self::EMPTY.push(BOOL);
    /// A pointer to a function.
    pub const FUNCTION_POINTER: Self = Self::EMPTY.push(FUNCTION_POINTER);
    /// A pointee that is not known.
    pub const UNKNOWN: Self = Self::EMPTY.push(UNKNOWN);

    /// An integer of `width` bytes.
    #[track_caller]
    #[inline]
    pub const fn integer(width: usize, signed: bool) -> Self {
        assert!(
            is_width(width),
            "kimport: an integer of this width is not known"
        );
        let flag = if signed { FLAG } else { 0 };
        Self::EMPTY.push(INTEGER | flag).push(width as u8)
    }

    /// A floating-point number of `width` bytes.
    #[track_caller]
    #[inline]
    pub const fn float(width: usize) -> Self {
        assert!(
            is_width(width),
            "kimport: a floating-point number of this width is not known"
        );
        Self::EMPTY.push(FLOAT).push(width as u8)
    }

    /// A pointer to the type that `self` describes.
    #[track_caller]
    #[inline]
    pub const fn pointer(self, to_const: bool) -> Self {
        let flag = if to_const { FLAG } else { 0 };
        Self::EMPTY.push(POINTER | flag).push_all(self.as_bytes())
    }

    /// A struct, union or enum, by its C name. Without a `size` it may only be pointed to.
    #[track_caller]
    #[inline]
    pub const fn named(name: &str, size: Option<usize>) -> Self {
        let name = name.as_bytes();
        assert!(is_name(name), "kimport: this is no name of a C type");
        let (flag, size) = match size {
            Some(size) => {
                assert!(size <= u32::MAX as usize, "kimport: the type is too large");
                (FLAG, size as u32)
            }
            None => (0, 0),
        };
        Self::EMPTY
            .push(NAMED | flag)
            .push_all(&size.to_le_bytes())
            .push(name.len() as u8)
            .push_all(name)
    }

    /// An array of `length` elements of the type that `self` describes.
    #[track_caller]
    #[inline]
    pub const fn array(self, length: usize) -> Self {
        assert!(!self.is(VOID), "kimport: `c_void` can only be pointed to");
        assert!(
            length <= u32::MAX as usize,
            "kimport: the array is too long"
        );
        Self::EMPTY
            .push(ARRAY)
            .push_all(&(length as u32).to_le_bytes())
            .push_all(self.as_bytes())
    }

    /// The description of data of the type that `self` describes.
    #[track_caller]
    #[inline]
    pub const fn into_data(self) -> Self {
        assert!(!self.is(VOID), "kimport: `c_void` can only be pointed to");
        Self::EMPTY
            .push(VERSION)
            .push(DATA)
            .push_all(self.as_bytes())
            .checked()
    }

    /// The description of a function that takes `arguments`.
    #[track_caller]
    #[inline]
    pub const fn function(arguments: &[Self], returned: Self, variadic: bool) -> Self {
        assert!(
            arguments.len() <= u8::MAX as usize,
            "kimport: too many arguments"
        );
        assert!(
            !returned.is(ARRAY),
            "kimport: a C function cannot return an array"
        );
        let mut this = Self::EMPTY
            .push(VERSION)
            .push(FUNCTION)
            .push(if variadic { VARIADIC } else { 0 })
            .push(arguments.len() as u8)
            .push_all(returned.as_bytes());
        let mut i = 0;
        while i < arguments.len() {
            let argument = &arguments[i];
            assert!(
                !argument.is(VOID),
                "kimport: `c_void` can only be pointed to"
            );
            assert!(
                !argument.is(ARRAY),
                "kimport: a C function takes no array; declare a pointer to its element"
            );
            this = this.push_all(argument.as_bytes());
            i += 1;
        }
        this.checked()
    }

    /// Returns the number of bytes.
    #[inline]
    #[expect(clippy::len_without_is_empty)] // It is never empty.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes as an array of exactly [`len`](Self::len) elements.
    #[inline]
    pub const fn to_array<const N: usize>(&self) -> [u8; N] {
        assert!(N == self.len, "the array is not as long as the description");
        let mut array = [0; N];
        let mut i = 0;
        while i < N {
            array[i] = self.bytes[i];
            i += 1;
        }
        array
    }

    /// Returns the bytes.
    #[inline]
    pub const fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }

    /// Returns the form of values of the type, or of the elements if it is an array.
    #[inline]
    pub(crate) const fn shape(&self) -> Shape {
        let mut at = 0;
        while self.bytes[at] & KIND == ARRAY {
            at += 1 + size_of::<u32>();
        }
        match self.bytes[at] & KIND {
            BOOL | INTEGER | FLOAT => Shape::Number,
            POINTER | FUNCTION_POINTER => Shape::Pointer,
            _ => Shape::Other,
        }
    }

    const fn is(&self, kind: u8) -> bool {
        self.bytes[0] & KIND == kind
    }

    /// Returns the description, which must be one that [`Description::new`] accepts.
    #[track_caller]
    #[inline]
    const fn checked(self) -> Self {
        if let Err(invalid) = Description::new(self.as_bytes()) {
            match invalid {
                Invalid::Depth => panic!("kimport: pointers or arrays are nested too deep"),
                _ => panic!("kimport: the type cannot be described"),
            }
        }
        self
    }

    #[track_caller]
    #[inline]
    const fn push(mut self, byte: u8) -> Self {
        assert!(
            self.len < CAPACITY,
            "kimport: the description of this type is too long"
        );
        self.bytes[self.len] = byte;
        self.len += 1;
        self
    }

    #[track_caller]
    #[inline]
    const fn push_all(mut self, bytes: &[u8]) -> Self {
        let mut i = 0;
        while i < bytes.len() {
            self = self.push(bytes[i]);
            i += 1;
        }
        self
    }
}

impl core::fmt::Debug for Encoding {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Encoding(\"{}\")", self.as_bytes().escape_ascii())
    }
}

const fn is_width(width: usize) -> bool {
    matches!(width, 1 | 2 | 4 | 8 | 16)
}

/// Returns whether C allows the name `name`.
const fn is_name(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > u8::MAX as usize || name[0].is_ascii_digit() {
        return false;
    }
    let mut i = 0;
    while i < name.len() {
        if !(name[i].is_ascii_alphanumeric() || name[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

/// The reason why bytes are not a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The bytes are of another version of the format.
    Version(u8),
    /// The bytes end too early.
    End,
    /// There are bytes behind the description.
    Trailing,
    /// The bytes describe neither a function nor data, or have an unknown kind of type or an
    /// unknown flag.
    Kind(u8),
    /// A width, or a name, that no type has.
    Value,
    /// A type is where it cannot be: `void` as an argument, an array as a returned type.
    Misplaced,
    /// Pointers or arrays nest too deep.
    Depth,
}

impl core::fmt::Display for Invalid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "version {version} of type descriptions is not known")
            }
            Self::End => f.write_str("the type description ends too early"),
            Self::Trailing => f.write_str("there is more behind the type description"),
            Self::Kind(byte) => write!(f, "the type description has an unknown kind, {byte:#x}"),
            Self::Value => f.write_str("the type description has a value that no type has"),
            Self::Misplaced => f.write_str("the type description has a type where it cannot be"),
            Self::Depth => f.write_str("the type description is nested too deep"),
        }
    }
}

impl core::error::Error for Invalid {}

/// A description, found to be valid.
///
/// # Invariants
///
/// `bytes` is a valid description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    bytes: &'a [u8],
}

/// The symbol that a [`Description`] describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolType<'a> {
    /// A function.
    Function(Prototype<'a>),
    /// Data of this type.
    Data(TypeBytes<'a>),
}

/// The type of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prototype<'a> {
    /// Set if it takes variable arguments behind the declared ones.
    pub variadic: bool,
    /// The type that it returns.
    pub returned: TypeBytes<'a>,
    /// The types of its arguments.
    pub arguments: Arguments<'a>,
}

/// The types of a function's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments<'a> {
    bytes: &'a [u8],
    left: u8,
}

/// One type of a description, yet to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeBytes<'a>(&'a [u8]);

/// One type of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type<'a> {
    /// `void`: the function returns nothing, or the pointee is not stated.
    Void,
    /// `bool`.
    Bool,
    /// An integer.
    Integer {
        /// Its size in bytes.
        width: u8,
        /// Set if it is signed.
        signed: bool,
    },
    /// A floating-point number.
    Float {
        /// Its size in bytes.
        width: u8,
    },
    /// A pointer to data.
    Pointer {
        /// Set if the pointee is `const`.
        to_const: bool,
        /// The type that it points to.
        pointee: TypeBytes<'a>,
    },
    /// A pointer to a function.
    FunctionPointer,
    /// A struct, union or enum.
    Named {
        /// Its name in C.
        name: &'a str,
        /// Its size in bytes; `None` when it is only pointed to.
        size: Option<u32>,
    },
    /// An array.
    Array {
        /// The number of its elements.
        length: u32,
        /// The type of its elements.
        element: TypeBytes<'a>,
    },
    /// A pointee whose type Rust does not tell.
    Unknown,
}

/// The place of a type in a description.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Returned,
    Argument,
    Data,
    Pointee,
    Element,
}

impl<'a> Description<'a> {
    /// Checks `bytes`, which must be one description and no more.
    pub const fn new(bytes: &'a [u8]) -> Result<Self, Invalid> {
        let [version, kind, rest @ ..] = bytes else {
            return Err(Invalid::End);
        };
        if *version != VERSION {
            return Err(Invalid::Version(*version));
        }
        let rest = match *kind {
            DATA => check(rest, Role::Data),
            FUNCTION => check_function(rest),
            kind => Err(Invalid::Kind(kind)),
        };
        match rest {
            // INVARIANT: The checks above found a valid description and nothing behind it.
            Ok([]) => Ok(Self { bytes }),
            Ok(_) => Err(Invalid::Trailing),
            Err(invalid) => Err(invalid),
        }
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the symbol that is described.
    pub fn symbol_type(&self) -> SymbolType<'a> {
        match *self.bytes {
            [_, FUNCTION, flags, left, ref rest @ ..] => {
                let (returned, bytes) = split(rest);
                SymbolType::Function(Prototype {
                    variadic: flags & VARIADIC != 0,
                    returned,
                    arguments: Arguments { bytes, left },
                })
            }
            _ => SymbolType::Data(TypeBytes(self.bytes.get(2..).unwrap_or_default())),
        }
    }
}

impl<'a> Iterator for Arguments<'a> {
    type Item = TypeBytes<'a>;

    fn next(&mut self) -> Option<TypeBytes<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (argument, rest) = split(self.bytes);
        self.bytes = rest;
        Some(argument)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

impl ExactSizeIterator for Arguments<'_> {}

impl<'a> TypeBytes<'a> {
    /// Decodes the type.
    pub fn decode(self) -> Type<'a> {
        decode(self.0).map_or(Type::Unknown, |(ty, _)| ty)
    }
}

/// Splits `bytes`, which were checked, into their first type and the bytes behind it.
fn split(bytes: &[u8]) -> (TypeBytes<'_>, &[u8]) {
    let rest = check(bytes, Role::Pointee).unwrap_or_default();
    let (ty, rest) = bytes.split_at(bytes.len() - rest.len());
    (TypeBytes(ty), rest)
}

/// Decodes the first type of `bytes`. Returns the bytes behind it, too; for a pointer or an array
/// these begin with the pointee or the element.
fn decode(bytes: &[u8]) -> Option<(Type<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let flag = first & FLAG != 0;
    let simple = |ty| Some((ty, rest));
    match first & KIND {
        VOID => simple(Type::Void),
        BOOL => simple(Type::Bool),
        FUNCTION_POINTER => simple(Type::FunctionPointer),
        UNKNOWN => simple(Type::Unknown),
        INTEGER => {
            let (&width, rest) = rest.split_first()?;
            let signed = flag;
            Some((Type::Integer { width, signed }, rest))
        }
        FLOAT => {
            let (&width, rest) = rest.split_first()?;
            Some((Type::Float { width }, rest))
        }
        POINTER => simple(Type::Pointer {
            to_const: flag,
            pointee: TypeBytes(rest),
        }),
        NAMED => {
            let (size, rest) = rest.split_first_chunk()?;
            let (&len, rest) = rest.split_first()?;
            let (name, rest) = rest.split_at_checked(len.into())?;
            let name = core::str::from_utf8(name).ok()?;
            let size = flag.then_some(u32::from_le_bytes(*size));
            Some((Type::Named { name, size }, rest))
        }
        ARRAY => {
            let (length, rest) = rest.split_first_chunk()?;
            let element = TypeBytes(rest);
            let length = u32::from_le_bytes(*length);
            Some((Type::Array { length, element }, rest))
        }
        _ => None,
    }
}

const fn check_function(bytes: &[u8]) -> Result<&[u8], Invalid> {
    let [flags, arguments, rest @ ..] = bytes else {
        return Err(Invalid::End);
    };
    if *flags & !VARIADIC != 0 {
        return Err(Invalid::Kind(*flags));
    }
    let mut rest = check(rest, Role::Returned);
    let mut left = *arguments;
    while let (Ok(bytes), 1..) = (rest, left) {
        rest = check(bytes, Role::Argument);
        left -= 1;
    }
    rest
}

/// Checks the type at the beginning of `bytes`, and returns the bytes behind it.
const fn check(mut bytes: &[u8], mut role: Role) -> Result<&[u8], Invalid> {
    let mut depth = 0;
    loop {
        let [first, rest @ ..] = bytes else {
            return Err(Invalid::End);
        };
        let kind = *first & KIND;
        let flags = match kind {
            INTEGER | POINTER | NAMED => FLAG,
            _ => 0,
        };
        if *first & !KIND & !flags != 0 {
            return Err(Invalid::Kind(*first));
        }
        let fits = match kind {
            VOID => matches!(role, Role::Returned | Role::Pointee),
            ARRAY => matches!(role, Role::Data | Role::Pointee | Role::Element),
            UNKNOWN => matches!(role, Role::Pointee),
            // Only a pointee may have an unknown size.
            NAMED => matches!(role, Role::Pointee) || *first & FLAG != 0,
            _ => true,
        };
        if !fits {
            return Err(Invalid::Misplaced);
        }
        bytes = rest;
        match kind {
            VOID | BOOL | FUNCTION_POINTER | UNKNOWN => return Ok(bytes),
            INTEGER | FLOAT => {
                let [width, rest @ ..] = bytes else {
                    return Err(Invalid::End);
                };
                return if is_width(*width as usize) {
                    Ok(rest)
                } else {
                    Err(Invalid::Value)
                };
            }
            NAMED => {
                let [_, _, _, _, len, rest @ ..] = bytes else {
                    return Err(Invalid::End);
                };
                let Some((name, rest)) = rest.split_at_checked(*len as usize) else {
                    return Err(Invalid::End);
                };
                return if is_name(name) {
                    Ok(rest)
                } else {
                    Err(Invalid::Value)
                };
            }
            POINTER => role = Role::Pointee,
            ARRAY => {
                let [_, _, _, _, rest @ ..] = bytes else {
                    return Err(Invalid::End);
                };
                bytes = rest;
                // The elements of an array have a known size even if the array is only pointed to.
                role = Role::Element;
            }
            _ => return Err(Invalid::Kind(*first)),
        }
        depth += 1;
        if depth > DEPTH {
            return Err(Invalid::Depth);
        }
    }
}
