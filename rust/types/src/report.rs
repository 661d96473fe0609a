// SPDX-License-Identifier: GPL-2.0

//! A difference as text: both types in C, with the place marked.

use crate::btf::{resolve, BtfKind, TypeSource};
use crate::compare::{Mismatch, MismatchPlace, Rule};
use crate::encoding::{Description, SymbolType, Type, TypeBytes};
use core::fmt::{self, Display, Formatter, Write};

/// Shows a [`Mismatch`]:
///
/// ```text
/// prototype differs
///   declared:  void target_complete_cmd(struct se_cmd *, u32)
///   kernel:    void target_complete_cmd(struct se_cmd *, u8)
///                                                        ^^ argument 2: 4 bytes, kernel has 1
/// ```
///
/// A declared pointer to a function is shown as `void (*)()`, as its arguments are not compared.
pub struct MismatchReport<'a, S> {
    /// The symbol's name.
    pub name: &'a str,
    /// The declared type.
    pub declared: &'a Description<'a>,
    /// The source of the kernel's types.
    pub source: &'a S,
    /// The id of the kernel's type.
    pub id: u32,
    /// The difference to show.
    pub mismatch: &'a Mismatch,
}

const DECLARED: &str = "  declared:  ";
const KERNEL: &str = "  kernel:    ";

/// The last column that is marked. Further to the right, only words tell the difference, as the
/// kernel log breaks longer lines.
const MARKED: usize = 600;

impl<S: TypeSource> Display for MismatchReport<'_, S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let what = match self.declared.symbol_type() {
            SymbolType::Function(_) => "prototype",
            SymbolType::Data(_) => "type",
        };
        write!(f, "{what} differs\n{DECLARED}")?;
        self.printer(f).declared()?;
        write!(f, "\n{KERNEL}")?;
        let mut printer = self.printer(f);
        printer.kernel()?;
        let (start, end) = printer.marked.unwrap_or_default();
        f.write_char('\n')?;
        if end > MARKED {
            return write!(f, "{:1$}{2}", "", KERNEL.len(), self.mismatch);
        }
        let (indent, marks) = (KERNEL.len() + start, end.max(start + 1) - start);
        write!(f, "{:indent$}{:^<marks$} {}", "", "", self.mismatch)
    }
}

/// Writes the difference in words: `argument 2: 4 bytes, kernel has 1`.
impl Display for Mismatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.place {
            MismatchPlace::Symbol | MismatchPlace::Arguments => {}
            MismatchPlace::Argument(number) => write!(f, "argument {number}: ")?,
            MismatchPlace::Returned => f.write_str("return value: ")?,
        }
        let (declared, kernel) = (self.declared, self.kernel);
        let plural = if declared == 1 { "" } else { "s" };
        let either = |yes, no| if declared != 0 { yes } else { no };
        f.write_str(match self.rule {
            Rule::ArgumentCount => {
                return write!(f, "{declared} argument{plural}, kernel has {kernel}")
            }
            Rule::Width | Rule::StructSize => {
                return write!(f, "{declared} byte{plural}, kernel has {kernel}")
            }
            Rule::ArrayLength => {
                return write!(f, "{declared} element{plural}, kernel has {kernel}")
            }
            Rule::SymbolKind => {
                either("a function, kernel has data", "data, kernel has a function")
            }
            Rule::Variadic => either(
                "variable arguments, kernel has none",
                "no variable arguments, kernel has them",
            ),
            Rule::ReturnVoid => either("declared, kernel has none", "none, kernel has one"),
            Rule::Pointer => either("a pointer, kernel has none", "no pointer, kernel has one"),
            Rule::Signedness => {
                either("signed, kernel has unsigned", "unsigned, kernel has signed")
            }
            Rule::BoolForInteger => "bool, kernel has an integer",
            Rule::IntegerForBool => "an integer, kernel has bool",
            Rule::PointeeName => "a pointer to another type",
            Rule::PointeeKind => "a pointer to another kind of type",
            Rule::StructName => "another type",
            Rule::Kind => "another kind of type",
        })
    }
}

impl<S: TypeSource> MismatchReport<'_, S> {
    fn printer<'p, 'f>(&'p self, out: &'p mut Formatter<'f>) -> Printer<'p, 'f, S> {
        Printer {
            report: self,
            out,
            column: 0,
            last: ' ',
            marked: None,
            fuel: 512,
        }
    }
}

