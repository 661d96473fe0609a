// SPDX-License-Identifier: GPL-2.0

//! Every rule of the comparison, in both directions, and everything that compares equal.

use kimport_testing::{index, Maker};
use kimport_types::{
    compare, Btf, Comparison, Description, Encoding, Mismatch, MismatchPlace, MismatchReport, Rule,
    Severity,
};

fn compared(maker: &Maker, id: u32, declared: Encoding) -> Comparison {
    let bytes = maker.bytes();
    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).expect("the maker makes BTF");
    let declared = Description::new(declared.as_bytes()).expect("an encoding is a description");
    compare(&declared, &btf, id).expect("the BTF is well-formed")
}

/// Returns the text of the worst difference.
fn report(maker: &Maker, id: u32, name: &str, declared: Encoding) -> String {
    let bytes = maker.bytes();
    let mut index = index(&bytes);
    let source = &Btf::new(&bytes, None, &mut index).expect("the maker makes BTF");
    let declared = &Description::new(declared.as_bytes()).expect("an encoding is a description");
    let comparison = compare(declared, source, id).expect("the BTF is well-formed");
    let mismatch = comparison.worst().expect("there is a difference");
    let report = MismatchReport {
        name,
        declared,
        source,
        id,
        mismatch,
    };
    report.to_string()
}

/// Compares the types as an argument, as a returned value, and as data. All must find the same.
fn found(declared: Encoding, kernel: impl Fn(&mut Maker) -> u32) -> Option<(Rule, u32, u32)> {
    let numbers = |mismatch: &Mismatch| (mismatch.rule, mismatch.declared, mismatch.kernel);

    let mut maker = Maker::new();
    let ty = kernel(&mut maker);
    let id = maker.variable("v", ty);
    let comparison = compared(&maker, id, declared.into_data());
    let data = comparison.worst().map(numbers);
    let is_warning = comparison.warn.is_some();
    assert_eq!(
        comparison.refuse.or(comparison.warn).map(|m| m.place),
        data.map(|_| MismatchPlace::Symbol)
    );
    if let Some((rule, ..)) = data {
        assert_eq!(rule.severity() == Severity::Warn, is_warning, "{rule:?}");
    }

    // C passes no arrays.
    if declared.as_bytes()[0] & 0xf != 7 {
        let mut maker = Maker::new();
        let ty = kernel(&mut maker);
        let int = maker.signed(4);
        let id = maker.function("f", &[int, ty], 0);
        let function = Encoding::function(
            &[Encoding::integer(4, true), declared],
            Encoding::VOID,
            false,
        );
        let comparison = compared(&maker, id, function);
        assert_eq!(comparison.worst().map(numbers), data);
        let place = comparison.worst().map(|mismatch| mismatch.place);
        assert_eq!(place, data.map(|_| MismatchPlace::Argument(2)));

        let id = maker.function("f", &[int], ty);
        let function = Encoding::function(&[Encoding::integer(4, true)], declared, false);
        let comparison = compared(&maker, id, function);
        assert_eq!(comparison.worst().map(numbers), data);
        let place = comparison.worst().map(|mismatch| mismatch.place);
        assert_eq!(place, data.map(|_| MismatchPlace::Returned));
    }
    data
}

#[track_caller]
fn equal(declared: Encoding, kernel: impl Fn(&mut Maker) -> u32) {
    assert_eq!(found(declared, kernel), None);
}

#[track_caller]
fn differs(
    rule: Rule,
    numbers: (u32, u32),
    declared: Encoding,
    kernel: impl Fn(&mut Maker) -> u32,
) {
    assert_eq!(found(declared, kernel), Some((rule, numbers.0, numbers.1)));
}

const U8: Encoding = Encoding::integer(1, false);
const S8: Encoding = Encoding::integer(1, true);
const U32: Encoding = Encoding::integer(4, false);
const S32: Encoding = Encoding::integer(4, true);
const U64: Encoding = Encoding::integer(8, false);
const BOOL: Encoding = Encoding::BOOL;
const FUNCTION: Encoding = Encoding::FUNCTION_POINTER;
const VOID_POINTER: Encoding = Encoding::VOID.pointer(false);

