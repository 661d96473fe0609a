// SPDX-License-Identifier: GPL-2.0

//! Every rule of the comparison, in both directions, and everything that compares equal.

use kimport_testing::{difference, index, Maker};
use kimport_types::{
    compare, find, judge, Btf, Comparison, Description, Encoding, Judgement, Mismatch,
    MismatchPlace, MismatchReport, Policy,
    Rule::{self, *},
    Severity, TypeMatch, TypeQuery,
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
    let btf = Btf::new(&bytes, None, &mut index).expect("the maker makes BTF");
    let declared = Description::new(declared.as_bytes()).expect("an encoding is a description");
    let report = difference(name, &declared, &btf, id).expect("the BTF is well-formed");
    report.expect("there is a difference")
}

/// Compares the types as an argument, as a returned value, and as data. All must find the same.
fn found(declared: Encoding, kernel: impl Fn(&Maker) -> u32) -> Option<(Rule, u32, u32)> {
    let numbers = |mismatch: &Mismatch| (mismatch.rule, mismatch.declared, mismatch.kernel);

    let maker = Maker::default();
    let ty = kernel(&maker);
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
        let maker = Maker::default();
        let (ty, int) = (kernel(&maker), maker.signed(4));
        for (id, function, place) in [
            (
                maker.function("f", &[int, ty], 0),
                function(&[S32, declared], VOID),
                MismatchPlace::Argument(2),
            ),
            (
                maker.function("f", &[int], ty),
                function(&[S32], declared),
                MismatchPlace::Returned,
            ),
        ] {
            let comparison = compared(&maker, id, function);
            assert_eq!(comparison.worst().map(numbers), data);
            let found = comparison.worst().map(|mismatch| mismatch.place);
            assert_eq!(found, data.map(|_| place));
        }
    }
    data
}

#[track_caller]
fn equal(declared: Encoding, kernel: impl Fn(&Maker) -> u32) {
    assert_eq!(found(declared, kernel), None);
}

#[track_caller]
fn differs(rule: Rule, numbers: (u32, u32), declared: Encoding, kernel: impl Fn(&Maker) -> u32) {
    assert_eq!(found(declared, kernel), Some((rule, numbers.0, numbers.1)));
}

const U8: Encoding = Encoding::integer(1, false);
const S8: Encoding = Encoding::integer(1, true);
const U32: Encoding = Encoding::integer(4, false);
const S32: Encoding = Encoding::integer(4, true);
const U64: Encoding = Encoding::integer(8, false);
const BOOL: Encoding = Encoding::BOOL;
const FUNCTION: Encoding = Encoding::FUNCTION_POINTER;
const VOID: Encoding = Encoding::VOID;
const VOID_POINTER: Encoding = VOID.pointer(false);

const STRUCT: Encoding = named("s", 8);

const fn named(name: &str, size: usize) -> Encoding {
    Encoding::named(name, Some(size))
}

fn function(arguments: &[Encoding], returned: Encoding) -> Encoding {
    Encoding::function(arguments, returned, false)
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
            let kernel = |flag| move |m: &Maker| m.int("some int", other as u32, flag);
            if width == other {
                equal(declared, kernel(u32::from(signed)));
                let numbers = (signed.into(), (!signed).into());
                differs(Signedness, numbers, declared, kernel(u32::from(!signed)));
            } else {
                differs(Width, (width as u32, other as u32), declared, kernel(0));
                differs(Width, (width as u32, other as u32), declared, kernel(1));
            }
        }
    }
}

#[test]
fn char_has_no_sign() {
    for signed in [false, true] {
        equal(U8, |m| m.char(signed));
        equal(S8, |m| m.char(signed));
        equal(pointer(U8), |m| m.pointer(m.constant(m.char(signed))));
        equal(S8, |m| m.typedef("letter", m.char(signed)));
        differs(BoolForInteger, (1, 0), BOOL, |m| m.char(signed));
    }
    differs(Signedness, (1, 0), S8, |m| m.int("unsigned char", 1, 0));
    differs(Signedness, (0, 1), U8, |m| m.int("signed char", 1, 1));
}