/// Writes one line.
struct Printer<'p, 'f, S> {
    report: &'p MismatchReport<'p, S>,
    out: &'p mut Formatter<'f>,
    /// The number of characters written so far.
    column: usize,
    last: char,
    /// The columns where the difference begins and ends.
    marked: Option<(usize, usize)>,
    /// The number of types that may still be written. The types of malformed BTF may have no end.
    fuel: u32,
}

impl<S> Write for Printer<'_, '_, S> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.column += s.chars().count();
        self.last = s.chars().next_back().unwrap_or(self.last);
        self.out.write_str(s)
    }
}

/// The depth to which types are followed. Deeper ones are not shown.
const DEPTH: u32 = 16;

impl<'p, S: TypeSource> Printer<'p, '_, S> {
    /// Marks the text from column `start` on if the difference is at `place`.
    fn mark(&mut self, place: MismatchPlace, start: usize) {
        if self.report.mismatch.place == place {
            self.marked = Some((start, self.column));
        }
    }

    /// Writes the symbol's name, behind the beginning of its type.
    fn symbol_name(&mut self) -> fmt::Result {
        if self.last != '*' {
            self.write_char(' ')?;
        }
        self.write_str(self.report.name)
    }

    fn star(&mut self) -> fmt::Result {
        self.write_str(if self.last == '*' { "*" } else { " *" })
    }

    // ---- The declared type

    fn declared(&mut self) -> fmt::Result {
        // The kernel's type at the same place tells whether a name is a struct, a union or an enum.
        let id = self.symbol_type();
        match self.report.declared.symbol_type() {
            SymbolType::Data(ty) => {
                self.declared_begin(ty, id, false)?;
                self.symbol_name()?;
                self.declared_end(ty)
            }
            SymbolType::Function(prototype) => {
                let (returned, mut parameters) = match self.kind(id) {
                    Some(BtfKind::Prototype {
                        returned,
                        parameters,
                    }) => (Some(returned), Some(parameters)),
                    _ => (None, None),
                };
                self.declared_begin(prototype.returned, returned, false)?;
                self.symbol_name()?;
                self.write_char('(')?;
                let mut separator = "";
                for argument in prototype.arguments {
                    self.write_str(separator)?;
                    separator = ", ";
                    let id = parameters.as_mut().and_then(Iterator::next);
                    self.declared_begin(argument, id, false)?;
                    self.declared_end(argument)?;
                }
                self.write_str(match (prototype.variadic, separator) {
                    (true, _) => separator,
                    (false, "") => "void",
                    (false, _) => "",
                })?;
                self.write_str(if prototype.variadic { "...)" } else { ")" })?;
                self.declared_end(prototype.returned)
            }
        }
    }

    /// Writes the part of the declared type that is before the name. `id` is the kernel's type at
    /// the same place, if there is one.
    fn declared_begin(
        &mut self,
        ty: TypeBytes<'_>,
        id: Option<u32>,
        constant: bool,
    ) -> fmt::Result {
        let ty = ty.decode();
        match ty {
            Type::Pointer { to_const, pointee } => {
                let id = self.resolved(id).and_then(|kind| match kind {
                    BtfKind::Pointer(id) => Some(id),
                    _ => None,
                });
                self.declared_begin(pointee, id, to_const)?;
                if matches!(pointee.decode(), Type::Array { .. }) {
                    self.write_str(" (*")?;
                } else {
                    self.star()?;
                }
                return self.write_str(if constant { "const" } else { "" });
            }
            Type::Array { element, .. } => {
                let id = self.resolved(id).and_then(|kind| match kind {
                    BtfKind::Array { element, .. } => Some(element),
                    _ => None,
                });
                return self.declared_begin(element, id, constant);
            }
            Type::FunctionPointer => {
                return self.write_str(if constant { "void (*const" } else { "void (*" });
            }
            _ => {}
        }
        if constant {
            self.write_str("const ")?;
        }
        match ty {
            Type::Bool => self.write_str("bool"),
            Type::Integer { width, signed } => {
                let letter = if signed { 's' } else { 'u' };
                write!(self, "{letter}{}", u32::from(width) * 8)
            }
            Type::Float { width: 4 } => self.write_str("float"),
            Type::Float { width: 8 } => self.write_str("double"),
            Type::Float { width } => write!(self, "_Float{}", u32::from(width) * 8),
            Type::Named { name, .. } => {
                let keyword = self.keyword(name, id);
                self.write_str(keyword)?;
                self.write_str(name)
            }
            _ => self.write_str("void"),
        }
    }

    /// Writes the part of the declared type that is behind the name.
    fn declared_end(&mut self, ty: TypeBytes<'_>) -> fmt::Result {
        match ty.decode() {
            Type::Pointer { pointee, .. } => {
                if matches!(pointee.decode(), Type::Array { .. }) {
                    self.write_char(')')?;
                }
                self.declared_end(pointee)
            }
            Type::Array { length, element } => {
                self.length(length)?;
                self.declared_end(element)
            }
            Type::FunctionPointer => self.write_str(")()"),
            _ => Ok(()),
        }
    }

    /// Returns the keyword that C writes before `name`, by the kernel's type `id` if it has that
    /// name.
    fn keyword(&self, name: &str, id: Option<u32>) -> &'static str {
        let mut next = id;
        for _ in 0..DEPTH {
            let Some(ty) = next.and_then(|id| self.report.source.type_by_id(id)) else {
                break;
            };
            let kind = ty.kind();
            let same = self.report.source.name(ty.name_offset()) == Some(name.as_bytes());
            next = match kind {
                BtfKind::Typedef(_) if same => return "",
                BtfKind::Typedef(id)
                | BtfKind::Const(id)
                | BtfKind::Volatile(id)
                | BtfKind::Restrict(id)
                | BtfKind::TypeTag(id) => Some(id),
                _ if same => return keyword(&kind),
                _ => None,
            };
        }
        // The kernel's convention for the names of typedefs decides.
        if name.ends_with("_t") {
            ""
        } else {
            "struct "
        }
    }

    // ---- The kernel's type

    fn kernel(&mut self) -> fmt::Result {
        let id = self.symbol_type().unwrap_or(0);
        self.begin(id, 0)?;
        self.mark(MismatchPlace::Returned, 0);
        self.symbol_name()?;
        match self.kind(Some(id)) {
            Some(BtfKind::Prototype {
                returned,
                parameters,
            }) => {
                self.write_char('(')?;
                let open = self.column;
                let declared = match self.report.declared.symbol_type() {
                    SymbolType::Function(prototype) => prototype.arguments.len() as u32,
                    SymbolType::Data(_) => 0,
                };
                let mut extra = None;
                let mut separator = "";
                for (number, id) in (1..).zip(parameters) {
                    self.write_str(separator)?;
                    separator = ", ";
                    if number == declared + 1 {
                        extra = Some(self.column);
                    }
                    let start = self.column;
                    self.parameter(id, 0)?;
                    self.mark(MismatchPlace::Argument(number), start);
                }
                if separator.is_empty() {
                    self.write_str("void")?;
                }
                // The arguments that the declaration lacks are marked, or all if it has too many.
                self.mark(MismatchPlace::Arguments, extra.unwrap_or(open));
                self.write_char(')')?;
                self.end(returned, 0)?;
            }
            _ => self.end(id, 0)?,
        }
        self.mark(MismatchPlace::Symbol, 0);
        Ok(())
    }

    fn parameter(&mut self, id: u32, depth: u32) -> fmt::Result {
        if id == 0 {
            return self.write_str("...");
        }
        self.begin(id, depth)?;
        self.end(id, depth)
    }

    /// Writes the part of type `id` that is before the name in C.
    fn begin(&mut self, id: u32, depth: u32) -> fmt::Result {
        if !self.burn(depth) {
            return self.write_str("...");
        }
        let depth = depth + 1;
        if id == 0 {
            return self.write_str("void");
        }
        let source = self.report.source;
        let Some(ty) = source.type_by_id(id) else {
            return self.write_str("?");
        };
        let kind = ty.kind();
        match kind {
            BtfKind::Pointer(pointee) => {
                self.begin(pointee, depth)?;
                if self.is_behind_name(pointee) {
                    self.write_str(" (*")
                } else {
                    self.star()
                }
            }
            BtfKind::Const(of) => self.qualified("const", of, depth),
            BtfKind::Volatile(of) => self.qualified("volatile", of, depth),
            BtfKind::Restrict(of) | BtfKind::TypeTag(of) => self.begin(of, depth),
            BtfKind::Array { element, .. } => self.begin(element, depth),
            BtfKind::Prototype { returned, .. } => self.begin(returned, depth),
            _ => {
                self.write_str(keyword(&kind))?;
                match source.name(ty.name_offset()) {
                    None | Some([]) => self.write_str("{...}"),
                    Some(name) => write!(self, "{}", name.escape_ascii()),
                }
            }
        }
    }

    fn qualified(&mut self, qualifier: &str, of: u32, depth: u32) -> fmt::Result {
        // The qualifier of a pointer is behind the star.
        if matches!(self.kind(Some(of)), Some(BtfKind::Pointer(_))) {
            self.begin(of, depth)?;
            return self.write_str(qualifier);
        }
        write!(self, "{qualifier} ")?;
        self.begin(of, depth)
    }

    /// Writes the part of type `id` that is behind the name in C.
    fn end(&mut self, id: u32, depth: u32) -> fmt::Result {
        if !self.burn(depth) {
            return Ok(());
        }
        let depth = depth + 1;
        match self.kind(Some(id)) {
            Some(BtfKind::Pointer(pointee)) => {
                if self.is_behind_name(pointee) {
                    self.write_char(')')?;
                }
                self.end(pointee, depth)
            }
            Some(
                BtfKind::Const(of)
                | BtfKind::Volatile(of)
                | BtfKind::Restrict(of)
                | BtfKind::TypeTag(of),
            ) => self.end(of, depth),
            Some(BtfKind::Array { element, length }) => {
                self.length(length)?;
                self.end(element, depth)
            }
            Some(BtfKind::Prototype {
                returned,
                parameters,
            }) => {
                self.write_char('(')?;
                let mut separator = "";
                for id in parameters {
                    if !self.burn(depth) {
                        self.write_str(", ...")?;
                        break;
                    }
                    self.write_str(separator)?;
                    separator = ", ";
                    self.parameter(id, depth)?;
                }
                self.write_str(if separator.is_empty() { "void)" } else { ")" })?;
                self.end(returned, depth)
            }
            _ => Ok(()),
        }
    }

    fn length(&mut self, length: u32) -> fmt::Result {
        match length {
            0 => self.write_str("[]"),
            length => write!(self, "[{length}]"),
        }
    }

    /// Returns whether C writes a part of type `id` behind the name. A pointer to such a type needs
    /// parentheses.
    fn is_behind_name(&self, mut id: u32) -> bool {
        for _ in 0..DEPTH {
            id = match self.kind(Some(id)) {
                Some(
                    BtfKind::Const(id)
                    | BtfKind::Volatile(id)
                    | BtfKind::Restrict(id)
                    | BtfKind::TypeTag(id),
                ) => id,
                Some(BtfKind::Array { .. } | BtfKind::Prototype { .. }) => return true,
                _ => return false,
            };
        }
        false
    }

    /// Returns the id of the kernel's type of the symbol.
    fn symbol_type(&self) -> Option<u32> {
        match self.kind(Some(self.report.id))? {
            BtfKind::Function(ty) | BtfKind::Variable(ty) => Some(ty),
            _ => Some(self.report.id),
        }
    }

    fn kind(&self, id: Option<u32>) -> Option<BtfKind<'p>> {
        let report = self.report;
        Some(report.source.type_by_id(id?)?.kind())
    }

    fn resolved(&self, id: Option<u32>) -> Option<BtfKind<'p>> {
        self.kind(resolve(self.report.source, id?))
    }

    fn burn(&mut self, depth: u32) -> bool {
        self.fuel = self.fuel.saturating_sub(1);
        self.fuel > 0 && depth < DEPTH
    }
}

fn keyword(kind: &BtfKind<'_>) -> &'static str {
    match kind {
        BtfKind::Struct { .. } | BtfKind::Forward { union: false } => "struct ",
        BtfKind::Union { .. } | BtfKind::Forward { union: true } => "union ",
        BtfKind::Enum { .. } => "enum ",
        _ => "",
    }
}
