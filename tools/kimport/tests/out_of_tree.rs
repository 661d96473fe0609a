// SPDX-License-Identifier: GPL-2.0

//! `kimport check` on a provider that the kernel's own build makes out of tree. Its types refer to
//! a base of their own, because each build numbers the types of the kernel image anew.

mod common;

use common::*;
use expect_test::expect;
use kimport_types::Encoding;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};
use tempfile::TempDir;

/// Makes a copy without a section, under the same name.
fn provider_without(directory: &TempDir, section: &str) -> PathBuf {
    let copy = directory.path().join("provider.ko");
    let (from, to) = (OUT_OF_TREE.provider(), copy.to_str().unwrap());
    tool(
        "objcopy",
        &["--remove-section", section, from.to_str().unwrap(), to],
    );
    copy
}

/// The flag bits of a policy.
const REQUIRE: u8 = 3 << 2;
const WARN: u8 = 1 << 2;
const OFF: u8 = 2 << 2;

fn import(flags: u8, provider: &str, name: &str, unit: Encoding) -> Vec<u8> {
    let device = Encoding::named("block_device", None).pointer(false);
    let declared = Encoding::function(&[device, unit], Encoding::integer(8, false), false);
    described(0, flags, 0, provider, name, declared.as_bytes())
}

fn u32() -> Encoding {
    Encoding::integer(4, false)
}

fn check(imports: &[Vec<u8>], kernel: &str, more: &[&str]) -> Output {
    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &imports.concat());
    let mut arguments = vec!["check", &module, "--kernel", kernel];
    arguments.extend(more);
    kimport(arguments)
}

/// Returns the lines about types, and the exit code.
fn said(output: &Output) -> (String, Option<i32>) {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let of_types = |line: &&str| !line.contains(" checked, ") && !line.starts_with("  from ");
    let lines = text.lines().filter(of_types);
    let text = lines.map(|line| line.to_owned() + "\n").collect();
    (text, output.status.code())
}

fn with(provider: &Path) -> String {
    format!("{},{}", stock_directory().display(), provider.display())
}

#[stock_test]
fn the_build_makes_type_information() {
    assert!(
        !OUT_OF_TREE.log.contains("Skipping BTF"),
        "{}",
        OUT_OF_TREE.log
    );
    let module = Module::read(&fs::read(OUT_OF_TREE.provider()).unwrap());
    for section in [".BTF", ".BTF.base"] {
        assert!(!module.section(section).data.is_empty(), "{section}");
    }
}

