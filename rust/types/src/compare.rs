// SPDX-License-Identifier: GPL-2.0

//! The comparison of a declared type with the kernel's.

use crate::btf::{find_typedef, next_of_chain, resolve, BtfKind, TypeSource, CHAIN};
use crate::encoding::{Description, Symbol, Type, TypeBytes};

/// What differs, when a declared type is not the kernel's.
///
/// Equal are, by this module's rules:
///
/// - a typedef and what it stands for, by whichever name it is declared;
/// - `const`, `volatile`, `restrict` and tags, and the same without;
/// - an enum and an integer of its size, signed or not, as C leaves the choice of the type to the compiler;
/// - `char` and both `signed char` and `unsigned char`, as which of them it is depends on the compiler's options;
/// - `void *` and any pointer, on either side, also below other pointers;
/// - a forward declaration and the type of that name, and pointers to one type whatever its size;
/// - a pointer to an array and one to its element;
/// - a struct without a name, on either side, and any other of its size;
/// - an array of unknown length (0) and any other of the same elements;
/// - pointers to functions: what those take and return is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A function is declared where the kernel has data, or data where it has a function.
    SymbolKind,
    /// The numbers of arguments differ.
    ArgumentCount,
    /// One takes variable arguments, the other does not.
    Variadic,
    /// One returns a value, the other nothing.
    ReturnVoid,
    /// One is a pointer, the other is not.
    Pointer,
    /// Integers, enums or floating-point numbers of different size.
    Width,
    /// One integer is signed, the other is not.
    Signedness,
    /// `bool` is declared for an integer of one byte: any value but 0 and 1 is undefined behaviour in Rust.
    BoolForInteger,
    /// An integer of one byte is declared for `bool`: any value but 0 and 1 is undefined behaviour in the kernel.
    IntegerForBool,
    /// Pointers to structs, unions or enums of different names.
    PointeeName,
    /// Pointers to what is of different kinds: a struct and an integer, data and a function.
    PointeeKind,
    /// Structs or unions of different names, by value.
    StructName,
    /// Structs or unions of different size, by value.
    StructSize,
    /// Arrays of different length.
    ArrayLength,
    /// Of different kinds in any other way: a struct by value and an integer, an integer and a floating-point number.
    Kind,
}

/// What a difference means for the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The call works, but values may be taken for others.
    Warn,
    /// The import must not be used.
    Refuse,
}

impl Rule {
    /// All rules.
    pub const ALL: &'static [Self] = &[
        Self::SymbolKind,
        Self::ArgumentCount,
        Self::Variadic,
        Self::ReturnVoid,
        Self::Pointer,
        Self::Width,
        Self::Signedness,
        Self::BoolForInteger,
        Self::IntegerForBool,
        Self::PointeeName,
        Self::PointeeKind,
        Self::StructName,
        Self::StructSize,
        Self::ArrayLength,
        Self::Kind,
    ];

    /// What a difference by this rule means.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Signedness | Self::IntegerForBool => Severity::Warn,
            _ => Severity::Refuse,
        }
    }

    /// A name for tools: lower case with dashes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SymbolKind => "symbol-kind",
            Self::ArgumentCount => "argument-count",
            Self::Variadic => "variadic",
            Self::ReturnVoid => "return-void",
            Self::Pointer => "pointer",
            Self::Width => "width",
            Self::Signedness => "signedness",
            Self::BoolForInteger => "bool-for-integer",
            Self::IntegerForBool => "integer-for-bool",
            Self::PointeeName => "pointee-name",
            Self::PointeeKind => "pointee-kind",
            Self::StructName => "struct-name",
            Self::StructSize => "struct-size",
            Self::ArrayLength => "array-length",
            Self::Kind => "kind",
        }
    }
}

/// Where a type differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// All of it.
    Symbol,
    /// The list of arguments.
    Arguments,
    /// The argument of this number, counted from 1.
    Argument(u32),
    /// What is returned.
    Returned,
}

/// A difference between a declared type and the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What differs.
    pub rule: Rule,
    /// Where.
    pub place: Place,
    /// The number that the rule compares, as declared: of arguments, bytes, elements, or 1 for what is so and 0 for what is not.
    pub declared: u32,
    /// The same of the kernel.
    pub kernel: u32,
}

/// Why types cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncomparable {
    /// The kernel's BTF refers to a type that it does not have, or goes round in circles.
    Malformed,
}

impl core::fmt::Display for Uncomparable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the kernel's BTF is malformed")
    }
}

impl core::error::Error for Uncomparable {}