#[test]
fn booleans() {
    equal(BOOL, |m| m.bool());
    differs(BoolForInteger, (1, 0), BOOL, |m| m.unsigned(1));
    differs(BoolForInteger, (1, 0), BOOL, |m| m.enumeration("e", 1));
    differs(IntegerForBool, (0, 1), U8, |m| m.bool());
    differs(IntegerForBool, (0, 1), S8, |m| m.bool());
    differs(Width, (1, 4), BOOL, |m| m.signed(4));
    differs(Width, (4, 1), S32, |m| m.bool());
}

#[test]
fn enums_are_integers_of_their_size() {
    equal(U32, |m| m.enumeration("e", 4));
    equal(S32, |m| m.enumeration("e", 4));
    equal(U32, |m| m.raw(6, true, 1, "e", 4, &[0, u32::MAX]));
    equal(U64, |m| m.raw(19, false, 1, "e", 8, &[0, 0, 1]));
    equal(U32, |m| m.typedef("e_t", m.enumeration("", 4)));
    equal(named("e", 4), |m| m.enumeration("e", 4));
    equal(pointer(named("e", 4)), |m| m.pointer(m.enumeration("e", 4)));
    equal(pointer(U32), |m| m.pointer(m.enumeration("e", 4)));
    differs(Width, (8, 4), U64, |m| m.enumeration("e", 4));
    differs(Width, (4, 1), U32, |m| m.enumeration("e", 1));
    differs(Width, (8, 4), named("e", 8), |m| m.enumeration("e", 4));
    differs(Kind, (1, 0), named("other", 4), |m| m.enumeration("e", 4));
    differs(PointeeName, (1, 0), pointer(named("other", 4)), |m| {
        m.pointer(m.enumeration("e", 4))
    });
}

#[test]
fn typedefs_and_qualifiers_are_transparent() {
    for wrap in [
        Maker::constant,
        Maker::volatile,
        Maker::restrict,
        Maker::type_tag,
        |m: &Maker, of: u32| m.typedef("some_t", of),
    ] {
        equal(U32, |m| wrap(m, m.unsigned(4)));
        equal(STRUCT, |m| wrap(m, m.structure("s", 8)));
        for to_const in [false, true] {
            equal(STRUCT.pointer(to_const), |m| {
                wrap(m, m.pointer(wrap(m, m.structure("s", 8))))
            });
        }
        differs(Width, (4, 8), U32, |m| wrap(m, m.unsigned(8)));
    }
}

#[test]
fn pointers_and_values() {
    let to_struct = |m: &Maker| m.pointer(m.structure("s", 8));
    differs(Pointer, (0, 1), U64, to_struct);
    differs(Pointer, (0, 1), BOOL, to_struct);
    differs(Pointer, (0, 1), STRUCT, to_struct);
    differs(Pointer, (1, 0), pointer(U64), |m| m.unsigned(8));
    differs(Pointer, (1, 0), VOID_POINTER, |m| m.unsigned(8));
    differs(Pointer, (1, 0), FUNCTION, |m| m.unsigned(8));
    differs(Pointer, (1, 0), pointer(STRUCT), |m| m.structure("s", 8));
    // Below a pointer, it is the pointee that differs.
    differs(PointeeKind, (1, 0), pointer(U64), |m| {
        m.pointer(to_struct(m))
    });
    differs(PointeeKind, (1, 0), pointer(pointer(U64)), |m| {
        m.pointer(m.unsigned(8))
    });
}

#[test]
fn void_pointers_are_any_pointers() {
    let kernels: [fn(&Maker) -> u32; 5] = [
        |_| 0,
        |m| m.structure("s", 8),
        |m| m.unsigned(4),
        |m| m.prototype(&[], 0),
        |m| m.pointer(0),
    ];
    for kernel in kernels {
        for declared in [VOID_POINTER, pointer(Encoding::UNKNOWN)] {
            equal(declared, |m| m.pointer(kernel(m)));
            equal(pointer(declared), |m| m.pointer(m.pointer(kernel(m))));
        }
    }
    for declared in [
        pointer(STRUCT),
        pointer(U32),
        FUNCTION,
        pointer(pointer(BOOL)),
    ] {
        equal(declared, |m| m.pointer(0));
        equal(declared, |m| m.pointer(m.constant(0)));
        equal(pointer(declared), |m| m.pointer(m.pointer(0)));
    }
}