#[stock_test]
fn types_are_compared_through_the_modules_own_base() {
    let right = import(REQUIRE, "provider", "provider_size", u32());
    let (text, code) = said(&check(&[right], &with(&OUT_OF_TREE.provider()), &[]));
    assert_eq!(text, "  1 type as declared\n");
    assert_eq!(code, Some(0));

    let wrong = |flags| {
        [import(
            flags,
            "provider",
            "provider_size",
            Encoding::integer(1, false),
        )]
    };
    let (text, code) = said(&check(&wrong(0), &with(&OUT_OF_TREE.provider()), &[]));
    expect![[r#"
        target_core_file: kimport: cannot import provider_size from provider: prototype differs
          declared:  u64 provider_size(struct block_device *, u8)
          kernel:    sector_t provider_size(struct block_device *, u32)
                                                                   ^^^ argument 2: 1 byte, kernel has 4
    "#]]
    .assert_eq(&text);
    assert_eq!(code, Some(1));

    let (text, code) = said(&check(&wrong(WARN), &with(&OUT_OF_TREE.provider()), &[]));
    expect![[r#"
        target_core_file: kimport: provider_size from provider: prototype differs
          declared:  u64 provider_size(struct block_device *, u8)
          kernel:    sector_t provider_size(struct block_device *, u32)
                                                                   ^^^ argument 2: 1 byte, kernel has 4
    "#]]
    .assert_eq(&text);
    assert_eq!(code, Some(0));

    let (text, code) = said(&check(&wrong(OFF), &with(&OUT_OF_TREE.provider()), &[]));
    assert_eq!((text.as_str(), code), ("", Some(0)));
}

#[stock_test]
fn without_types_imports_are_unverified() {
    let directory = TempDir::new().unwrap();
    let without = with(&provider_without(&directory, ".BTF"));
    let size = |flags| import(flags, "provider", "provider_size", u32());
    let assembly = import(0, "provider", "provider_assembly", u32());
    let (text, code) = said(&check(&[size(0)], &without, &[]));
    assert_eq!(text, "  unverified: no BTF: provider_size from provider\n");
    assert_eq!(code, Some(0));
    let (text, code) = said(&check(
        &[size(0), assembly],
        &with(&OUT_OF_TREE.provider()),
        &[],
    ));
    assert_eq!(
        text,
        "  1 type as declared\n  unverified: no BTF: provider_assembly from provider\n"
    );
    assert_eq!(code, Some(0));

    let (text, code) = said(&check(&[size(REQUIRE)], &without, &[]));
    expect![[r#"
        target_core_file: kimport: cannot import provider_size from provider: its type cannot be checked: no BTF; drop verify(require), or import something else
    "#]]
    .assert_eq(&text);
    assert_eq!(code, Some(1));
}

/// The numbers of the image's types mean nothing in such a module.
#[stock_test]
fn a_base_that_cannot_be_read_is_no_base() {
    let directory = TempDir::new().unwrap();
    let broken = provider_without(&directory, ".BTF.base");
    let base = directory.path().join("base");
    fs::write(&base, b"\x9f\xeb\x01").unwrap();
    let add = format!(".BTF.base={}", base.display());
    tool(
        "objcopy",
        &["--add-section", &add, broken.to_str().unwrap()],
    );
    let import = import(0, "provider", "provider_size", u32());
    let (text, code) = said(&check(&[import], &with(&broken), &[]));
    assert_eq!(
        text,
        "  unverified: the BTF is cut off or damaged: provider_size from provider\n"
    );
    assert_eq!(code, Some(0));
}

/// Missing BTF, incomplete BTF and BTF of another build are reported differently.
#[stock_test]
fn types_that_cannot_be_used_are_said_to_be() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let half = |name: &str, bytes: &[u8]| {
        fs::write(path(name), &bytes[..bytes.len() / 2]).unwrap();
        path(name)
    };
    let from_module = || import(0, "provider", "provider_size", u32());
    let json = |kernel: &str| -> serde_json::Value {
        let output = check(&[from_module()], kernel, &["--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    // The types are numbered for a base that is missing.
    let other = provider_without(&directory, ".BTF.base");
    let (text, code) = said(&check(&[from_module()], &with(&other), &[]));
    let why = "the module's BTF does not fit the kernel's, it is of another build";
    assert_eq!(
        (text, code),
        (
            format!("  unverified: {why}: provider_size from provider\n"),
            Some(0)
        )
    );
    assert_eq!(json(&with(&other))["unverified"][0]["reason"], "other-base");

    let types = Module::read(&fs::read(OUT_OF_TREE.provider()).unwrap());
    let cut = half("section", &types.section(".BTF").data);
    let provider = provider_without(&directory, ".none");
    let update = format!(".BTF={cut}");
    tool(
        "objcopy",
        &["--update-section", &update, provider.to_str().unwrap()],
    );
    let (text, _) = said(&check(&[from_module()], &with(&provider), &[]));
    assert_eq!(
        text,
        "  unverified: the BTF is cut off or damaged: provider_size from provider\n"
    );
    assert_eq!(
        json(&with(&provider))["unverified"][0]["reason"],
        "unreadable"
    );

    // The kernel's own types, from an incomplete copy: once beside the image, once alone.
    let vmlinux = symvers().parent().unwrap().join("vmlinux");
    let dump = format!(".BTF={}", path("whole"));
    tool(
        "objcopy",
        &[
            "--dump-section",
            &dump,
            vmlinux.to_str().unwrap(),
            &path("copy"),
        ],
    );
    let copy = half("vmlinux.btf", &fs::read(path("whole")).unwrap());
    let unknown = format!("  not known: types: {copy} cannot be read: the BTF ends too early\n");
    let kernel = format!("{},{copy}", with(&OUT_OF_TREE.provider()));
    let (text, _) = said(&check(&[from_module()], &kernel, &[]));
    assert_eq!(text, format!("  1 type as declared\n{unknown}"));
    fs::write(
        path("System.map"),
        "ffffffff81000000 T _stext\nffffffff81000010 T f\n",
    )
    .unwrap();
    let from_image = import(0, "", "f", u32());
    let (text, _) = said(&check(
        &[from_image],
        &format!("{},{copy}", path("System.map")),
        &[],
    ));
    assert!(
        text.contains("  unverified: the BTF is cut off or damaged: f from vmlinux\n"),
        "{text}"
    );
    assert!(text.contains(&unknown), "{text}");
}

#[stock_test]
fn another_provider_can_be_chosen() {
    let declared = [import(REQUIRE, "old_provider", "provider_size", u32())];
    let kernel = with(&OUT_OF_TREE.provider());
    let output = check(&declared, &kernel, &[]);
    assert_eq!(output.status.code(), Some(1));
    let (text, code) = said(&check(
        &declared,
        &kernel,
        &["--from", "provider=old_provider"],
    ));
    assert_eq!(text, "  1 type as declared\n");
    assert_eq!(code, Some(0));

    for (from, says) in [
        ("provider=loop", "it imports from old_provider"),
        ("provider", "not of the form PROVIDER=OLD"),
        ("a/b=old_provider", "is not a module name"),
    ] {
        let output = check(&declared, &kernel, &["--from", from]);
        assert_eq!(output.status.code(), Some(2), "{from}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(says), "{error}");
    }

    let directory = TempDir::new().unwrap();
    let module = with_table(&directory, &declared.concat());
    let (text, _) = fine([
        "compare",
        "--module",
        &module,
        "--from",
        "provider=old_provider",
        "--kernel",
        &kernel,
    ]);
    assert!(
        text.contains("\nprovider:provider_size  provider, global\n"),
        "{text}"
    );
}
