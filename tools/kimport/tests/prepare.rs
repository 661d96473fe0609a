// SPDX-License-Identifier: GPL-2.0

//! `kimport prepare`, with the cache set up and without.

use expect_test::expect;
use kimport_testing::stock_test;
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// Returns the command `kimport prepare`.
fn prepare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kimport"));
    command.arg("prepare").args(arguments);
    command
}

/// Runs `kimport prepare` with another cache.
fn in_cache(cache: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = prepare(arguments);
    let output = command.env("KIMPORT_CACHE", cache).output().unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.replace(cache.to_str().unwrap(), "CACHE");
    (output.status.code(), said)
}

#[stock_test]
fn the_pinned_kernel_is_there() {
    // No file of the checkout is needed.
    let elsewhere = TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = prepare(arguments);
        let output = command.current_dir(elsewhere.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let prepared = run(&[]);
    // scripts/prepare-kernel leaves this mark.
    let kdir = prepared.lines().next().unwrap();
    let kdir = Path::new(kdir.strip_prefix("KDIR=").unwrap());
    assert!(kdir.join(".kimport").exists(), "{prepared}");
    assert!(kdir.join("rust/libkernel.rmeta").exists());

    let report: serde_json::Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(report["kdir"], kdir.to_str().unwrap());
    let release = fs::read_to_string(kdir.join("include/config/kernel.release")).unwrap();
    assert_eq!(report["release"], release.trim());
    let place = |name: &str| Path::new(report[name].as_str().unwrap());
    for path in [
        place("source").join("rust/kernel/lib.rs"),
        place("root").join("usr/bin/rustc"),
        place("in_root").to_owned(),
    ] {
        assert!(path.exists(), "{}", path.display());
    }

    // A system with another compiler builds in the build root.
    let mut elsewhere = prepare(&[]);
    let output = elsewhere.env("RUSTC", "/bin/echo").output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    let [root, in_root] = ["root", "in_root"].map(|name| report[name].as_str().unwrap());
    assert_eq!(
        out,
        format!(
            "KDIR={}\nKERNEL_ROOT={root}\nIN_ROOT={in_root}\n",
            kdir.display()
        )
    );
    assert!(
        err.contains(&format!("{in_root} --root {root} make -C ")),
        "{err}"
    );
}

/// A tree as the headers packages of Arch, Fedora and Ubuntu lay it out is used as it is.
#[stock_test]
fn headers_with_rust_metadata() {
    let built = kimport_testing::kdir();
    let directory = TempDir::new().unwrap();
    let kdir = directory.path();
    let put = |names: &[&str]| {
        for name in names {
            let to = kdir.join(name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(built.join(name), to).unwrap();
        }
    };
    let run = |rustc: Option<&Path>| {
        let mut command = prepare(&[kdir.to_str().unwrap()]);
        if let Some(rustc) = rustc {
            command.env("RUSTC", rustc);
        }
        let output = command.env("KIMPORT_CACHE", "/nowhere").output().unwrap();
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), texts)
    };
    // These suffice for C, whatever the compiler of Rust is.
    put(&["include/config/kernel.release", "include/config/auto.conf"]);
    let (status, [_, err]) = run(Some(Path::new("/nowhere/rustc")));
    assert_eq!(status, Some(0), "{err}");
    assert!(
        err.contains("lack Rust metadata (rust/libkernel.rmeta), syn ("),
        "{err}"
    );

    put(&[
        "rust/libcore.rmeta",
        "rust/libkernel.rmeta",
        "rust/libmacros.so",
    ]);
    let (status, [out, err]) = run(None);
    assert_eq!(
        (status, out),
        (
            Some(0),
            format!("KDIR={}\nKERNEL_ROOT=\nIN_ROOT=\n", kdir.display())
        ),
        "{err}"
    );
    assert!(
        err.contains("lack syn (rust/host/libsyn.rlib), flags of bindgen"),
        "{err}"
    );

    put(&["rust/host/libsyn.rlib"]);
    let source = fs::canonicalize(built.join("source")).unwrap();
    std::os::unix::fs::symlink(source, kdir.join("source")).unwrap();
    let (_, [_, err]) = run(None);
    assert!(err.contains("these are the headers of"), "{err}");

    // The compiler is another one, or none.
    let (status, [out, err]) = run(Some(Path::new("/bin/echo")));
    assert_eq!((status, &*out), (Some(1), ""), "{err}");
    assert!(
        err.contains("and this system has echo (GNU coreutils)"),
        "{err}"
    );
    let (status, [_, err]) = run(Some(Path::new("/nowhere/rustc")));
    assert_eq!(status, Some(1));
    assert!(err.contains("and there is no rustc here"), "{err}");
}

#[test]
fn what_is_no_kernel() {
    for kernel in ["a/b", "-x", "linux", "7.3;true"] {
        let (status, said) = in_cache(Path::new("/nowhere"), &["--", kernel]);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains("neither a directory nor"), "{said}");
    }
}

#[test]
fn what_set_up_refuses() {
    let directory = TempDir::new().unwrap();
    let cache = directory.path().join("a b");
    let (status, said) = in_cache(&cache, &["7.3.4+deb13-amd64"]);
    assert_eq!(status, Some(1));
    expect![[r#"
        kimport: error: The cache's path, CACHE, contains a space or a colon, which the kernel's build does not accept.
        kimport: help: Set KIMPORT_CACHE to another directory.
    "#]].assert_eq(&said);
}

#[test]
fn a_cache_that_cannot_be() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (status, said) = in_cache(&file.path().join("cache"), &[]);
    assert_eq!(status, Some(2));
    assert!(said.contains("Not a directory"), "{said}");
    assert!(said.contains("help: set KIMPORT_CACHE"), "{said}");
}
