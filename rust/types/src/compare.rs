// SPDX-License-Identifier: GPL-2.0

//! The comparison of a declared type with the kernel's.

use crate::btf::{find_typedef, next_of_chain, resolve, BtfKind, TypeSource, CHAIN};
use crate::encoding::{Description, SymbolType, Type, TypeBytes};

/// The rule by which a declared type differs from the kernel's.
///
/// The rules treat as equal:
///
/// - a typedef and the type that it stands for, whichever name is declared;
/// - a type with `const`, `volatile`, `restrict` or tags, and the same type without them;
/// - an enum and an integer of its size, signed or not, as C leaves the choice of the integer to
///   the compiler;
/// - `char` and both `signed char` and `unsigned char`, as which of them it is depends on the
///   compiler's options;
/// - `void *` and any pointer, on either side, also below other pointers;
/// - pointers to a type and to a forward declaration of it, as the size of a pointee is not
///   compared;
/// - a pointer to an array and one to its element;
/// - a struct without a name, on either side, and any other of its size;
/// - an array of unknown length (0) and any other of the same elements;
/// - pointers to functions, whose arguments and returned types are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// `bool` is declared for an integer of one byte: any value but 0 and 1 is undefined behaviour
    /// in Rust.
    BoolForInteger,
    /// An integer of one byte is declared for `bool`: any value but 0 and 1 is undefined behaviour
    /// in the kernel.
    IntegerForBool,
    /// Pointers to structs, unions or enums of different names.
    PointeeName,
    /// Pointers to types of different kinds: a struct and an integer, data and a function.
    PointeeKind,
    /// Structs or unions of different names, by value.
    StructName,
    /// Structs or unions of different size, by value.
    StructSize,
    /// Arrays of different length.
    ArrayLength,
    /// Types of different kinds in any other way: a struct by value and an integer, an integer and
    /// a floating-point number.
    Kind,
}

/// The consequence of a difference for the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The call works, but one side may take a value for another one. Only
    /// [`Policy::Require`](crate::Policy::Require) refuses the import.
    Warn,
    /// The import must not be used.
    Refuse,
}

impl Rule {
    /// Returns the consequence of a difference by this rule.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Signedness | Self::IntegerForBool => Severity::Warn,
            _ => Severity::Refuse,
        }
    }
}

/// The place where a type differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MismatchPlace {
    /// The whole type.
    Symbol,
    /// The list of arguments.
    Arguments,
    /// The argument of this number, counted from 1.
    Argument(u32),
    /// The returned type.
    Returned,
}

/// A difference between a declared type and the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The rule by which the types differ.
    pub rule: Rule,
    /// The place where they differ.
    pub place: MismatchPlace,
    /// The number that the rule compares, of the declared type: a number of arguments, bytes or
    /// elements, or 1 if the type has a property and 0 if it has not.
    pub declared: u32,
    /// The same number of the kernel's type.
    pub kernel: u32,
}

impl Mismatch {
    const fn new(rule: Rule, declared: u32, kernel: u32) -> Self {
        Self {
            rule,
            place: MismatchPlace::Symbol,
            declared,
            kernel,
        }
    }

    /// Returns a difference in a property that only one of the types has: the declared one if
    /// `declared`, else the kernel's.
    const fn so(rule: Rule, declared: bool) -> Self {
        Self::new(rule, declared as u32, !declared as u32)
    }
}

/// The reason why types cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncomparable {
    /// The kernel's BTF refers to a type that it does not have, or a type refers to itself.
    Malformed,
}

impl core::fmt::Display for Uncomparable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the kernel's BTF is malformed")
    }
}

impl core::error::Error for Uncomparable {}

/// The result of a comparison: the first difference of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The difference for which the import must not be used.
    pub refuse: Option<Mismatch>,
    /// The difference to warn of.
    pub warn: Option<Mismatch>,
}

impl Comparison {
    /// Returns the worst difference, or `None` if the types are equal.
    pub fn worst(&self) -> Option<&Mismatch> {
        self.refuse.as_ref().or(self.warn.as_ref())
    }