/// What a comparison found: the first difference of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Why the import must not be used.
    pub refuse: Option<Mismatch>,
    /// What to warn of.
    pub warn: Option<Mismatch>,
}

impl Comparison {
    /// The worst difference; `None` if the types are equal.
    pub fn worst(&self) -> Option<&Mismatch> {
        self.refuse.as_ref().or(self.warn.as_ref())
    }

    fn add(&mut self, place: Place, difference: Difference) {
        let mismatch = Mismatch {
            rule: difference.rule,
            place,
            declared: difference.declared,
            kernel: difference.kernel,
        };
        match difference.rule.severity() {
            Severity::Refuse => self.refuse.get_or_insert(mismatch),
            Severity::Warn => self.warn.get_or_insert(mismatch),
        };
    }
}

/// Compares what is `declared` with the type `id` of `source`, a function, a variable, or any other type for data.
pub fn compare(
    declared: &Description<'_>,
    source: &impl TypeSource,
    id: u32,
) -> Result<Comparison, Uncomparable> {
    let mut comparison = Comparison::default();
    let comparer = Comparer { source };
    let ty = match kind(source, id)? {
        Some(BtfKind::Function(ty) | BtfKind::Variable(ty)) => ty,
        _ => id,
    };
    let prototype = match kind(source, ty)? {
        Some(BtfKind::Prototype {
            returned,
            parameters,
        }) => Some((returned, parameters)),
        _ => None,
    };
    match (declared.symbol(), prototype) {
        (Symbol::Function(declared), Some((returned, parameters))) => {
            // `...` is a last parameter of type void.
            let count = parameters.clone().count() as u32;
            let variadic = parameters.clone().last() == Some(0);
            let count = count - u32::from(variadic);
            let declared_count = declared.arguments.len() as u32;

            if let Some(difference) = comparer.returned(declared.returned, returned)? {
                comparison.add(Place::Returned, difference);
            }
            let arguments = declared.arguments.zip(parameters.take(count as usize));
            for (number, (declared, kernel)) in (1..).zip(arguments) {
                // What stands where is not known when their numbers differ.
                if declared_count != count {
                    break;
                }
                if let Some(difference) = comparer.value(declared, kernel)? {
                    comparison.add(Place::Argument(number), difference);
                }
            }
            if declared_count != count {
                let difference = Difference::new(Rule::ArgumentCount, declared_count, count);
                comparison.add(Place::Arguments, difference);
            }
            if declared.variadic != variadic {
                let difference = Difference::so(Rule::Variadic, declared.variadic);
                comparison.add(Place::Arguments, difference);
            }
        }
        (Symbol::Data(declared), None) => {
            if let Some(difference) = comparer.value(declared, ty)? {
                comparison.add(Place::Symbol, difference);
            }
        }
        (declared, _) => {
            let function = matches!(declared, Symbol::Function(_));
            comparison.add(Place::Symbol, Difference::so(Rule::SymbolKind, function));
        }
    }
    Ok(comparison)
}

/// The kind of type `id`; `None` for `void`.
fn kind(source: &impl TypeSource, id: u32) -> Result<Option<BtfKind<'_>>, Uncomparable> {
    if id == 0 {
        return Ok(None);
    }
    let ty = source.type_by_id(id).ok_or(Uncomparable::Malformed)?;
    Ok(Some(ty.kind()))
}

#[derive(Clone, Copy)]
struct Difference {
    rule: Rule,
    declared: u32,
    kernel: u32,
}

impl Difference {
    const fn new(rule: Rule, declared: u32, kernel: u32) -> Self {
        Self {
            rule,
            declared,
            kernel,
        }
    }

    /// The declared type is so and the kernel's is not, or the other way round.
    const fn so(rule: Rule, declared: bool) -> Self {
        Self::new(rule, declared as u32, !declared as u32)
    }
}

type Found = Result<Option<Difference>, Uncomparable>;

struct Comparer<'a, S> {
    source: &'a S,
}