const fn named(name: &str, size: usize) -> Encoding {
    Encoding::named(name, Some(size))
}

const fn pointer(to: Encoding) -> Encoding {
    to.pointer(false)
}

#[test]
fn integers() {
    for (width, signed) in [1, 2, 4, 8, 16]
        .into_iter()
        .flat_map(|w| [(w, false), (w, true)])
    {
        let declared = Encoding::integer(width, signed);
        for other in [1, 2, 4, 8, 16] {
            let kernel = |flag| move |m: &mut Maker| m.int("some int", other as u32, flag);
            if width == other {
                equal(declared, kernel(u32::from(signed)));
                let numbers = (signed.into(), (!signed).into());
                differs(
                    Rule::Signedness,
                    numbers,
                    declared,
                    kernel(u32::from(!signed)),
                );
            } else {
                differs(
                    Rule::Width,
                    (width as u32, other as u32),
                    declared,
                    kernel(0),
                );
                differs(
                    Rule::Width,
                    (width as u32, other as u32),
                    declared,
                    kernel(1),
                );
            }
        }
    }
}

#[test]
fn char_has_no_sign() {
    for signed in [false, true] {
        equal(U8, |m| m.char(signed));
        equal(S8, |m| m.char(signed));
        equal(pointer(U8), |m| {
            let char = m.char(signed);
            let constant = m.constant(char);
            m.pointer(constant)
        });
        equal(S8, |m| {
            let char = m.char(signed);
            m.typedef("letter", char)
        });
        differs(Rule::BoolForInteger, (1, 0), BOOL, |m| m.char(signed));
    }
    differs(Rule::Signedness, (1, 0), S8, |m| {
        m.int("unsigned char", 1, 0)
    });
    differs(Rule::Signedness, (0, 1), U8, |m| m.int("signed char", 1, 1));
}

#[test]
fn booleans() {
    equal(BOOL, |m| m.bool());
    differs(Rule::BoolForInteger, (1, 0), BOOL, |m| m.unsigned(1));
    differs(Rule::BoolForInteger, (1, 0), BOOL, |m| {
        m.enumeration("e", 1)
    });
    differs(Rule::IntegerForBool, (0, 1), U8, |m| m.bool());
    differs(Rule::IntegerForBool, (0, 1), S8, |m| m.bool());
    differs(Rule::Width, (1, 4), BOOL, |m| m.signed(4));
    differs(Rule::Width, (4, 1), S32, |m| m.bool());
}

#[test]
fn enums_are_integers_of_their_size() {
    equal(U32, |m| m.enumeration("e", 4));
    equal(S32, |m| m.enumeration("e", 4));
    equal(U32, |m| m.raw(6, true, 1, "e", 4, &[0, u32::MAX]));
    equal(U64, |m| m.raw(19, false, 1, "e", 8, &[0, 0, 1]));
    equal(U32, |m| {
        let e = m.enumeration("", 4);
        m.typedef("e_t", e)
    });
    equal(named("e", 4), |m| m.enumeration("e", 4));
    equal(pointer(named("e", 4)), |m| {
        let e = m.enumeration("e", 4);
        m.pointer(e)
    });
    equal(pointer(U32), |m| {
        let e = m.enumeration("e", 4);
        m.pointer(e)
    });
    differs(Rule::Width, (8, 4), U64, |m| m.enumeration("e", 4));
    differs(Rule::Width, (4, 1), U32, |m| m.enumeration("e", 1));
    differs(Rule::Width, (8, 4), named("e", 8), |m| {
        m.enumeration("e", 4)
    });
    differs(Rule::Kind, (1, 0), named("other", 4), |m| {
        m.enumeration("e", 4)
    });
    differs(Rule::PointeeName, (1, 0), pointer(named("other", 4)), |m| {
        let e = m.enumeration("e", 4);
        m.pointer(e)
    });
}

