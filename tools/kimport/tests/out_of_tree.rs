// SPDX-License-Identifier: GPL-2.0

//! `kimport check` on a provider that the kernel's own build makes out of tree. Its types refer to
//! a base of their own, because each build numbers the types of the kernel image anew.

mod common;

use common::*;
use expect_test::expect;
use kimport_types::Encoding;
use tempfile::TempDir;

/// Makes a copy without a section, under the same name.
fn provider_without(directory: &TempDir, section: &str) -> String {
    let (from, to) = (OUT_OF_TREE.provider(), path(directory, "provider.ko"));
    tool("objcopy", &["--remove-section", section, &from, &to]);
    to
}

/// The line about a type in BTF that cannot be read.
const DAMAGED: &str = "  unverified: the BTF is cut off or damaged: provider_size from provider\n";

/// The flag bits of a policy.
const REQUIRE: u8 = 3 << 2;
const WARN: u8 = 1 << 2;
const OFF: u8 = 2 << 2;

fn import(flags: u8, provider: &str, name: &str, unit: Encoding) -> Vec<u8> {
    let device = Encoding::named("block_device", None).pointer(false);
    let sector = Encoding::integer(8, false);
    function(flags, provider, name, &[device, unit], sector)
}

fn u32() -> Encoding {
    Encoding::integer(4, false)
}

/// Checks a module with these imports, with `options` that name a kernel. Returns the exit code and
/// the output.
fn check(imports: &[Vec<u8>], options: &str) -> (Option<i32>, String, String) {
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &imports.concat());
    kimport(format!("check {module} --kernel {options}"))
}

/// Returns the lines about types, and the exit code.
fn said(imports: &[Vec<u8>], options: &str) -> (String, Option<i32>) {
    let (code, out, _) = check(imports, options);
    let of_types = |line: &&str| !line.contains(" checked, ") && !line.starts_with("  from ");
    let lines = out.split_inclusive('\n').filter(of_types);
    (lines.collect(), code)
}

/// Asserts that a check has these lines about types, and finds no problem.
#[track_caller]
fn passes(imports: &[Vec<u8>], options: &str, lines: &str) {
    let (text, code) = said(imports, options);
    assert_eq!((text.as_str(), code), (lines, Some(0)));
}

/// Returns the stock kernel and `provider` as a value of `--kernel`.
fn with(provider: &str) -> String {
    format!("{},{provider}", stock_kernel())
}

/// Returns the stock kernel with the provider that was built.
fn built() -> String {
    with(&OUT_OF_TREE.provider())
}

#[stock_test]
fn the_build_makes_type_information() {
    let log = &OUT_OF_TREE.log;
    assert!(!log.contains("Skipping BTF"), "{log}");
    let module = Module::open(OUT_OF_TREE.provider());
    for section in [".BTF", ".BTF.base"] {
        assert!(!module.section(section).data.is_empty(), "{section}");
    }
}

