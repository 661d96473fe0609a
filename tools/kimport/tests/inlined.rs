// SPDX-License-Identifier: GPL-2.0

//! `kimport check` distinguishes functions that were inlined from functions that never existed, by
//! debug information from the compiler of the build root.

mod common;

use common::*;
use std::{fs, path::Path};
use tempfile::TempDir;

/// Source for an image and for a module. It has a function that is kept, one that the compiler
/// inlines unasked, and one that is only declared in the module.
const SOURCE: &str = r#"
int NAME_declared(int a);
static int NAME_inlined(int a) { return a * 3; }
int NAME_kept(int a) { return NAME_inlined(a) + NAME_declared(a); }
"#;
const IMAGE: &str = r#"
const char linux_banner[] __attribute__((used)) = "Linux version RELEASE (somebody) #1\n";
void _stext(void) {}
int image_declared(int a) { return a; }
"#;
const MODULE: &str = r#"
static const char license[] __attribute__((used, section(".modinfo"))) = "license=GPL";
"#;

const INLINED: &str =
    "though the kernel's debug information has the function: the compiler inlined it";
const MISSING: &str = "kallsyms has no such symbol there; check its spelling";

struct Files(TempDir);

impl Files {
    fn path(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn compile(&self, source: &str, options: &[&str], output: &str) -> String {
        let (input, output) = (write(&self.0, "source.c", source), self.path(output));
        tool("gcc", &[&["-O2", "-o", &output, &input], options].concat());
        output
    }

    fn image(&self, release: &str, options: &[&str], output: &str) -> String {
        let source = SOURCE.replace("NAME", "image") + &IMAGE.replace("RELEASE", release);
        let link = ["-nostdlib", "-static", "-Wl,-e,_stext"];
        self.compile(&source, &[&link, options].concat(), output)
    }

    fn module(&self, options: &[&str], output: &str) -> String {
        let source = SOURCE.replace("NAME", "module") + MODULE;
        self.compile(&source, &[&["-c"], options].concat(), output)
    }

    fn stripped(&self, path: &str, output: &str) -> String {
        let output = self.path(output);
        tool("strip", &["--strip-debug", "-o", &output, path]);
        output
    }

    /// Returns the answer for a function of the image, or of the module `provider`.
    fn says(&self, kernel: &str, provider: &str, name: &str) -> String {
        let module = with_table(&self.0, &record(0, 0, 0, provider, name));
        let (_, out, err) = kimport(format!("check {module} --kernel {kernel}"));
        let line = out.lines().find(|line| line.contains("cannot import"));
        line.unwrap_or(&err).to_owned()
    }

    fn expect(&self, kernel: &str, provider: &str, name: &str, expected: &str) {
        let said = self.says(kernel, provider, name);
        assert!(said.contains(expected), "{name} on {kernel}: {said}");
    }
}

const FORMATS: [&[&str]; 3] = [&["-gdwarf-4"], &["-gdwarf-5"], &["-gdwarf-5", "-gz=zlib"]];

#[stock_test]
fn functions_of_the_image() {
    let files = Files(TempDir::new().unwrap());
    for format in FORMATS {
        let whole = files.image("7.0", format, "vmlinux");
        assert_eq!(files.says(&whole, "", "image_kept"), "");
        files.expect(&whole, "", "image_inlined", INLINED);
        files.expect(&whole, "", "image_inline", MISSING);
        let stripped = files.stripped(&whole, "stripped");
        files.expect(&stripped, "", "image_inlined", MISSING);
        // A distribution has these in two packages.
        let both = format!("{stripped},{whole}");
        files.expect(&both, "", "image_inlined", INLINED);
        let two = format!("{stripped},{}", files.image("7.1", format, "other"));
        files.expect(&two, "", "x", "more than one kernel");
    }
}

#[stock_test]
fn functions_of_a_module() {
    let files = Files(TempDir::new().unwrap());
    let image = files.image("7.0", &[], "boot/vmlinux");
    let top = Path::new(&image).parent().unwrap().parent().unwrap();
    for format in FORMATS {
        let whole = files.module(format, "some_module.ko");
        let kernel = format!("{image},{whole}");
        assert_eq!(files.says(&kernel, "some_module", "module_kept"), "");
        let inlined = |kernel: &str, said| {
            files.expect(kernel, "some_module", "module_inlined", said);
        };
        inlined(&kernel, INLINED);
        files.expect(&kernel, "some_module", "module_declared", MISSING);

        let path = "root/usr/lib/modules/7.0/some-module.ko";
        let debug = "root/usr/lib/debug/lib/modules/7.0/some-module.ko";
        let root = top.join("root");
        let root = root.to_str().unwrap();
        files.stripped(&whole, path);
        let kernel = format!("{image},{root}");
        inlined(&kernel, MISSING);
        fs::copy(&whole, files.path(debug)).unwrap();
        inlined(&kernel, INLINED);
        let (path, debug) = (files.path(path), files.path(debug));
        inlined(&format!("{image},{path},{debug}"), INLINED);

        fs::write(files.path("root/DEBIAN/control"), CONTROL).unwrap();
        let package = files.path("made.deb");
        tool("dpkg-deb", &["--root-owner-group", "-b", root, &package]);
        inlined(&format!("{image},{package}"), INLINED);
        fs::remove_dir_all(root).unwrap();
    }
}

#[stock_test]
fn damaged_debug_information_is_none() {
    let files = Files(TempDir::new().unwrap());
    let whole = files.image("7.0", &["-gdwarf-5"], "vmlinux");
    let mut bytes = fs::read(&whole).unwrap();
    let module = Module::read(&bytes);
    let info = &module.section(".debug_info").data;
    let at = position(&bytes, info);
    bytes[at..][..info.len()].fill(0xff);
    fs::write(&whole, bytes).unwrap();
    files.expect(&whole, "", "image_inlined", MISSING);
}