#[test]
fn typedefs_and_qualifiers_are_transparent() {
    for wrap in [
        Maker::constant,
        Maker::volatile,
        Maker::restrict,
        Maker::type_tag,
        |m: &mut Maker, of: u32| m.typedef("some_t", of),
    ] {
        equal(U32, |m| {
            let int = m.unsigned(4);
            wrap(m, int)
        });
        equal(named("s", 8), |m| {
            let s = m.structure("s", 8);
            wrap(m, s)
        });
        for to_const in [false, true] {
            equal(named("s", 8).pointer(to_const), |m| {
                let s = m.structure("s", 8);
                let s = wrap(m, s);
                let s = m.pointer(s);
                wrap(m, s)
            });
        }
        differs(Rule::Width, (4, 8), U32, |m| {
            let int = m.unsigned(8);
            wrap(m, int)
        });
    }
}

#[test]
fn pointers_and_values() {
    let to_struct = |m: &mut Maker| {
        let s = m.structure("s", 8);
        m.pointer(s)
    };
    differs(Rule::Pointer, (0, 1), U64, to_struct);
    differs(Rule::Pointer, (0, 1), BOOL, to_struct);
    differs(Rule::Pointer, (0, 1), named("s", 8), to_struct);
    differs(Rule::Pointer, (1, 0), pointer(U64), |m| m.unsigned(8));
    differs(Rule::Pointer, (1, 0), VOID_POINTER, |m| m.unsigned(8));
    differs(Rule::Pointer, (1, 0), FUNCTION, |m| m.unsigned(8));
    differs(Rule::Pointer, (1, 0), pointer(named("s", 8)), |m| {
        m.structure("s", 8)
    });
    // Below a pointer, it is the pointee that differs.
    differs(Rule::PointeeKind, (1, 0), pointer(U64), |m| {
        let p = to_struct(m);
        m.pointer(p)
    });
    differs(Rule::PointeeKind, (1, 0), pointer(pointer(U64)), |m| {
        let int = m.unsigned(8);
        m.pointer(int)
    });
}

#[test]
fn void_pointers_are_any_pointers() {
    let kernels: [fn(&mut Maker) -> u32; 5] = [
        |_| 0,
        |m| m.structure("s", 8),
        |m| m.unsigned(4),
        |m| m.prototype(&[], 0),
        |m| m.pointer(0),
    ];
    for kernel in kernels {
        for declared in [VOID_POINTER, pointer(Encoding::UNKNOWN)] {
            equal(declared, |m| {
                let to = kernel(m);
                m.pointer(to)
            });
            equal(pointer(declared), |m| {
                let to = kernel(m);
                let to = m.pointer(to);
                m.pointer(to)
            });
        }
    }
    for declared in [
        pointer(named("s", 8)),
        pointer(U32),
        FUNCTION,
        pointer(pointer(BOOL)),
    ] {
        equal(declared, |m| m.pointer(0));
        equal(declared, |m| {
            let void = m.constant(0);
            m.pointer(void)
        });
        equal(pointer(declared), |m| {
            let void = m.pointer(0);
            m.pointer(void)
        });
    }
}

