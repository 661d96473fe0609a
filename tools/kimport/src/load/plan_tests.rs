// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::kernel::text;
use expect_test::expect;

const KALLSYMS: &str = "\
ffffffff81000000 T _stext
ffffffff81000010 T kallsyms_lookup_name
ffffffff81000020 t nr_processes
ffffffff81000030 t twin
ffffffff81000040 t twin
ffffffff81000050 t shrunk.isra.0
ffffffff81000060 T printk
ffffffff81000070 t both
ffffffff81000080 T _etext
ffffffff81000090 d state
ffffffff810000a0 r __ksymtab_printk
ffffffff82000000 D __init_begin
ffffffff82000010 t start_kernel
ffffffff82000020 D __init_end
ffffffffc0000000 t helper	[provider]
ffffffffc0000010 t both	[provider]
ffffffffc0000020 t twin_of_module	[provider]
ffffffffc0000030 t twin_of_module	[provider]
ffffffffc0001000 d counter	[provider]
ffffffffc0002000 t setup	[provider]
ffffffffc0100000 T exported	[old]
ffffffffc0200000 t exported	[new]
";

fn plan_with(
    undefined: &[&str],
    from: &[&str],
    parameters: &[&str],
    facts: &Facts,
) -> Result<LoadPlan> {
    plan_on(KALLSYMS, "GPL", undefined, from, parameters, facts)
}

fn plan_on(
    kallsyms: &str,
    license: &str,
    undefined: &[&str],
    from: &[&str],
    parameters: &[&str],
    facts: &Facts,
) -> Result<LoadPlan> {
    let kernel = Kernel::of_running(text::parse(kallsyms).unwrap(), "0.0.0-none", None);
    let listing = Listing {
        module: Some("user".to_owned()),
        license: Some(license.to_owned()),
        undefined: undefined
            .iter()
            .map(|name| Undefined {
                name: name.trim_start_matches('?').to_owned(),
                weak: name.starts_with('?'),
                exported_by: None,
            })
            .collect(),
        ..Listing::default()
    };
    let modules = [
        ("provider", true),
        ("old", true),
        ("new", true),
        ("going", false),
    ];
    let system = System {
        modules: modules.map(|(name, live)| (name.to_owned(), live)).into(),
        ..System::default()
    };
    let sections = ModuleSections::new([
        (0xffffffffc0000000, ".text".to_owned()),
        (0xffffffffc0001000, ".data..percpu".to_owned()),
        (0xffffffffc0002000, ".init.text".to_owned()),
    ]);
    let requests: Vec<Request> = from.iter().map(|from| from.parse().unwrap()).collect();
    let parameters: Vec<_> = parameters.iter().map(|&text| text.to_owned()).collect();
    let running = RunningKernel {
        kernel: &kernel,
        symvers: None,
        sections: &BTreeMap::from([("provider".to_owned(), sections)]),
        system: &system,
    };
    LoadPlan::new(&listing, facts, &requests, &parameters, &running)
}

fn plan(undefined: &[&str], from: &[&str]) -> LoadPlan {
    plan_with(undefined, from, &[], &Facts::default()).unwrap()
}