#[stock_test]
fn types_are_compared_through_the_modules_own_base() {
    let size = |flags, unit| [import(flags, "provider", "provider_size", unit)];
    passes(&size(REQUIRE, u32()), &built(), "  1 type as declared\n");

    let wrong = |flags| size(flags, Encoding::integer(1, false));
    let (text, code) = said(&wrong(0), &built());
    expect![[r#"
        target_core_file: kimport: cannot import provider_size from provider: prototype differs
          declared:  u64 provider_size(struct block_device *, u8)
          kernel:    sector_t provider_size(struct block_device *, u32)
                                                                   ^^^ argument 2: 1 byte, kernel has 4
          of another type: 1 symbol (provider_size): declare it with the type of this kernel, which `kimport declare` writes
    "#]]
    .assert_eq(&text);
    assert_eq!(code, Some(1));

    let (text, code) = said(&wrong(WARN), &built());
    expect![[r#"
        target_core_file: kimport: provider_size from provider: prototype differs
          declared:  u64 provider_size(struct block_device *, u8)
          kernel:    sector_t provider_size(struct block_device *, u32)
                                                                   ^^^ argument 2: 1 byte, kernel has 4
    "#]]
    .assert_eq(&text);
    assert_eq!(code, Some(0));

    passes(&wrong(OFF), &built(), "");
}

#[stock_test]
fn without_types_imports_are_unverified() {
    let directory = TempDir::new().unwrap();
    let without = with(&provider_without(&directory, ".BTF"));
    let size = |flags| import(flags, "provider", "provider_size", u32());
    let assembly = import(0, "provider", "provider_assembly", u32());
    let unverified = "  unverified: no BTF: provider_size from provider\n";
    passes(&[size(0)], &without, unverified);
    let one = "  1 type as declared\n  unverified: no BTF: provider_assembly from provider\n";
    passes(&[size(0), assembly], &built(), one);

    let (text, code) = said(&[size(REQUIRE)], &without);
    expect![[r#"
        target_core_file: kimport: cannot import provider_size from provider: its type cannot be checked: no BTF; drop verify(require), or import something else
          not comparable: 1 symbol (provider_size): make it #[unverified], or choose #[verify(strict)]
    "#]]
    .assert_eq(&text);
    assert_eq!(code, Some(1));
}

/// The numbers of the image's types mean nothing in such a module.
#[stock_test]
fn a_base_that_cannot_be_read_is_no_base() {
    let directory = TempDir::new().unwrap();
    let broken = provider_without(&directory, ".BTF.base");
    let base = write(&directory, "base", b"\x9f\xeb\x01");
    let add = format!(".BTF.base={base}");
    tool("objcopy", &["--add-section", &add, &broken]);
    let import = import(0, "provider", "provider_size", u32());
    passes(&[import], &with(&broken), DAMAGED);
}

/// Missing BTF, incomplete BTF and BTF of another build are reported differently.
#[stock_test]
fn types_that_cannot_be_used_are_said_to_be() {
    let directory = TempDir::new().unwrap();
    let half = |name: &str, bytes: &[u8]| write(&directory, name, &bytes[..bytes.len() / 2]);
    let from_module = [import(0, "provider", "provider_size", u32())];
    let reason = |kernel: &str| {
        let (_, out, _) = check(&from_module, &format!("{kernel} --json"));
        json(&out)["unverified"][0]["reason"].clone()
    };
    // The types are numbered for a base that is missing.
    let other = with(&provider_without(&directory, ".BTF.base"));
    let why = "the module's BTF does not fit the kernel's, it is of another build";
    let unverified = format!("  unverified: {why}: provider_size from provider\n");
    passes(&from_module, &other, &unverified);
    assert_eq!(reason(&other), "other-base");

    let types = Module::open(OUT_OF_TREE.provider());
    let cut = half("section", &types.section(".BTF").data);
    let provider = provider_without(&directory, ".none");
    let update = format!(".BTF={cut}");
    tool("objcopy", &["--update-section", &update, &provider]);
    let (text, _) = said(&from_module, &with(&provider));
    assert_eq!(text, DAMAGED);
    assert_eq!(reason(&with(&provider)), "unreadable");

    // The kernel's own types, from an incomplete copy: once beside the image, once alone.
    let copy = half("vmlinux.btf", &kimport_testing::stock_btf());
    let unknown = format!("  not known: types: {copy} cannot be read: the BTF ends too early\n");
    let (text, _) = said(&from_module, &format!("{},{copy}", built()));
    assert_eq!(text, format!("  1 type as declared\n{unknown}"));
    let symbols = "ffffffff81000000 T _stext\nffffffff81000010 T f\n";
    let map = write(&directory, "System.map", symbols);
    let (text, _) = said(&[import(0, "", "f", u32())], &format!("{map},{copy}"));
    for line in [
        "  unverified: the BTF is cut off or damaged: f from vmlinux\n",
        &unknown,
    ] {
        has(&text, line);
    }
}

#[stock_test]
fn another_provider_can_be_chosen() {
    let declared = [import(REQUIRE, "old_provider", "provider_size", u32())];
    let kernel = built();
    let (code, _, err) = check(&declared, &kernel);
    assert_eq!(code, Some(1), "{err}");
    let chosen = format!("{kernel} --from provider=old_provider");
    passes(&declared, &chosen, "  1 type as declared\n");

    for (from, says) in [
        ("provider=loop", "it imports from old_provider"),
        ("provider", "not of the form PROVIDER=OLD"),
        ("a/b=old_provider", "is not a module name"),
    ] {
        let (code, _, error) = check(&declared, &format!("{kernel} --from {from}"));
        assert_eq!(code, Some(2), "{from}");
        has(&error, says);
    }

    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &declared.concat());
    let (text, _) = fine(format!("compare --module {module} --kernel {chosen}"));
    has(&text, "\nprovider:provider_size  provider, global\n");
}