#[test]
fn pointees() {
    let to = |kernel: fn(&mut Maker) -> u32| {
        move |m: &mut Maker| {
            let ty = kernel(m);
            m.pointer(ty)
        }
    };
    equal(pointer(named("s", 8)), to(|m| m.structure("s", 8)));
    equal(pointer(named("s", 8)), to(|m| m.union("s", 8)));
    // The size of a pointee does not matter: Rust may see no more than a forward declaration.
    equal(pointer(named("s", 0)), to(|m| m.structure("s", 8)));
    equal(
        pointer(Encoding::named("s", None)),
        to(|m| m.structure("s", 8)),
    );
    equal(pointer(named("s", 8)), to(|m| m.forward("s")));
    differs(
        Rule::PointeeName,
        (1, 0),
        pointer(named("s", 8)),
        to(|m| m.structure("t", 8)),
    );
    differs(
        Rule::PointeeName,
        (1, 0),
        pointer(named("s", 8)),
        to(|m| m.union("t", 8)),
    );
    differs(
        Rule::PointeeName,
        (1, 0),
        pointer(named("s", 8)),
        to(|m| m.forward("t")),
    );
    differs(
        Rule::PointeeKind,
        (1, 0),
        pointer(named("s", 8)),
        to(|m| m.unsigned(8)),
    );
    differs(
        Rule::PointeeKind,
        (1, 0),
        pointer(U64),
        to(|m| m.structure("s", 8)),
    );
    differs(Rule::PointeeKind, (1, 0), pointer(U32), to(|m| m.float(4)));
    differs(
        Rule::PointeeKind,
        (1, 0),
        pointer(U32),
        to(|m| m.prototype(&[], 0)),
    );
    differs(Rule::Width, (8, 4), pointer(U64), to(|m| m.unsigned(4)));
    differs(Rule::Width, (4, 8), pointer(U32), to(|m| m.unsigned(8)));
    differs(Rule::Signedness, (0, 1), pointer(U32), to(|m| m.signed(4)));
    differs(
        Rule::BoolForInteger,
        (1, 0),
        pointer(BOOL),
        to(|m| m.unsigned(1)),
    );
    differs(Rule::IntegerForBool, (0, 1), pointer(U8), to(|m| m.bool()));
    differs(
        Rule::PointeeName,
        (1, 0),
        pointer(pointer(named("s", 8))),
        |m| {
            let s = m.structure("t", 8);
            let p = m.pointer(s);
            m.pointer(p)
        },
    );
}

#[test]
fn typedefs_name_structs() {
    // `typedef struct { ... } atomic_t`
    let anonymous = |m: &mut Maker| {
        let s = m.structure("", 4);
        m.typedef("atomic_t", s)
    };
    equal(named("atomic_t", 4), anonymous);
    differs(Rule::StructName, (1, 0), named("atomic64_t", 4), anonymous);
    equal(pointer(named("atomic_t", 4)), |m| {
        let s = anonymous(m);
        m.pointer(s)
    });
    differs(
        Rule::PointeeName,
        (1, 0),
        pointer(named("other_t", 4)),
        |m| {
            let s = anonymous(m);
            m.pointer(s)
        },
    );
    // `typedef struct spinlock { ... } spinlock_t`: either name, also where the prototype has the
    // other.
    for used in [false, true] {
        let spinlock = |m: &mut Maker| {
            let s = m.structure("spinlock", 4);
            let typedef = m.typedef("spinlock_t", s);
            if used {
                typedef
            } else {
                s
            }
        };
        for name in ["spinlock", "spinlock_t"] {
            equal(named(name, 4), spinlock);
            equal(pointer(named(name, 4)), |m| {
                let s = spinlock(m);
                m.pointer(s)
            });
        }
        // The prototype has a forward declaration of it.
        equal(pointer(named("spinlock_t", 4)), |m| {
            spinlock(m);
            let s = m.forward("spinlock");
            m.pointer(s)
        });
    }
    // Two typedefs name one struct that has no name of its own.
    equal(pointer(named("b_t", 4)), |m| {
        let s = m.structure("", 4);
        let a = m.typedef("a_t", s);
        m.typedef("b_t", a);
        m.pointer(a)
    });
    differs(Rule::PointeeName, (1, 0), pointer(named("b_t", 4)), |m| {
        let s = m.structure("", 4);
        m.typedef("b_t", s);
        let s = m.structure("", 4);
        let a = m.typedef("a_t", s);
        m.pointer(a)
    });
    // The name is a typedef of something else.
    differs(Rule::PointeeName, (1, 0), pointer(named("u_t", 4)), |m| {
        let t = m.structure("t", 4);
        m.typedef("u_t", t);
        let s = m.structure("s", 4);
        m.pointer(s)
    });
}