#[test]
fn addresses_of_the_image_and_of_named_providers() {
    let plan = plan(
        &[
            "nr_processes",
            "state",
            "printk",
            "helper",
            "exported",
            "?perhaps",
            IGNORED,
        ],
        &["provider", "new=old"],
    );
    assert_eq!(plan.refused, []);
    expect![[r#"
        user: 4 symbols filled in, 2 left to the kernel
          exported      new       0xffffffffc0200000
          helper        provider  0xffffffffc0000000
          nr_processes  vmlinux   0xffffffff81000020
          state         vmlinux   0xffffffff81000090
    "#]]
    .assert_eq(&plan.text(None));
    let notes = plan.notes.join("\n");
    assert!(
        notes.contains("user uses provider") && notes.contains("user uses new"),
        "{notes}"
    );
}

#[test]
fn only_gpl_compatible_modules_get_addresses() {
    let plan = |symbol| plan_on(KALLSYMS, "BSD", &[symbol], &[], &[], &Facts::default());
    let error = plan("nr_processes").unwrap_err().to_string();
    assert!(error.starts_with("user: its license 'BSD'"), "{error}");
    // The kernel itself checks the license for exported symbols.
    assert!(plan("printk").is_ok());
}

#[test]
fn positions_and_lists_choose() {
    let from = ["vmlinux:twin@2", "provider:both,twin_of_module@1"];
    let plan = plan(&["twin", "both", "twin_of_module"], &from);
    let filled = plan.filled.iter();
    let got: Vec<_> = filled.map(|s| (s.name.as_str(), s.address)).collect();
    let expected = [
        ("both", 0xffffffffc0000010),
        ("twin_of_module", 0xffffffffc0000020),
        ("twin", 0xffffffff81000040),
    ];
    assert_eq!(got, expected);
}

#[test]
fn what_cannot_be_taken_is_refused_in_the_words_of_the_kernel_side() {
    let undefined = [
        "twin",
        "shrunk",
        "start_kernel",
        "both",
        "counter",
        "setup",
        "twin_of_module",
        "nowhere",
    ];
    let plan = plan(&undefined, &["provider"]);
    assert_eq!(plan.filled, []);
    assert_eq!(plan.outcome(), Outcome::Findings);
    expect![[r#"
        user: cannot import twin from the kernel image: there are 2 symbols of that name; select one as --from vmlinux:twin@N
        user: cannot import shrunk from the kernel image: the compiler left only shrunk.isra.0, whose ABI is not the declared one; import a function that calls it
        user: cannot import start_kernel from the kernel image: it is in __init memory, which is freed after init; it cannot be imported
        user: cannot import both: provider and vmlinux have that name; select one as --from provider:both
        user: cannot import counter from provider: it is per-CPU data, whose address is an offset; import a function that gives access to it
        user: cannot import setup from provider: it is in __init memory, which is freed after init; it cannot be imported
        user: cannot import twin_of_module from provider: there are 2 symbols of that name; select one as --from provider:twin_of_module@N
        user: cannot import nowhere from provider: kallsyms has no such symbol there; check its spelling"#]]
    .assert_eq(&plan.refusals());
}

#[test]
fn providers_have_to_be_named_and_live() {
    let refused = |name: &str, from: &[&str]| plan(&[name], from).refusals();
    assert!(refused("helper", &[]).ends_with("but provider has one; name that module with --from"));
    let error = |from| {
        let plan = plan_with(&["helper"], &[from], &[], &Facts::default());
        plan.unwrap_err().to_string()
    };
    let absent = "user: cannot import from absent: provider is not loaded; load it first";
    assert_eq!(error("absent"), absent);
    assert!(error("going").contains("being unloaded"));
    let position = refused("twin", &["vmlinux:twin@3"]);
    let only = "there are only 2 symbols of that name; correct the @ of its --from";
    assert!(position.ends_with(only));
    assert!(error("provider:other").contains("no undefined symbol other"));
}

#[test]
fn dependencies_that_are_not_loaded_are_named() {
    let facts = Facts {
        depends: vec!["old".to_owned(), "scsi_mod".to_owned()],
        ..Facts::default()
    };
    let plan = plan_with(&["nowhere"], &[], &[], &facts).unwrap();
    let note = "the module depends on scsi_mod, which is not loaded: modprobe it first";
    assert_eq!(plan.notes, [note]);
}

#[test]
fn the_address_of_the_lookup_is_handed_over_unless_given() {
    let facts = Facts {
        takes_lookup: true,
        ..Facts::default()
    };
    let of = |parameters: &[&str], facts: &Facts| {
        plan_with(&[], &[], parameters, facts).unwrap().parameters
    };
    let added = "a=1 kallsyms_lookup_name=0xffffffff81000010";
    assert_eq!(of(&["a=1"], &facts), added);
    let given = "kallsyms-lookup_name=0x1";
    assert_eq!(of(&[given], &facts), given);
    let quoted = of(&["name=a b", "quiet"], &Facts::default());
    assert_eq!(quoted, "name=\"a b\" quiet");
    assert!(plan_with(&[], &[], &["a b"], &Facts::default()).is_err());
}

/// Without `CONFIG_KALLSYMS_ALL`, kallsyms has neither data nor the export table.
#[test]
fn without_exports_what_is_listed_is_meant() {
    let functions: Vec<&str> = KALLSYMS
        .lines()
        .filter(|line| line.contains(" t ") || line.contains(" T "))
        .collect();
    let plan = |from: &[&str], facts: &Facts| {
        let undefined = ["printk", "nr_processes", "state"];
        plan_on(&functions.join("\n"), "GPL", &undefined, from, &[], facts)
    };
    let plain = Facts::default();
    for from in [&[][..], &["provider"], &["vmlinux:nr_processes", "new=old"]] {
        let error = plan(from, &plain).unwrap_err();
        assert!(error.way_out().unwrap().contains("or list the symbols"));
    }

    let listed = plan(&["vmlinux:nr_processes"], &plain).unwrap();
    assert_eq!((listed.filled.len(), listed.left), (1, 2));
    let refused = plan(&["vmlinux:state"], &plain).unwrap().refusals();
    assert!(refused.contains("functions only (no CONFIG_KALLSYMS_ALL)"));

    // The module takes the address of the lookup function as a parameter; its other symbols are
    // exported.
    let crate_user = Facts {
        takes_lookup: true,
        ..Facts::default()
    };
    let plan = plan(&[], &crate_user).unwrap();
    assert_eq!((plan.filled.len(), plan.left), (0, 3));
    assert!(plan.parameters.starts_with("kallsyms_lookup_name=0x"));
}