#[test]
fn pointees() {
    let to = |kernel: fn(&Maker) -> u32| move |m: &Maker| m.pointer(kernel(m));
    equal(pointer(STRUCT), to(|m| m.structure("s", 8)));
    equal(pointer(STRUCT), to(|m| m.union("s", 8)));
    // The size of a pointee does not matter: Rust may see no more than a forward declaration.
    equal(pointer(named("s", 0)), to(|m| m.structure("s", 8)));
    equal(
        pointer(Encoding::named("s", None)),
        to(|m| m.structure("s", 8)),
    );
    equal(pointer(STRUCT), to(|m| m.forward("s")));
    differs(
        PointeeName,
        (1, 0),
        pointer(STRUCT),
        to(|m| m.structure("t", 8)),
    );
    differs(
        PointeeName,
        (1, 0),
        pointer(STRUCT),
        to(|m| m.union("t", 8)),
    );
    differs(PointeeName, (1, 0), pointer(STRUCT), to(|m| m.forward("t")));
    differs(PointeeKind, (1, 0), pointer(STRUCT), to(|m| m.unsigned(8)));
    differs(
        PointeeKind,
        (1, 0),
        pointer(U64),
        to(|m| m.structure("s", 8)),
    );
    differs(PointeeKind, (1, 0), pointer(U32), to(|m| m.float(4)));
    differs(
        PointeeKind,
        (1, 0),
        pointer(U32),
        to(|m| m.prototype(&[], 0)),
    );
    differs(Width, (8, 4), pointer(U64), to(|m| m.unsigned(4)));
    differs(Width, (4, 8), pointer(U32), to(|m| m.unsigned(8)));
    differs(Signedness, (0, 1), pointer(U32), to(|m| m.signed(4)));
    differs(BoolForInteger, (1, 0), pointer(BOOL), to(|m| m.unsigned(1)));
    differs(IntegerForBool, (0, 1), pointer(U8), to(|m| m.bool()));
    differs(PointeeName, (1, 0), pointer(pointer(STRUCT)), |m| {
        m.pointer(m.pointer(m.structure("t", 8)))
    });
}

#[test]
fn typedefs_name_structs() {
    // `typedef struct { ... } atomic_t`
    let anonymous = |m: &Maker| m.typedef("atomic_t", m.structure("", 4));
    equal(named("atomic_t", 4), anonymous);
    differs(StructName, (1, 0), named("atomic64_t", 4), anonymous);
    equal(pointer(named("atomic_t", 4)), |m| m.pointer(anonymous(m)));
    differs(PointeeName, (1, 0), pointer(named("other_t", 4)), |m| {
        m.pointer(anonymous(m))
    });
    // `typedef struct spinlock { ... } spinlock_t`: either name, also where the prototype has the
    // other.
    for used in [0, 1] {
        let spinlock = |m: &Maker| {
            let s = m.structure("spinlock", 4);
            [s, m.typedef("spinlock_t", s)][used]
        };
        for name in ["spinlock", "spinlock_t"] {
            equal(named(name, 4), spinlock);
            equal(pointer(named(name, 4)), |m| m.pointer(spinlock(m)));
        }
        // The prototype has a forward declaration of it.
        equal(pointer(named("spinlock_t", 4)), |m| {
            spinlock(m);
            m.pointer(m.forward("spinlock"))
        });
    }
    // Two typedefs name one struct that has no name of its own.
    equal(pointer(named("b_t", 4)), |m| {
        let a = m.typedef("a_t", m.structure("", 4));
        m.typedef("b_t", a);
        m.pointer(a)
    });
    differs(PointeeName, (1, 0), pointer(named("b_t", 4)), |m| {
        m.typedef("b_t", m.structure("", 4));
        m.pointer(m.typedef("a_t", m.structure("", 4)))
    });
    // The name is a typedef of something else.
    differs(PointeeName, (1, 0), pointer(named("u_t", 4)), |m| {
        m.typedef("u_t", m.structure("t", 4));
        m.pointer(m.structure("s", 4))
    });
}