#[test]
fn structs_by_value() {
    equal(named("s", 8), |m| m.structure("s", 8));
    equal(named("s", 8), |m| m.union("s", 8));
    differs(Rule::StructName, (1, 0), named("s", 8), |m| {
        m.structure("t", 8)
    });
    differs(Rule::StructSize, (8, 16), named("s", 8), |m| {
        m.structure("s", 16)
    });
    differs(Rule::StructSize, (16, 8), named("s", 16), |m| {
        m.structure("s", 8)
    });
    differs(Rule::Kind, (1, 0), named("s", 8), |m| m.unsigned(8));
    differs(Rule::Kind, (1, 0), U64, |m| m.structure("s", 8));
    differs(Rule::Kind, (1, 0), BOOL, |m| m.union("s", 1));
    // The struct may lack a name on either side.
    equal(named("outer__bindgen_ty_1", 8), |m| m.structure("s", 8));
    equal(named("outer", 8), |m| m.structure("", 8));
    differs(
        Rule::StructSize,
        (8, 4),
        named("outer__bindgen_ty_1", 8),
        |m| m.structure("", 4),
    );
    // An integer may have a Rust type of its own.
    equal(named("pgoff_t", 8), |m| {
        let int = m.unsigned(8);
        m.typedef("pgoff_t", int)
    });
}

#[test]
fn floating_point() {
    equal(Encoding::float(8), |m| m.float(8));
    differs(Rule::Width, (8, 4), Encoding::float(8), |m| m.float(4));
    differs(Rule::Width, (4, 8), Encoding::float(4), |m| m.float(8));
    differs(Rule::Kind, (1, 0), Encoding::float(4), |m| m.unsigned(4));
    differs(Rule::Kind, (1, 0), U32, |m| m.float(4));
}

#[test]
fn function_pointers() {
    let to_function = |m: &mut Maker| {
        let int = m.signed(4);
        let f = m.prototype(&[int], 0);
        m.pointer(f)
    };
    equal(FUNCTION, to_function);
    equal(FUNCTION, |m| {
        let f = to_function(m);
        m.typedef("callback_t", f)
    });
    equal(pointer(FUNCTION), |m| {
        let f = to_function(m);
        m.pointer(f)
    });
    differs(Rule::PointeeKind, (1, 0), FUNCTION, |m| {
        let s = m.structure("s", 8);
        m.pointer(s)
    });
    differs(
        Rule::PointeeKind,
        (1, 0),
        pointer(named("s", 8)),
        to_function,
    );
    differs(Rule::PointeeKind, (1, 0), pointer(FUNCTION), to_function);
    differs(Rule::Pointer, (0, 1), U64, to_function);
}

#[test]
fn arrays() {
    let array = |length| {
        move |m: &mut Maker| {
            let int = m.unsigned(4);
            m.array(int, length)
        }
    };
    equal(U32.array(4), array(4));
    equal(U32.array(0), array(4));
    equal(U32.array(4), array(0));
    differs(Rule::ArrayLength, (4, 5), U32.array(4), array(5));
    differs(Rule::ArrayLength, (5, 4), U32.array(5), array(4));
    differs(Rule::Width, (8, 4), U64.array(4), array(4));
    differs(Rule::Kind, (1, 0), U32.array(1), |m| m.unsigned(4));
    differs(Rule::Kind, (1, 0), U32, array(1));
    equal(U32.array(2).array(3), |m| {
        let inner = array(2)(m);
        m.array(inner, 3)
    });
    // A pointer to an array is one to its element.
    for declared in [
        pointer(U32),
        pointer(U32.array(7)),
        pointer(U32.array(7).array(1)),
    ] {
        equal(declared, |m| {
            let int = m.unsigned(4);
            m.pointer(int)
        });
        equal(declared, |m| {
            let array = array(3)(m);
            m.pointer(array)
        });
        equal(declared, |m| {
            let array = array(3)(m);
            let array = m.array(array, 2);
            m.pointer(array)
        });
    }
    differs(Rule::Width, (1, 4), pointer(U8.array(16)), |m| {
        let int = m.unsigned(4);
        m.pointer(int)
    });
    differs(Rule::Width, (1, 4), pointer(U8), |m| {
        let array = array(3)(m);
        let array = m.array(array, 2);
        m.pointer(array)
    });
}

