// SPDX-License-Identifier: GPL-2.0

//! `kimport relink --sign` compared with the kernel's own `scripts/sign-file` and OpenSSL.

mod common;

use common::*;
use expect_test::expect;
use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

const MARKER: &[u8] = b"~Module signature appended~\n";
const EC: [(&str, &str); 3] = [
    ("P-256", "sha256"),
    ("P-384", "sha384"),
    ("P-521", "sha512"),
];

/// A directory with keys and a module of the distribution, signed and unsigned.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        let module = unxz(&stock("target_core_file"));
        let (elf, signature) = split(&module);
        assert!(!signature.is_empty(), "the distribution signs its modules");
        write(&bench.0, "plain.ko", elf);
        write(&bench.0, "signed.ko", &module);
        bench
    }

    fn path(&self, name: &str) -> String {
        path(&self.0, name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {complaint}");
    }

    /// Makes key.pem and certificate.pem; `kind` is the value of openssl's -newkey.
    fn new_key(&self, kind: &str) {
        self.openssl(&format!(
            "req -x509 -new -nodes -batch -subj /O=kimport/CN=A_test -set_serial 0x7f01 -days 30 \
             -newkey {kind} -keyout key.pem -out certificate.pem"
        ));
    }

    fn sign(&self, input: &str, files: [&str; 2], passphrase: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kimport"));
        command
            .args(["relink", &self.path(input), "-o", &self.path("out.ko")])
            .arg("--sign")
            .args(files.map(|file| self.path(file)))
            .env_remove("KBUILD_SIGN_PIN");
        if let Some(passphrase) = passphrase {
            command.env("KBUILD_SIGN_PIN", passphrase);
        }
        command.output().unwrap()
    }

    /// Signs with key.pem. Returns the output of kimport.
    fn signed(&self, input: &str, hash: Option<&str>) -> String {
        let files = [input, "out.ko", "key.pem", "certificate.pem"].map(|file| self.path(file));
        let [input, output, key, certificate] = files;
        let hash = hash.map_or(String::new(), |hash| format!("--hash={hash}"));
        let relink = format!("relink {input} -o {output} --sign {key} {certificate} {hash}");
        fine(relink).0
    }

    /// Asserts that OpenSSL accepts the signature of out.ko as one of `content` by certificate.pem.
    fn verified(&self, content: &str) {
        let out = self.read("out.ko");
        let (elf, signature) = split(&out);
        assert!(elf == self.read(content));
        write(&self.0, "signature", signature);
        self.openssl(&format!(
            "cms -verify -binary -inform DER -in signature -content {content} -purpose any \
             -certfile certificate.pem -CAfile certificate.pem -out /dev/null"
        ));
    }
}