#[test]
fn structs_by_value() {
    equal(STRUCT, |m| m.structure("s", 8));
    equal(STRUCT, |m| m.union("s", 8));
    differs(StructName, (1, 0), STRUCT, |m| m.structure("t", 8));
    differs(StructSize, (8, 16), STRUCT, |m| m.structure("s", 16));
    differs(StructSize, (16, 8), named("s", 16), |m| m.structure("s", 8));
    differs(Kind, (1, 0), STRUCT, |m| m.unsigned(8));
    differs(Kind, (1, 0), U64, |m| m.structure("s", 8));
    differs(Kind, (1, 0), BOOL, |m| m.union("s", 1));
    // The struct may lack a name on either side.
    equal(named("outer__bindgen_ty_1", 8), |m| m.structure("s", 8));
    equal(named("outer", 8), |m| m.structure("", 8));
    differs(StructSize, (8, 4), named("outer__bindgen_ty_1", 8), |m| {
        m.structure("", 4)
    });
    // An integer may have a Rust type of its own.
    equal(named("pgoff_t", 8), |m| m.typedef("pgoff_t", m.unsigned(8)));
}

#[test]
fn floating_point() {
    equal(Encoding::float(8), |m| m.float(8));
    differs(Width, (8, 4), Encoding::float(8), |m| m.float(4));
    differs(Width, (4, 8), Encoding::float(4), |m| m.float(8));
    differs(Kind, (1, 0), Encoding::float(4), |m| m.unsigned(4));
    differs(Kind, (1, 0), U32, |m| m.float(4));
}

#[test]
fn function_pointers() {
    let to_function = |m: &Maker| m.pointer(m.prototype(&[m.signed(4)], 0));
    equal(FUNCTION, to_function);
    equal(FUNCTION, |m| m.typedef("callback_t", to_function(m)));
    equal(pointer(FUNCTION), |m| m.pointer(to_function(m)));
    differs(PointeeKind, (1, 0), FUNCTION, |m| {
        m.pointer(m.structure("s", 8))
    });
    differs(PointeeKind, (1, 0), pointer(STRUCT), to_function);
    differs(PointeeKind, (1, 0), pointer(FUNCTION), to_function);
    differs(Pointer, (0, 1), U64, to_function);
}

#[test]
fn arrays() {
    let array = |length| move |m: &Maker| m.array(m.unsigned(4), length);
    equal(U32.array(4), array(4));
    equal(U32.array(0), array(4));
    equal(U32.array(4), array(0));
    differs(ArrayLength, (4, 5), U32.array(4), array(5));
    differs(ArrayLength, (5, 4), U32.array(5), array(4));
    differs(Width, (8, 4), U64.array(4), array(4));
    differs(Kind, (1, 0), U32.array(1), |m| m.unsigned(4));
    differs(Kind, (1, 0), U32, array(1));
    equal(U32.array(2).array(3), |m| m.array(array(2)(m), 3));
    // A pointer to an array is one to its element.
    for declared in [
        pointer(U32),
        pointer(U32.array(7)),
        pointer(U32.array(7).array(1)),
    ] {
        equal(declared, |m| m.pointer(m.unsigned(4)));
        equal(declared, |m| m.pointer(array(3)(m)));
        equal(declared, |m| m.pointer(m.array(array(3)(m), 2)));
    }
    differs(Width, (1, 4), pointer(U8.array(16)), |m| {
        m.pointer(m.unsigned(4))
    });
    differs(Width, (1, 4), pointer(U8), |m| {
        m.pointer(m.array(array(3)(m), 2))
    });
}

