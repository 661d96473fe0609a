// SPDX-License-Identifier: GPL-2.0

//! Functions of the stock kernel, declared as bindgen declares them, and with one mistake.
//!
//! The declarations are made from BTF, which another reader, btf-rs, reads. `KIMPORT_SEED` repeats
//! a run.

use crate::difference;
use btf_rs::BtfType as _;
use kimport_cli::kernel::symbols::{SymbolKind, SymbolTable};
use kimport_types::{compare, Btf, Description, Encoding, MismatchPlace, Rule, Severity};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::collections::HashMap;

/// A type as bindgen writes it.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    Void,
    Bool,
    /// The number of bytes, the sign, and whether the sign is compared.
    Integer(usize, bool, Sign),
    Float(usize),
    Named(String, usize),
    /// A struct or union without a name.
    Anonymous(usize),
    Pointer(bool, Box<Ty>),
    FunctionPointer,
    Array(usize, Box<Ty>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sign {
    Checked,
    Free,
}

impl Ty {
    pub fn encode(&self) -> Encoding {
        match self {
            Self::Void => Encoding::VOID,
            Self::Bool => Encoding::BOOL,
            Self::Integer(width, signed, _) => Encoding::integer(*width, *signed),
            Self::Float(width) => Encoding::float(*width),
            Self::Named(name, size) => Encoding::named(name, Some(*size)),
            Self::Anonymous(size) => Encoding::named("outer__bindgen_ty_1", Some(*size)),
            Self::Pointer(to_const, to) => to.encode().pointer(*to_const),
            Self::FunctionPointer => Encoding::FUNCTION_POINTER,
            Self::Array(length, element) => element.encode().array(*length),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Prototype {
    pub arguments: Vec<Ty>,
    pub returned: Ty,
    pub variadic: bool,
}

impl Prototype {
    pub fn encode(&self) -> Encoding {
        let arguments: Vec<_> = self.arguments.iter().map(Ty::encode).collect();
        Encoding::function(&arguments, self.returned.encode(), self.variadic)
    }
}

/// A function's id and name.
pub type Function = (u32, String, btf_rs::Func);

/// A stand-in for bindgen, with the types that btf-rs read.
pub struct Bindgen(pub btf_rs::Btf);

impl Bindgen {
    /// Reads the BTF of a kernel.
    pub fn new(btf: &[u8]) -> Self {
        Self(btf_rs::Btf::from_bytes(btf).expect("btf-rs reads it"))
    }

    /// Returns all functions from type `first_id` on.
    pub fn functions(&self, first_id: u32) -> Vec<Function> {
        (first_id..)
            .map_while(|id| Some((id, self.0.resolve_type_by_id(id).ok()?)))
            .filter_map(|(id, ty)| match ty {
                btf_rs::Type::Func(function) => {
                    Some((id, self.0.resolve_name(&function).unwrap(), function))
                }
                _ => None,
            })
            .collect()
    }

    pub fn prototype(&self, function: &btf_rs::Func) -> Prototype {
        let btf_rs::Type::FuncProto(prototype) = self.0.resolve_chained_type(function).unwrap()
        else {
            panic!("a function has a prototype");
        };
        let (variable, fixed): (Vec<_>, Vec<_>) =
            prototype.parameters.iter().partition(|p| p.is_variadic());
        Prototype {
            arguments: fixed
                .iter()
                .map(|p| self.ty(p.get_type_id().unwrap()))
                .collect(),
            returned: self.ty(prototype.return_type_id()),
            variadic: !variable.is_empty(),
        }
    }

    fn ty(&self, id: u32) -> Ty {
        self.qualified(id).2
    }

    /// Returns whether the type is a prototype, whether it is `const`, and the type.
    fn qualified(&self, mut id: u32) -> (bool, bool, Ty) {
        use btf_rs::Type;

        let mut constant = false;
        // The last typedef in the chain, whose name bindgen gives to a struct that has none.
        let mut typedef = None;
        let next = |ty: &dyn btf_rs::BtfType| ty.get_type_id().unwrap();
        let ty = loop {
            match self.0.resolve_type_by_id(id).unwrap() {
                Type::Typedef(ty) => {
                    typedef = Some(self.0.resolve_name(&ty).unwrap());
                    id = next(&ty);
                }
                Type::Const(ty) => {
                    constant = true;
                    id = next(&ty);
                }
                Type::Volatile(ty) | Type::Restrict(ty) => id = next(&ty),
                Type::TypeTag(ty) => id = next(&ty),
                ty => break ty,
            }
        };
        let named = |ty: &dyn btf_rs::BtfType, size| {
            let name = self.0.resolve_name(ty).ok().filter(|name| !name.is_empty());
            match name.or(typedef) {
                Some(name) => Ty::Named(name, size),
                None => Ty::Anonymous(size),
            }
        };
        let is_prototype = matches!(ty, Type::FuncProto(_));
        let ty = match &ty {
            Type::Void => Ty::Void,
            Type::Int(int) if int.is_bool() => Ty::Bool,
            Type::Int(int) if self.0.resolve_name(int).unwrap() == "char" => {
                Ty::Integer(1, false, Sign::Free)
            }
            Type::Int(int) => Ty::Integer(int.size(), int.is_signed(), Sign::Checked),
            Type::Enum(ty) => Ty::Integer(ty.size(), ty.is_signed(), Sign::Free),
            Type::Enum64(ty) => Ty::Integer(ty.size(), ty.is_signed(), Sign::Free),
            Type::Float(float) => Ty::Float(float.size()),
            Type::Struct(ty) | Type::Union(ty) => named(ty, ty.size()),
            Type::Fwd(ty) => named(ty, 0),
            Type::Array(array) => Ty::Array(array.len(), Box::new(self.ty(next(array)))),
            Type::Ptr(pointer) => match self.qualified(next(pointer)) {
                (true, _, function) => function,
                (false, constant, to) => Ty::Pointer(constant, Box::new(to)),
            },
            // A prototype occurs only as a pointee.
            Type::FuncProto(_) => Ty::FunctionPointer,
            other => panic!("{} is no type of an argument", other.name()),
        };
        (is_prototype, constant, ty)
    }
}

/// A declaration with one mistake, with the rule that finds it and its place.
pub struct Mutation {
    pub rule: Rule,
    pub place: MismatchPlace,
    pub declared: Prototype,
}

/// Returns the types that may be declared by mistake in place of `ty`, with the rule that finds
/// each.
fn mistakes(ty: &Ty) -> Vec<(Rule, Ty)> {
    let int = |width, signed| Ty::Integer(width, signed, Sign::Checked);
    let pointer = |to| Ty::Pointer(false, Box::new(to));
    let unknown = |size| Ty::Named("kimport_no_such_type".into(), size);
    let task = || Ty::Named("task_struct".into(), 8);
    match ty {
        Ty::Bool => vec![
            (Rule::IntegerForBool, int(1, false)),
            (Rule::Width, int(4, true)),
            (Rule::Pointer, pointer(Ty::Void)),
        ],
        Ty::Integer(width, signed, sign) => {
            let others = [1, 2, 4, 8].into_iter().filter(|other| other != width);
            let mut mistakes: Vec<_> = others
                .map(|other| (Rule::Width, int(other, *signed)))
                .collect();
            if *sign == Sign::Checked {
                mistakes.push((Rule::Signedness, int(*width, !signed)));
            }
            let boolean = if *width == 1 {
                Rule::BoolForInteger
            } else {
                Rule::Width
            };
            mistakes.extend([
                (boolean, Ty::Bool),
                (Rule::Pointer, pointer(Ty::Void)),
                (Rule::Kind, unknown(*width)),
            ]);
            mistakes
        }
        Ty::Float(width) => vec![(Rule::Kind, int(*width, true))],
        Ty::Named(name, size) => vec![
            (Rule::StructName, unknown(*size)),
            (Rule::StructSize, Ty::Named(name.clone(), size + 4)),
            (Rule::Kind, int(4, true)),
            (Rule::Pointer, pointer(ty.clone())),
        ],
        Ty::Anonymous(size) => vec![(Rule::StructSize, Ty::Anonymous(size + 4))],
        Ty::FunctionPointer => vec![
            (Rule::Pointer, int(8, false)),
            (Rule::PointeeKind, pointer(int(4, true))),
            (Rule::PointeeKind, pointer(task())),
        ],
        Ty::Pointer(to_const, to) => {
            let mut mistakes = vec![(Rule::Pointer, int(8, false)), (Rule::Pointer, Ty::Bool)];
            let mut below = |rule, to| mistakes.push((rule, Ty::Pointer(*to_const, Box::new(to))));
            match &**to {
                Ty::Void | Ty::Anonymous(_) | Ty::Array(..) => {}
                Ty::Named(..) => {
                    below(Rule::PointeeName, unknown(8));
                    below(Rule::PointeeKind, int(8, false));
                    below(Rule::PointeeKind, pointer((**to).clone()));
                }
                Ty::Integer(width, signed, sign) => {
                    below(Rule::Width, int(if *width == 8 { 4 } else { 8 }, *signed));
                    if *sign == Sign::Checked {
                        below(Rule::Signedness, int(*width, !signed));
                        below(Rule::PointeeKind, task());
                    }
                }
                Ty::Bool => below(Rule::IntegerForBool, int(1, false)),
                Ty::Float(_) | Ty::FunctionPointer | Ty::Pointer(..) => {
                    below(Rule::PointeeKind, int(8, false))
                }
            }
            if **to != Ty::Void {
                mistakes.push((Rule::PointeeKind, Ty::FunctionPointer));
            }
            mistakes
        }
        Ty::Void | Ty::Array(..) => Vec::new(),
    }
}

/// Returns all declarations of `right` with one mistake.
pub fn mutations(right: &Prototype) -> Vec<Mutation> {
    use MismatchPlace::{Argument, Arguments, Returned};

    let mut mutations = Vec::new();
    let mut add = |rule, place, change: &dyn Fn(&mut Prototype)| {
        let mut declared = right.clone();
        change(&mut declared);
        mutations.push(Mutation {
            rule,
            place,
            declared,
        });
    };
    let int = Ty::Integer(4, true, Sign::Checked);

    add(Rule::Variadic, Arguments, &|p| p.variadic = !p.variadic);
    add(Rule::ArgumentCount, Arguments, &|p| {
        p.arguments.push(int.clone())
    });
    if !right.arguments.is_empty() {
        add(Rule::ArgumentCount, Arguments, &|p| {
            drop(p.arguments.remove(0))
        });
        add(Rule::ArgumentCount, Arguments, &|p| drop(p.arguments.pop()));
    }
    let returned = if right.returned == Ty::Void {
        int.clone()
    } else {
        Ty::Void
    };
    add(Rule::ReturnVoid, Returned, &|p| {
        p.returned = returned.clone()
    });
    for (rule, ty) in mistakes(&right.returned) {
        add(rule, Returned, &|p| p.returned = ty.clone());
    }
    for (index, argument) in right.arguments.iter().enumerate() {
        for (rule, ty) in mistakes(argument) {
            let place = Argument(index as u32 + 1);
            add(rule, place, &|p| p.arguments[index] = ty.clone());
        }
    }
    mutations
}

/// Returns the number that all random choices follow from.
pub fn seed() -> u64 {
    let seed = match std::env::var("KIMPORT_SEED") {
        Ok(seed) => seed.parse().expect("KIMPORT_SEED is a number"),
        Err(_) => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("the clock is set")
            .as_nanos() as u64,
    };
    println!("KIMPORT_SEED={seed}");
    seed
}

/// Returns the generator of the random choices that follow from `seed`.
pub fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// Returns the functions that the symbols and BTF have once, and that can be imported: they are not
/// freed after init, and not variadic.
pub fn callable(
    bindgen: &Bindgen,
    functions: Vec<Function>,
    symbols: &SymbolTable,
) -> Vec<Function> {
    let mut times = HashMap::<String, u32>::new();
    for (_, name, _) in &functions {
        *times.entry(name.clone()).or_insert(0) += 1;
    }
    let is_plain = |name: &str| matches!(symbols.named(name)[..], [one] if one.kind == SymbolKind::Function && !one.init);
    let functions = functions.into_iter().filter(|(_, name, function)| {
        is_plain(name) && times[name] == 1 && !bindgen.prototype(function).variadic
    });
    functions.collect()
}

/// Takes `count` of these at random.
pub fn sample<'a, T>(rng: &mut TestRng, mut from: Vec<&'a T>, count: usize) -> Vec<&'a T> {
    assert!(from.len() >= count, "there are only {}", from.len());
    (0..count)
        .map(|_| from.swap_remove(rng.random_range(0..from.len())))
        .collect()
}

/// Takes `each` exported functions, and then as many others, at random.
pub fn choose<'a>(rng: &mut TestRng, functions: &'a [Function], each: usize) -> Vec<&'a Function> {
    let exports = crate::exports();
    let (exported, others) = functions
        .iter()
        .partition(|(_, name, _)| exports.contains(name));
    let mut chosen = sample(rng, exported, each);
    chosen.extend(sample(rng, others, each));
    chosen
}

/// Chooses one of `mutations` of the function `name` at random, and checks that the comparison with
/// its type `id` finds that mistake and no other. Returns the mutation and the report.
pub fn mistake(
    rng: &mut TestRng,
    mut mutations: Vec<Mutation>,
    name: &str,
    btf: &Btf<'_>,
    id: u32,
) -> (Mutation, String) {
    let mutation = mutations.swap_remove(rng.random_range(0..mutations.len()));
    let encoding = mutation.declared.encode();
    let declared = Description::new(encoding.as_bytes()).expect("it was just made");
    let comparison = compare(&declared, btf, id).expect("the BTF is valid");
    let expected = (mutation.rule, mutation.place);
    let Some(mismatch) = comparison.worst() else {
        panic!("{name}: {expected:?} is not found");
    };
    let report = difference(name, &declared, btf, id).expect("it was just compared");
    let report = report.expect("they differ");
    assert_eq!((mismatch.rule, mismatch.place), expected, "{report}");
    let is_refused = mutation.rule.severity() == Severity::Refuse;
    let found = (comparison.refuse.is_some(), comparison.warn.is_some());
    assert_eq!(found, (is_refused, !is_refused), "{report}");
    (mutation, report)
}