    fn add(&mut self, place: MismatchPlace, difference: Option<Mismatch>) {
        let Some(difference) = difference else {
            return;
        };
        let mismatch = Mismatch {
            place,
            ..difference
        };
        match difference.rule.severity() {
            Severity::Refuse => self.refuse.get_or_insert(mismatch),
            Severity::Warn => self.warn.get_or_insert(mismatch),
        };
    }
}

/// Compares the type that is `declared` with the type `id` of `source`: a function, a variable, or,
/// for data, any other type.
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
    match (declared.symbol_type(), prototype) {
        (SymbolType::Function(declared), Some((returned, parameters))) => {
            // `...` is a last parameter of type void.
            let count = parameters.clone().count() as u32;
            let variadic = parameters.clone().last() == Some(0);
            let count = count - u32::from(variadic);
            let declared_count = declared.arguments.len() as u32;

            let difference = comparer.returned(declared.returned, returned)?;
            comparison.add(MismatchPlace::Returned, difference);
            if declared_count == count {
                for (number, (ty, id)) in (1..).zip(declared.arguments.zip(parameters)) {
                    let difference = comparer.value(ty, id)?;
                    comparison.add(MismatchPlace::Argument(number), difference);
                }
            } else {
                // Nothing tells which arguments correspond.
                let difference = Mismatch::new(Rule::ArgumentCount, declared_count, count);
                comparison.add(MismatchPlace::Arguments, Some(difference));
            }
            if declared.variadic != variadic {
                let difference = Mismatch::so(Rule::Variadic, declared.variadic);
                comparison.add(MismatchPlace::Arguments, Some(difference));
            }
        }
        (SymbolType::Data(declared), None) => {
            comparison.add(MismatchPlace::Symbol, comparer.value(declared, ty)?);
        }
        (declared, _) => {
            let function = matches!(declared, SymbolType::Function(_));
            let difference = Mismatch::so(Rule::SymbolKind, function);
            comparison.add(MismatchPlace::Symbol, Some(difference));
        }
    }
    Ok(comparison)
}

/// Returns the kind of type `id`, or `None` for `void`.
fn kind(source: &impl TypeSource, id: u32) -> Result<Option<BtfKind<'_>>, Uncomparable> {
    if id == 0 {
        return Ok(None);
    }
    let ty = source.type_by_id(id).ok_or(Uncomparable::Malformed)?;
    Ok(Some(ty.kind()))
}