#[test]
fn prototypes() {
    let mut m = Maker::new();
    let int = m.signed(4);
    let none = m.function("none", &[], 0);
    let one = m.function("one", &[int], 0);
    let two = m.function("two", &[int, int], 0);
    let returns = m.function("returns", &[int], int);
    let variadic = m.function("variadic", &[int, 0], 0);
    let data = m.variable("data", int);

    let function = |count: usize, returned, variadic| {
        Encoding::function(&vec![S32; count], returned, variadic)
    };
    let worst = |id, declared| {
        let comparison = compared(&m, id, declared);
        comparison
            .worst()
            .map(|m| (m.rule, m.place, m.declared, m.kernel))
    };
    let void = Encoding::VOID;

    assert_eq!(worst(none, function(0, void, false)), None);
    assert_eq!(worst(one, function(1, void, false)), None);
    assert_eq!(worst(two, function(2, void, false)), None);
    assert_eq!(worst(returns, function(1, S32, false)), None);
    assert_eq!(worst(variadic, function(1, void, true)), None);
    assert_eq!(worst(data, S32.into_data()), None);

    let count = |declared, kernel| {
        Some((
            Rule::ArgumentCount,
            MismatchPlace::Arguments,
            declared,
            kernel,
        ))
    };
    for (id, number) in [(none, 0), (one, 1), (two, 2)] {
        for declared in 0..4 {
            let expected = if declared == number {
                None
            } else {
                count(declared, number)
            };
            assert_eq!(
                worst(id, function(declared as usize, void, false)),
                expected
            );
        }
    }
    assert_eq!(worst(variadic, function(2, void, true)), count(2, 1));

    let variable_arguments =
        |declared, kernel| Some((Rule::Variadic, MismatchPlace::Arguments, declared, kernel));
    assert_eq!(
        worst(variadic, function(1, void, false)),
        variable_arguments(0, 1)
    );
    assert_eq!(
        worst(one, function(1, void, true)),
        variable_arguments(1, 0)
    );

    let return_void =
        |declared, kernel| Some((Rule::ReturnVoid, MismatchPlace::Returned, declared, kernel));
    assert_eq!(worst(one, function(1, S32, false)), return_void(1, 0));
    assert_eq!(
        worst(one, function(1, VOID_POINTER, false)),
        return_void(1, 0)
    );
    assert_eq!(worst(returns, function(1, void, false)), return_void(0, 1));

    assert_eq!(
        worst(data, function(0, void, false)),
        Some((Rule::SymbolKind, MismatchPlace::Symbol, 1, 0))
    );
    assert_eq!(
        worst(one, S32.into_data()),
        Some((Rule::SymbolKind, MismatchPlace::Symbol, 0, 1))
    );
}

#[test]
fn the_first_refusal_and_the_first_warning_are_told() {
    let mut m = Maker::new();
    let int = m.unsigned(4);
    let id = m.function("f", &[int, int, int, int], int);
    let declared = Encoding::function(&[S32, S32, U64, U8], U32, false);
    let comparison = compared(&m, id, declared);
    let warn = comparison.warn.expect("argument 1 is worth a warning");
    let refuse = comparison.refuse.expect("argument 3 must be refused");
    assert_eq!(
        (warn.rule, warn.place),
        (Rule::Signedness, MismatchPlace::Argument(1))
    );
    assert_eq!(
        (refuse.rule, refuse.place),
        (Rule::Width, MismatchPlace::Argument(3))
    );
    assert_eq!(comparison.worst(), Some(&refuse));
}