/// Splits a module into the ELF file and the PKCS#7 message after it.
fn split(module: &[u8]) -> (&[u8], &[u8]) {
    let rest = module.strip_suffix(MARKER).unwrap();
    let (rest, trailer) = rest.split_at(rest.len() - 12);
    assert_eq!(trailer[..8], [0, 0, 2, 0, 0, 0, 0, 0]);
    let length = u32::from_be_bytes(trailer[8..].try_into().unwrap());
    rest.split_at(rest.len() - length as usize)
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// RSA signatures leave no choice: every byte is the same as from the kernel's own tool.
#[stock_test]
fn rsa_is_what_the_kernel_writes() {
    let bench = Bench::new();
    bench.new_key("rsa:2048");
    let sign_file = kdir().join("scripts/sign-file");
    let files = ["key.pem", "certificate.pem", "plain.ko", "reference.ko"];
    let files = files.map(|file| bench.path(file));
    for hash in [
        "sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512",
    ] {
        let mut arguments = vec![hash];
        arguments.extend(files.iter().map(String::as_str));
        tool(sign_file.to_str().unwrap(), &arguments);
        bench.signed("plain.ko", Some(hash));
        let is_same = bench.read("out.ko") == bench.read("reference.ko");
        assert!(is_same, "{hash}");
    }
    let modinfo = tool("modinfo", &[&bench.path("out.ko")]);
    let signature = modinfo
        .split_inclusive('\n')
        .filter(|line| line.starts_with("sig"))
        .take(4)
        .collect::<String>();
    expect![[r#"
        sig_id:         PKCS#7
        signer:         A_test
        sig_key:        7F:01
        sig_hashalgo:   sha3-512
    "#]]
    .assert_eq(&signature);
}

#[stock_test]
fn elliptic_curves_verify() {
    let bench = Bench::new();
    for (curve, hash) in EC {
        bench.new_key(&format!("ec -pkeyopt ec_paramgen_curve:{curve}"));
        bench.signed("plain.ko", Some(hash));
        bench.verified("plain.ko");
        // A module that is signed again keeps the hash.
        fs::copy(bench.path("out.ko"), bench.path("again.ko")).unwrap();
        assert!(bench.signed("again.ko", None).contains(hash));
        bench.verified("plain.ko");
    }
}

#[stock_test]
fn keys_as_openssl_writes_them() {
    let bench = Bench::new();
    // Signatures by these keys have no random parts.
    for kind in ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-384"] {
        bench.new_key(kind);
        bench.signed("plain.ko", None);
        let wanted = bench.read("out.ko");
        let same = |files, passphrase| {
            let output = bench.sign("plain.ko", files, passphrase);
            assert!(output.status.success(), "{output:?}");
            assert!(bench.read("out.ko") == wanted);
        };

        bench.openssl("x509 -in certificate.pem -outform DER -out certificate.der");
        same(["key.pem", "certificate.der"], None);
        // The kernel's build makes such a file.
        let both = ["key.pem", "certificate.pem"].map(|file| bench.read(file));
        write(&bench.0, "both.pem", both.concat());
        same(["both.pem", "both.pem"], None);
        bench.openssl("pkey -in key.pem -traditional -out old.pem");
        same(["old.pem", "certificate.pem"], None);

        for cipher in ["aes-256-cbc", "aes128", "des3 -v2prf hmacWithSHA1"] {
            bench.openssl(&format!(
                "pkcs8 -topk8 -in key.pem -out locked.pem -passout pass:secret -v2 {cipher}"
            ));
            same(["locked.pem", "certificate.pem"], Some("secret"));
        }
        let locked = ["locked.pem", "certificate.pem"];
        let said = complaint(&bench.sign("plain.ko", locked, None));
        has(&said, "set KBUILD_SIGN_PIN");
        let said = complaint(&bench.sign("plain.ko", locked, Some("guess")));
        has(&said, "cannot be decrypted");

        bench.openssl("pkey -in key.pem -traditional -aes256 -passout pass:secret -out locked.pem");
        let said = complaint(&bench.sign("plain.ko", locked, Some("secret")));
        has(&said, "openssl pkcs8 -topk8");
    }
}

#[stock_test]
fn a_signature_is_replaced() {
    let bench = Bench::new();
    bench.new_key("rsa:2048");
    // The distribution's kernel is configured for sha256, which is not the kernel's default.
    expect![[r#"
        target_core_file: signed with sha256 by CN=A_test,O=kimport, key 7F:01
    "#]]
    .assert_eq(&bench.signed("signed.ko", None));
    bench.verified("plain.ko");
    expect![[r#"
        target_core_file: signed with sha512 by CN=A_test,O=kimport, key 7F:01
    "#]]
    .assert_eq(&bench.signed("plain.ko", None));
    bench.verified("plain.ko");
}

#[stock_test]
fn a_relinked_module_is_signed() {
    let bench = Bench::new();
    bench.new_key("rsa:2048");
    let files = ["signed.ko", "plain.ko", "out.ko"].map(|file| bench.path(file));
    let [signed, plain, output] = files;
    let relink = format!("relink --name renamed --from vmlinux:_printk {signed} -o");
    let (_, notes) = fine(format!("{relink} {plain}"));
    has(&notes, "dropped");

    let [key, certificate] = ["key.pem", "certificate.pem"].map(|file| bench.path(file));
    let sign = format!("--sign {key} {certificate}");
    let (report, notes) = fine(format!("{relink} {output} {sign} --json"));
    assert!(!notes.contains("dropped"), "{notes}");
    bench.verified("plain.ko");
    let report = json(&report);
    expect![[r#"
        {
          "hash": "sha256",
          "key": "7F:01",
          "signer": "CN=A_test,O=kimport"
        }"#]]
    .assert_eq(&format!("{:#}", report["signature"]));
    assert_eq!(report["signature_dropped"], false);
}

#[stock_test]
fn what_cannot_sign_is_refused() {
    let bench = Bench::new();
    bench.new_key("rsa:2048");
    for name in ["key.pem", "certificate.pem"] {
        fs::rename(bench.path(name), bench.path(&format!("other-{name}"))).unwrap();
    }
    bench.new_key("ed25519");
    write(&bench.0, "noise", "noise");
    let rsa = "other-key.pem";
    let refused = [
        ["key.pem", "certificate.pem"],
        [rsa, "certificate.pem"],
        [rsa, rsa],
        [rsa, "noise"],
        ["noise", "other-certificate.pem"],
        ["other-certificate.pem", "other-certificate.pem"],
        ["absent", "certificate.pem"],
    ]
    .map(|files| complaint(&bench.sign("plain.ko", files, None)))
    .concat()
    .replace(&bench.path(""), "");
    expect![[r#"
        kimport: error: key.pem: a private key of the algorithm 1.3.101.112 is not supported
        kimport: help: use an RSA or EC key, or sign the output with the kernel's scripts/sign-file
        kimport: error: certificate.pem is not the certificate of the key in other-key.pem
        kimport: help: give the two files that were made together
        kimport: error: other-key.pem: cannot read the certificate: there is none in it
        kimport: help: give an X.509 certificate in PEM or DER form
        kimport: error: noise: cannot read the certificate: unexpected ASN.1 DER tag: expected SEQUENCE, got APPLICATION [14] (constructed)
        kimport: help: give an X.509 certificate in PEM or DER form
        kimport: error: noise: there is no private key in PEM form in it
        kimport: help: give the file that has a line -----BEGIN PRIVATE KEY-----
        kimport: error: other-certificate.pem: there is no private key in PEM form in it
        kimport: help: give the file that has a line -----BEGIN PRIVATE KEY-----
        kimport: error: absent: No such file or directory (os error 2)
        kimport: help: name the files after --sign
    "#]].assert_eq(&refused);
    assert!(!PathBuf::from(bench.path("out.ko")).exists());
}