type Found = Result<Option<Mismatch>, Uncomparable>;

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
            _ => Ok(Some(Mismatch::so(Rule::ReturnVoid, !declared_void))),
        }
    }

    /// Compares the types of a value that is passed, returned or stored.
    fn value(&self, mut declared: TypeBytes<'_>, mut id: u32) -> Found {
        loop {
            let Some(kernel) = kind(self.source, self.resolve(id)?)? else {
                return Ok(Some(Mismatch::so(Rule::Kind, true)));
            };
            let ty = declared.decode();
            let is_pointer = matches!(ty, Type::Pointer { .. } | Type::FunctionPointer);
            return Ok(match (ty, kernel) {
                (Type::Pointer { pointee, .. }, BtfKind::Pointer(id)) => {
                    return self.pointee(pointee, id)
                }
                (Type::FunctionPointer, BtfKind::Pointer(id)) => return self.function_pointer(id),
                (_, BtfKind::Pointer(_)) => Some(Mismatch::so(Rule::Pointer, false)),
                _ if is_pointer => Some(Mismatch::so(Rule::Pointer, true)),

                (
                    Type::Array { length, element },
                    BtfKind::Array {
                        element: kernel,
                        length: kernel_length,
                    },
                ) => {
                    if length != kernel_length && length != 0 && kernel_length != 0 {
                        let difference = Mismatch::new(Rule::ArrayLength, length, kernel_length);
                        return Ok(Some(difference));
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
                        size.map(|size| Mismatch::new(Rule::StructSize, size, kernel))
                    } else {
                        Some(Mismatch::so(Rule::StructName, true))
                    }
                }
                // The kernel has an enum for which bindgen made a type of its own, or an integer
                // whose type has a name.
                (
                    Type::Named {
                        name,
                        size: Some(size),
                    },
                    BtfKind::Enum { size: kernel } | BtfKind::Int { size: kernel, .. },
                ) if self.has_name(id, name)? => {
                    (size != kernel).then_some(Mismatch::new(Rule::Width, size, kernel))
                }
                (ty, kernel) => self.scalar(ty, id, &kernel)?,
            });
        }
    }

    /// Compares a pointer to a function with a pointer to type `id`.
    fn function_pointer(&self, id: u32) -> Found {
        let kernel = kind(self.source, self.resolve(id)?)?;
        let is_function = matches!(kernel, None | Some(BtfKind::Prototype { .. }));
        Ok((!is_function).then_some(Mismatch::so(Rule::PointeeKind, true)))
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
                    return Ok(Some(Mismatch::so(Rule::Kind, true)));
                };
                let width = width.into();
                return Ok((width != size).then_some(Mismatch::new(Rule::Width, width, size)));
            }
            _ => return Ok(Some(Mismatch::so(Rule::Kind, true))),
        };
        let (width, declared_signed, declared_bool) = match declared {
            Type::Bool => (1, false, true),
            Type::Integer { width, signed } => (width.into(), signed, false),
            _ => return Ok(Some(Mismatch::so(Rule::Kind, true))),
        };
        if width != size {
            return Ok(Some(Mismatch::new(Rule::Width, width, size)));
        }
        let boolean = integer.is_some_and(|(_, boolean)| boolean);
        Ok(match integer {
            _ if declared_bool && !boolean => Some(Mismatch::so(Rule::BoolForInteger, true)),
            _ if !declared_bool && boolean => Some(Mismatch::so(Rule::IntegerForBool, false)),
            Some((signed, _)) if signed != declared_signed && !self.is_char(id)? => {
                Some(Mismatch::so(Rule::Signedness, declared_signed))
            }
            _ => None,
        })
    }

    /// Compares the types that pointers point to.
    fn pointee(&self, mut declared: TypeBytes<'_>, mut id: u32) -> Found {
        loop {
            let Some(kernel) = kind(self.source, self.resolve(id)?)? else {
                return Ok(None);
            };
            let other_name = Mismatch::so(Rule::PointeeName, true);
            let other_kind = Mismatch::so(Rule::PointeeKind, true);
            return Ok(match (declared.decode(), kernel) {
                (Type::Void | Type::Unknown, _) => None,
                // Of an array that is pointed to, the element is compared. The loop ends: the
                // declared type was checked and gets smaller, and the kernel's arrays are followed
                // a limited number of times.
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
                    Some(Mismatch {
                        rule: Rule::Kind, ..
                    }) => Some(other_kind),
                    difference => difference,
                },
                _ => Some(other_kind),
            });
        }
    }

    /// Returns the type of the elements of the array `id`, or of the innermost one if it is an
    /// array of arrays.
    fn innermost_element(&self, mut id: u32) -> Result<u32, Uncomparable> {
        for _ in 0..CHAIN {
            let Some(BtfKind::Array { element, .. }) = kind(self.source, self.resolve(id)?)? else {
                return Ok(id);
            };
            id = element;
        }
        Err(Uncomparable::Malformed)
    }

    /// Returns whether type `id` is, or may be, the one that C calls `name`.
    fn is_named(&self, id: u32, name: &str) -> Result<bool, Uncomparable> {
        // bindgen gives such names to types that have none.
        if name.contains("__bindgen_ty_") || name.starts_with("_bindgen_ty_") {
            return Ok(true);
        }
        if self.has_name(id, name)? || !self.some_name(id, |own| !own.is_empty())? {
            return Ok(true);
        }
        // The name may be a typedef of the kernel that the prototype does not use.
        let Some(typedef) = find_typedef(self.source, name.as_bytes()) else {
            return Ok(false);
        };
        let declared = self.resolve(typedef)?;
        let kernel = self.resolve(id)?;
        if declared == kernel {
            return Ok(true);
        }
        // BTF may have a type more than once: as a forward declaration, or in a module as well as
        // in the image.
        let name = self.own_name(declared)?;
        Ok(!name.is_empty() && name == self.own_name(kernel)?)
    }

    /// Returns whether type `id`, or a modifier or typedef between it and the type behind them, has
    /// this name.
    fn has_name(&self, id: u32, name: &str) -> Result<bool, Uncomparable> {
        self.some_name(id, |own| own == name.as_bytes())
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

    /// Returns the name of type `id` itself.
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