#[test]
fn prototypes() {
    use MismatchPlace::{Arguments, Returned, Symbol};

    let m = Maker::default();
    let int = m.signed(4);
    let none = m.function("none", &[], 0);
    let one = m.function("one", &[int], 0);
    let two = m.function("two", &[int, int], 0);
    let returns = m.function("returns", &[int], int);
    let variadic = m.function("variadic", &[int, 0], 0);
    let data = m.variable("data", int);

    let fixed = |count: usize, returned| function(&vec![S32; count], returned);
    let open = |count: usize| Encoding::function(&vec![S32; count], VOID, true);
    let worst = |id, declared| {
        let comparison = compared(&m, id, declared);
        comparison
            .worst()
            .map(|m| (m.rule, m.place, m.declared, m.kernel))
    };

    for (id, declared) in [
        (none, fixed(0, VOID)),
        (one, fixed(1, VOID)),
        (two, fixed(2, VOID)),
        (returns, fixed(1, S32)),
        (variadic, open(1)),
        (data, S32.into_data()),
    ] {
        assert_eq!(worst(id, declared), None, "type {id} as {declared:?}");
    }
    for (id, number) in [(none, 0), (one, 1), (two, 2)] {
        for declared in (0..4).filter(|declared| *declared != number) {
            assert_eq!(
                worst(id, fixed(declared as usize, VOID)),
                Some((ArgumentCount, Arguments, declared, number))
            );
        }
    }
    for (id, declared, expected) in [
        (variadic, open(2), (ArgumentCount, Arguments, 2, 1)),
        (variadic, fixed(1, VOID), (Variadic, Arguments, 0, 1)),
        (one, open(1), (Variadic, Arguments, 1, 0)),
        (one, fixed(1, S32), (ReturnVoid, Returned, 1, 0)),
        (one, fixed(1, VOID_POINTER), (ReturnVoid, Returned, 1, 0)),
        (returns, fixed(1, VOID), (ReturnVoid, Returned, 0, 1)),
        (data, fixed(0, VOID), (SymbolKind, Symbol, 1, 0)),
        (one, S32.into_data(), (SymbolKind, Symbol, 0, 1)),
    ] {
        assert_eq!(
            worst(id, declared),
            Some(expected),
            "type {id} as {declared:?}"
        );
    }
}

#[test]
fn the_first_refusal_and_the_first_warning_are_told() {
    let m = Maker::default();
    let int = m.unsigned(4);
    let id = m.function("f", &[int, int, int, int], int);
    let declared = function(&[S32, S32, U64, U8], U32);
    let comparison = compared(&m, id, declared);
    let warn = comparison.warn.expect("argument 1 is worth a warning");
    let refuse = comparison.refuse.expect("argument 3 must be refused");
    assert_eq!(
        (warn.rule, warn.place),
        (Signedness, MismatchPlace::Argument(1))
    );
    assert_eq!(
        (refuse.rule, refuse.place),
        (Width, MismatchPlace::Argument(3))
    );
    assert_eq!(comparison.worst(), Some(&refuse));
}