impl<S: TypeSource> Comparer<'_, S> {
    fn resolve(&self, id: u32) -> Result<u32, Uncomparable> {
        resolve(self.source, id).ok_or(Uncomparable::Malformed)
    }

    fn returned(&self, declared: TypeBytes<'_>, id: u32) -> Found {
        let declared_void = declared.decode() == Type::Void;
        let kernel_void = self.resolve(id)? == 0;
        match (declared_void, kernel_void) {
            (true, true) => Ok(None),
            (false, false) => self.value(declared, id),
            _ => Ok(Some(Difference::so(Rule::ReturnVoid, !declared_void))),
        }
    }

    /// Compares what is passed, returned, or stored.
    fn value(&self, mut declared: TypeBytes<'_>, mut id: u32) -> Found {
        loop {
            let Some(kernel) = kind(self.source, self.resolve(id)?)? else {
                return Ok(Some(Difference::so(Rule::Kind, true)));
            };
            let ty = declared.decode();
            let is_pointer = matches!(ty, Type::Pointer { .. } | Type::FunctionPointer);
            return Ok(match (ty, kernel) {
                (Type::Pointer { pointee, .. }, BtfKind::Pointer(id)) => {
                    return self.pointee(pointee, id)
                }
                (Type::FunctionPointer, BtfKind::Pointer(id)) => return self.function_pointer(id),
                (_, BtfKind::Pointer(_)) => Some(Difference::so(Rule::Pointer, false)),
                _ if is_pointer => Some(Difference::so(Rule::Pointer, true)),

                (
                    Type::Array { length, element },
                    BtfKind::Array {
                        element: kernel,
                        length: kernel_length,
                    },
                ) => {
                    if length != kernel_length && length != 0 && kernel_length != 0 {
                        return Ok(Some(Difference::new(
                            Rule::ArrayLength,
                            length,
                            kernel_length,
                        )));
                    }
                    (declared, id) = (element, kernel);
                    continue;
                }
                (
                    Type::Named { name, size },
                    BtfKind::Struct { size: kernel } | BtfKind::Union { size: kernel },
                ) => {
                    if self.is_named(id, name)? {
                        let size = size.filter(|&size| size != kernel);
                        size.map(|size| Difference::new(Rule::StructSize, size, kernel))
                    } else {
                        Some(Difference::so(Rule::StructName, true))
                    }
                }
                // An enum that bindgen made a type of its own, or an integer that has a name.
                (
                    Type::Named {
                        name,
                        size: Some(size),
                    },
                    BtfKind::Enum { size: kernel } | BtfKind::Int { size: kernel, .. },
                ) if self.has_name(id, name)? => {
                    (size != kernel).then_some(Difference::new(Rule::Width, size, kernel))
                }
                (ty, kernel) => self.scalar(ty, id, &kernel)?,
            });
        }
    }

    /// Compares a pointer to a function with a pointer to type `id`.
    fn function_pointer(&self, id: u32) -> Found {
        let kernel = kind(self.source, self.resolve(id)?)?;
        let is_function = matches!(kernel, None | Some(BtfKind::Prototype { .. }));
        Ok((!is_function).then_some(Difference::so(Rule::PointeeKind, true)))
    }

    fn scalar(&self, declared: Type<'_>, id: u32, kernel: &BtfKind<'_>) -> Found {
        let (size, integer) = match *kernel {
            BtfKind::Int {
                size,
                signed,
                boolean,
            } => (size, Some((signed, boolean))),
            BtfKind::Enum { size } => (size, None),
            BtfKind::Float { size } => {
                let Type::Float { width } = declared else {
                    return Ok(Some(Difference::so(Rule::Kind, true)));
                };
                let width = width.into();
                return Ok((width != size).then_some(Difference::new(Rule::Width, width, size)));
            }
            _ => return Ok(Some(Difference::so(Rule::Kind, true))),
        };
        let (width, declared_signed, declared_bool) = match declared {
            Type::Bool => (1, false, true),
            Type::Integer { width, signed } => (width.into(), signed, false),
            _ => return Ok(Some(Difference::so(Rule::Kind, true))),
        };
        if width != size {
            return Ok(Some(Difference::new(Rule::Width, width, size)));
        }
        let boolean = integer.is_some_and(|(_, boolean)| boolean);
        Ok(match integer {
            _ if declared_bool && !boolean => Some(Difference::so(Rule::BoolForInteger, true)),
            _ if !declared_bool && boolean => Some(Difference::so(Rule::IntegerForBool, false)),
            Some((signed, _)) if signed != declared_signed && !self.is_char(id)? => {
                Some(Difference::so(Rule::Signedness, declared_signed))
            }
            _ => None,
        })
    }

    /// Compares what a pointer points to.
    fn pointee(&self, mut declared: TypeBytes<'_>, mut id: u32) -> Found {
        loop {
            let Some(kernel) = kind(self.source, self.resolve(id)?)? else {
                return Ok(None);
            };
            let other_name = Difference::so(Rule::PointeeName, true);
            let other_kind = Difference::so(Rule::PointeeKind, true);
            return Ok(match (declared.decode(), kernel) {
                (Type::Void | Type::Unknown, _) => None,
                // An array that is pointed to is its first element. Both lead on to something smaller: what is declared
                // was checked to, and the kernel's is for a limited number of times.
                (
                    Type::Array { element, .. },
                    BtfKind::Array {
                        element: kernel, ..
                    },
                ) => {
                    (declared, id) = (element, kernel);
                    continue;
                }
                (Type::Array { element, .. }, _) => {
                    declared = element;
                    continue;
                }
                (_, BtfKind::Array { .. }) => {
                    id = self.innermost_element(id)?;
                    continue;
                }
                (Type::Pointer { pointee, .. }, BtfKind::Pointer(kernel)) => {
                    (declared, id) = (pointee, kernel);
                    continue;
                }
                (Type::FunctionPointer, BtfKind::Pointer(id)) => return self.function_pointer(id),
                (
                    Type::Named { name, .. },
                    BtfKind::Struct { .. }
                    | BtfKind::Union { .. }
                    | BtfKind::Forward { .. }
                    | BtfKind::Enum { .. },
                ) => (!self.is_named(id, name)?).then_some(other_name),
                (Type::Named { name, .. }, _) => (!self.has_name(id, name)?).then_some(other_kind),
                (
                    ty @ (Type::Bool | Type::Integer { .. } | Type::Float { .. }),
                    kernel @ (BtfKind::Int { .. } | BtfKind::Enum { .. } | BtfKind::Float { .. }),
                ) => match self.scalar(ty, id, &kernel)? {
                    Some(Difference {
                        rule: Rule::Kind, ..
                    }) => Some(other_kind),
                    difference => difference,
                },
                _ => Some(other_kind),
            });
        }
    }

    /// What the array `id` is made of, when it is an array of arrays.
    fn innermost_element(&self, mut id: u32) -> Result<u32, Uncomparable> {
        for _ in 0..CHAIN {
            let Some(BtfKind::Array { element, .. }) = kind(self.source, self.resolve(id)?)? else {
                return Ok(id);
            };
            id = element;
        }
        Err(Uncomparable::Malformed)
    }

    /// Whether type `id` is, or may be, the one that C calls `name`.
    fn is_named(&self, id: u32, name: &str) -> Result<bool, Uncomparable> {
        // bindgen's names for what has none.
        if name.contains("__bindgen_ty_") || name.starts_with("_bindgen_ty_") {
            return Ok(true);
        }
        if self.has_name(id, name)? || !self.any_name(id)? {
            return Ok(true);
        }
        // By a typedef of the kernel that the prototype does not use.
        let Some(typedef) = find_typedef(self.source, name.as_bytes()) else {
            return Ok(false);
        };
        let declared = self.resolve(typedef)?;
        let kernel = self.resolve(id)?;
        if declared == kernel {
            return Ok(true);
        }
        // A type may be there more than once: as a forward declaration, or in a module as well as in the image.
        let name = self.own_name(declared)?;
        Ok(!name.is_empty() && name == self.own_name(kernel)?)
    }

    /// Whether type `id`, or a typedef on the way to what it is, has this name.
    fn has_name(&self, id: u32, name: &str) -> Result<bool, Uncomparable> {
        self.some_name(id, |own| own == name.as_bytes())
    }

    fn any_name(&self, id: u32) -> Result<bool, Uncomparable> {
        self.some_name(id, |own| !own.is_empty())
    }

    fn is_char(&self, id: u32) -> Result<bool, Uncomparable> {
        Ok(self.own_name(self.resolve(id)?)? == b"char")
    }

    fn some_name(&self, mut id: u32, wanted: impl Fn(&[u8]) -> bool) -> Result<bool, Uncomparable> {
        for _ in 0..CHAIN {
            let Some((offset, next)) =
                next_of_chain(self.source, id).ok_or(Uncomparable::Malformed)?
            else {
                return Ok(wanted(self.own_name(id)?));
            };
            if offset != 0 && wanted(self.name(offset)?) {
                return Ok(true);
            }
            id = next;
        }
        Err(Uncomparable::Malformed)
    }

    /// The name of type `id` itself.
    fn own_name(&self, id: u32) -> Result<&[u8], Uncomparable> {
        if id == 0 {
            return Ok(b"");
        }
        let ty = self.source.type_by_id(id).ok_or(Uncomparable::Malformed)?;
        self.name(ty.name_offset())
    }

    fn name(&self, offset: u32) -> Result<&[u8], Uncomparable> {
        self.source.name(offset).ok_or(Uncomparable::Malformed)
    }
}