#[test]
fn split_btf_continues_its_base() {
    let mut base = Maker::new();
    let s = base.structure("s", 8);
    let base_pointer = base.pointer(s);
    base.function("in_base", &[base_pointer], 0);
    let mut module = Maker::split(&base);
    let t = module.structure("t", 4);
    let pointer_to_t = module.pointer(t);
    let id = module.function("in_module", &[base_pointer, pointer_to_t], 0);

    let (base, module) = (base.bytes(), module.bytes());
    let (mut base_index, mut module_index) = (index(&base), index(&module));
    let base = Btf::new(&base, None, &mut base_index).expect("the maker makes BTF");
    let module = Btf::new(&module, Some(&base), &mut module_index).expect("the maker makes BTF");

    let declared = Encoding::function(
        &[pointer(named("s", 8)), pointer(named("t", 4))],
        Encoding::VOID,
        false,
    );
    let declared = Description::new(declared.as_bytes()).expect("an encoding is a description");
    assert_eq!(compare(&declared, &module, id), Ok(Comparison::default()));

    use kimport_types::{find, TypeMatch, TypeQuery};
    let mut wanted = [
        TypeQuery::new(b"in_base"),
        TypeQuery::new(b"in_module"),
        TypeQuery::new(b"in_neither"),
    ];
    find(&module, module.first_id(), &mut wanted);
    assert_eq!(
        wanted.map(|w| w.found()),
        [TypeMatch::Missing, TypeMatch::Id(id), TypeMatch::Missing]
    );
    find(&module, 1, &mut wanted);
    assert!(matches!(wanted[0].found(), TypeMatch::Id(_)));
}

#[test]
fn several_of_one_name_are_ambiguous() {
    use kimport_types::{find, TypeMatch, TypeQuery};

    let mut m = Maker::new();
    let int = m.signed(4);
    m.function("twin", &[], 0);
    m.function("twin", &[int], 0);
    let only = m.function("only", &[], 0);
    m.variable("both", int);
    m.function("both", &[], 0);
    m.structure("other", 4);
    m.typedef("other", int);
    let bytes = m.bytes();
    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).expect("the maker makes BTF");

    let mut wanted = ["twin", "only", "both", "other"].map(|name| TypeQuery::new(name.as_bytes()));
    // The second comparison finds the same as the first.
    for _ in 0..2 {
        find(&btf, 1, &mut wanted);
        let expected = [
            TypeMatch::Ambiguous,
            TypeMatch::Id(only),
            TypeMatch::Ambiguous,
            TypeMatch::Missing,
        ];
        assert_eq!(wanted.map(|w| w.found()), expected);
    }
}