#[test]
fn split_btf_continues_its_base() {
    let base = Maker::default();
    let s = base.structure("s", 8);
    let base_pointer = base.pointer(s);
    base.function("in_base", &[base_pointer], 0);
    let module = Maker::split(&base);
    let t = module.structure("t", 4);
    let pointer_to_t = module.pointer(t);
    let id = module.function("in_module", &[base_pointer, pointer_to_t], 0);

    let (base, module) = (base.bytes(), module.bytes());
    let (mut base_index, mut module_index) = (index(&base), index(&module));
    let base = Btf::new(&base, None, &mut base_index).expect("the maker makes BTF");
    let module = Btf::new(&module, Some(&base), &mut module_index).expect("the maker makes BTF");

    let declared = function(&[pointer(STRUCT), pointer(named("t", 4))], VOID);
    let declared = Description::new(declared.as_bytes()).expect("an encoding is a description");
    assert_eq!(compare(&declared, &module, id), Ok(Comparison::default()));

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
    let m = Maker::default();
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
    let m = Maker::default();
    let pointer_to_next = m.pointer(2);
    let prototype = m.prototype(&[pointer_to_next; 8], 0);
    assert_eq!(prototype, 2);
    let id = m.function("f", &[pointer_to_next; 8], 0);
    let declared = function(&[], VOID);
    let text = report(&m, id, "f", declared);
    assert!(text.len() < 8192, "{} bytes", text.len());
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn reports() {
    let m = Maker::default();
    let se_cmd = m.structure("se_cmd", 800);
    let cmd = m.pointer(se_cmd);
    let unsigned_char = m.int("unsigned char", 1, 0);
    let u8_ = m.typedef("u8", unsigned_char);
    let int = m.int("int", 4, 1);
    let char = m.char(false);
    let const_char = m.constant(char);
    let string = m.pointer(const_char);
    let callback = m.pointer(m.prototype(&[cmd, int], int));
    let union = m.union("u", 8);
    let pair = m.array(union, 2);
    let atomic = m.pointer(m.typedef("atomic_t", m.structure("", 4)));
    let strings = m.pointer(m.constant(string));

    let id = m.function("target_complete_cmd", &[cmd, u8_], 0);
    let declared = function(&[pointer(named("se_cmd", 800)), U32], VOID);
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
    let declared = function(
        &[
            U8.pointer(true),
            FUNCTION,
            atomic,
            U8.pointer(true).pointer(true),
        ],
        pointer(named("se_dev", 8)),
    );
    assert_eq!(
        report(&m, id, "f", declared),
        "\
prototype differs
  declared:  struct se_dev *f(const u8 *, void (*)(), atomic_t *, const u8 *const *)
  kernel:    struct se_cmd *f(const char *, int (*)(struct se_cmd *, int), atomic_t *, const char *const *)
             ^^^^^^^^^^^^^^^ return value: a pointer to another type"
    );
    let declared = function(&[U8.pointer(true)], pointer(named("se_cmd", 8)));
    assert_eq!(
        report(&m, id, "f", declared),
        "\
prototype differs
  declared:  struct se_cmd *f(const u8 *)
  kernel:    struct se_cmd *f(const char *, int (*)(struct se_cmd *, int), atomic_t *, const char *const *)
                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 1 argument, kernel has 4"
    );

    let id = m.function("_printk", &[string, 0], int);
    let declared = function(&[U8.pointer(true)], S32);
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
    let declared = function(&[BOOL], VOID);
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
        report(&m, id, "pairs", function(&[], VOID)),
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
        let maker = Maker::default();
        let ty = maker.signed(4);
        let id = maker.function("f", &vec![ty; arguments], 0);
        let mut declared = vec![S32; arguments];
        declared[arguments - 1] = S8;
        let declared = function(&declared, VOID);
        report(&maker, id, "f", declared)
            .lines()
            .nth(3)
            .unwrap()
            .to_owned()
    };
    assert!(line(20).ends_with("^ argument 20: 1 byte, kernel has 4"));
    assert_eq!(line(200).trim_start(), "argument 200: 1 byte, kernel has 4");
}

#[test]
fn policies() {
    use Judgement::{Accepted, Refused, Verified};
    let maker = Maker::default();
    let id = maker.variable("v", maker.signed(4));
    let bytes = maker.bytes();
    let mut index = index(&bytes);
    let btf = Btf::new(&bytes, None, &mut index).expect("the maker makes BTF");
    // The judgements on the right type, on one of another sign, and on one of another size.
    for (policy, judgements) in [
        (Policy::Strict, [Verified, Accepted, Refused]),
        (Policy::Warn, [Verified, Accepted, Accepted]),
        (Policy::Require, [Verified, Refused, Refused]),
    ] {
        for (declared, expected) in [S32, U32, U64].into_iter().zip(judgements) {
            let mut reported = None;
            let declared = declared.into_data();
            let found = TypeMatch::Id(id);
            let report = |_: MismatchReport<'_, _>, is_refused| reported = Some(is_refused);
            let judgement = judge("v", declared.as_bytes(), policy, &btf, found, report);
            assert_eq!(judgement, expected, "{policy:?} {declared:?}");
            let as_reported = (expected != Verified).then_some(expected == Refused);
            assert_eq!(reported, as_reported, "{policy:?} {declared:?}");
        }
    }
}