/// A callback takes itself, eight times. Its text would have no end.
#[test]
fn reports_end() {
    let mut m = Maker::new();
    let pointer_to_next = m.pointer(2);
    let prototype = m.prototype(&[pointer_to_next; 8], 0);
    assert_eq!(prototype, 2);
    let id = m.function("f", &[pointer_to_next; 8], 0);
    let declared = Encoding::function(&[], Encoding::VOID, false);
    let text = report(&m, id, "f", declared);
    assert!(text.len() < 8192, "{} bytes", text.len());
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn reports() {
    let mut m = Maker::new();
    let se_cmd = m.structure("se_cmd", 800);
    let cmd = m.pointer(se_cmd);
    let unsigned_char = m.int("unsigned char", 1, 0);
    let u8_ = m.typedef("u8", unsigned_char);
    let int = m.int("int", 4, 1);
    let char = m.char(false);
    let const_char = m.constant(char);
    let string = m.pointer(const_char);
    let callback = m.prototype(&[cmd, int], int);
    let callback = m.pointer(callback);
    let union = m.union("u", 8);
    let pair = m.array(union, 2);
    let atomic = m.structure("", 4);
    let atomic = m.typedef("atomic_t", atomic);
    let atomic = m.pointer(atomic);
    let strings = m.constant(string);
    let strings = m.pointer(strings);

    let id = m.function("target_complete_cmd", &[cmd, u8_], 0);
    let declared = Encoding::function(&[pointer(named("se_cmd", 800)), U32], Encoding::VOID, false);
    // This is the report of issue 4 without the prefix of the first line.
    assert_eq!(
        report(&m, id, "target_complete_cmd", declared),
        "\
prototype differs
  declared:  void target_complete_cmd(struct se_cmd *, u32)
  kernel:    void target_complete_cmd(struct se_cmd *, u8)
                                                       ^^ argument 2: 4 bytes, kernel has 1"
    );

    let id = m.function("f", &[string, callback, atomic, strings], cmd);
    let atomic = pointer(named("atomic_t", 4));
    let declared = Encoding::function(
        &[
            U8.pointer(true),
            FUNCTION,
            atomic,
            U8.pointer(true).pointer(true),
        ],
        pointer(named("se_dev", 8)),
        false,
    );
    assert_eq!(
        report(&m, id, "f", declared),
        "\
prototype differs
  declared:  struct se_dev *f(const u8 *, void (*)(), atomic_t *, const u8 *const *)
  kernel:    struct se_cmd *f(const char *, int (*)(struct se_cmd *, int), atomic_t *, const char *const *)
             ^^^^^^^^^^^^^^^ return value: a pointer to another type"
    );
    let declared = Encoding::function(&[U8.pointer(true)], pointer(named("se_cmd", 8)), false);
    assert_eq!(
        report(&m, id, "f", declared),
        "\
prototype differs
  declared:  struct se_cmd *f(const u8 *)
  kernel:    struct se_cmd *f(const char *, int (*)(struct se_cmd *, int), atomic_t *, const char *const *)
                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 argument, kernel has 4"
    );

    let id = m.function("_printk", &[string, 0], int);
    let declared = Encoding::function(&[U8.pointer(true)], S32, false);
    assert_eq!(
        report(&m, id, "_printk", declared),
        "\
prototype differs
  declared:  s32 _printk(const u8 *)
  kernel:    int _printk(const char *, ...)
                                       ^^^ no variable arguments, kernel has them"
    );
    let declared = Encoding::function(&[U8.pointer(true), S32], S32, true);
    assert_eq!(
        report(&m, id, "_printk", declared),
        "\
prototype differs
  declared:  s32 _printk(const u8 *, s32, ...)
  kernel:    int _printk(const char *, ...)
                         ^^^^^^^^^^^^^^^^^ 2 arguments, kernel has 1"
    );

    let id = m.function("g", &[], 0);
    let declared = Encoding::function(&[BOOL], Encoding::VOID, false);
    assert_eq!(
        report(&m, id, "g", declared),
        "\
prototype differs
  declared:  void g(bool)
  kernel:    void g(void)
                    ^^^^ 1 argument, kernel has 0"
    );

    let id = m.variable("pairs", pair);
    assert_eq!(
        report(&m, id, "pairs", named("u", 8).array(3).into_data()),
        "\
type differs
  declared:  union u pairs[3]
  kernel:    union u pairs[2]
             ^^^^^^^^^^^^^^^^ 3 elements, kernel has 2"
    );
    assert_eq!(
        report(
            &m,
            id,
            "pairs",
            Encoding::function(&[], Encoding::VOID, false)
        ),
        "\
prototype differs
  declared:  void pairs(void)
  kernel:    union u pairs[2]
             ^^^^^^^^^^^^^^^^ a function, kernel has data"
    );
}

/// The kernel log would break a line with a mark far to the right. The words tell as much.
#[test]
fn far_to_the_right_nothing_is_marked() {
    let line = |arguments: usize| {
        let mut maker = Maker::new();
        let ty = maker.signed(4);
        let id = maker.function("f", &vec![ty; arguments], 0);
        let integers = vec![Encoding::integer(4, true); arguments - 1];
        let last = Encoding::integer(1, true);
        let declared =
            Encoding::function(&[&integers[..], &[last]].concat(), Encoding::VOID, false);
        report(&maker, id, "f", declared)
            .lines()
            .nth(3)
            .unwrap()
            .to_owned()
    };
    assert!(line(20).ends_with("^ argument 20: 1 byte, kernel has 4"));
    assert_eq!(line(200).trim_start(), "argument 200: 1 byte, kernel has 4");
}
