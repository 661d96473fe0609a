// SPDX-License-Identifier: GPL-2.0

//! Tests of the whole pipeline, without a compiler around it.
//!
//! `UPDATE_EXPECT=1` writes the `.expanded.rs` files anew.

use crate::{
    bindings,
    bindings::Bindings,
    definitions::{Definition, Definitions},
    diagnostics, expand,
    expand::Context,
    layouts, pipeline,
};
use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, TokenStream, TokenTree};
use proptest::{collection::vec, option, prelude::*, sample::select};
use quote::{quote, ToTokens};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};
use syn::{visit::Visit, Item};

/// Returns the UI tests' stand-in for the kernel's bindings.
fn test_bindings() -> Bindings {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui/support/bindings.rs");
    Bindings::new([PathBuf::from(file)])
}

fn context(first_ordinal: usize) -> Context {
    Context {
        layouts: true,
        crate_name: "demo".to_owned(),
        module: "demo_module".to_owned(),
        first_ordinal,
        records: true,
    }
}

fn run(input: TokenStream) -> TokenStream {
    pipeline(input, &test_bindings(), None, |_| context(0))
}

#[test]
fn a_build_without_livepatch_says_why() {
    let run = |input: &str, context: fn(usize) -> Context| {
        let input = input.parse().unwrap();
        pipeline(input, &test_bindings(), Some("no kernel"), context).to_string()
    };
    let refused = "#[livepatch] mod a { f: fn(), } #[livepatch] mod b { f: fn(), }";
    let text = run(refused, |_| unreachable!());
    assert_eq!(text.matches("cannot be had: no kernel").count(), 2);
    assert!(!run("mod a { f: fn(), }", |_| context(0)).contains("no kernel"));
}

/// Returns the files `*suffix` of a directory of the UI tests.
fn ui_files(directory: &str, suffix: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/ui")
        .join(directory);
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(suffix))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn names_in_c() {
    let names = [
        ("flags", "flags"),
        ("type_", "type"),
        ("str_", "str"),
        ("u8_", "u8"),
        ("proc_", "proc"),
        ("r#in", "in"),
        ("dma_", "dma_"),
        ("_", "_"),
    ];
    for (rust, c) in names {
        assert_eq!(layouts::c_name(rust), c);
        let is_plain = rust.starts_with("r#") || rust.starts_with('_');
        let ident = bindings::item_name(c, proc_macro2::Span::call_site());
        assert!(is_plain || ident.unwrap() == rust, "{c}");
    }
}

/// bindgen writes an enumerator as a constant or inside of an `impl`, and rustfmt breaks long
/// lines, if it is there.
#[test]
fn enumerators() {
    let formatted = "pub const e_A: e = -1;\npub const e_B: e =\n    2;\nimpl e {\n    \
        pub const C: e = e(3);\n    pub const fn d(&self) -> e {}\n}\npub const f: &[u8; 1] = b\"}\";\n\
        pub const e_D: e = 4;";
    let expected = [("A", -1), ("B", 2), ("C", 3), ("D", 4)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    for text in [formatted, &unformatted(formatted)] {
        assert_eq!(Definitions::new(text).enumerators("e"), expected);
    }
}

/// The output of bindgen if there is no rustfmt.
fn unformatted(formatted: &str) -> String {
    let tokens: TokenStream = formatted.parse().unwrap();
    tokens.to_string()
}

/// Everything that is found of the tests' bindings, and of the kernel's, is also found if they are
/// not formatted.
#[test]
fn definitions_need_no_format() {
    let support = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ui/support/bindings.rs");
    let mut files = vec![PathBuf::from(support)];
    match std::env::var_os("KIMPORT_KDIR") {
        Some(tree) => files.push(Path::new(&tree).join("rust/bindings/bindings_generated.rs")),
        None => eprintln!("skipped: the kernel's bindings, because KIMPORT_KDIR is not set"),
    }
    for file in files {
        let formatted = fs::read_to_string(&file).unwrap();
        let unformatted = unformatted(&formatted);
        let [all, found] = [&formatted, &unformatted].map(|text| Definitions::new(text));
        for item in syn::parse_file(&formatted).unwrap().items {
            let name = match item {
                Item::Struct(item) => item.ident.to_string(),
                Item::Union(item) => item.ident.to_string(),
                Item::Type(item) => item.ident.to_string(),
                _ => continue,
            };
            let expected = definition(&all, &formatted, &name);
            assert!(!expected.is_empty(), "{name}");
            assert_eq!(definition(&found, &unformatted, &name), expected, "{name}");
        }
    }
}

/// Returns all that is found of a type.
fn definition(definitions: &Definitions, text: &str, name: &str) -> Vec<String> {
    let (is_union, fields) = match definitions.get(text, name) {
        Some(Definition::Fields { is_union, fields }) => (is_union, fields),
        Some(Definition::Alias(ty) | Definition::Newtype(ty)) => (false, vec![(String::new(), ty)]),
        None => return Vec::new(),
    };
    let fields = fields
        .iter()
        .map(|(name, ty)| format!("{name}: {}", quote!(#ty)));
    let bits = definitions.bit_fields(text, name).into_iter();
    let bits = bits.map(|field| {
        format!(
            "{} {} {} {}",
            field.unit, field.name, field.offset, field.bits
        )
    });
    let enumerators = definitions.enumerators(name).iter();
    let enumerators = enumerators.map(|(name, value)| format!("{name} = {value}"));
    let kind = [format!("union: {is_union}")];
    kind.into_iter()
        .chain(fields)
        .chain(bits)
        .chain(enumerators)
        .collect()
}

/// An input has the parts that its expansion must have behind `// has: `, or a file with all of it.
#[test]
fn expansions() {
    for path in ui_files("expand", ".rs") {
        if path.to_str().unwrap().ends_with(".expanded.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let mut file = syn::parse_file(&source).unwrap();
        let mut items = Vec::new();
        for item in file.items {
            match item {
                Item::Macro(invocation) if invocation.mac.path.is_ident("import_symbols") => {
                    let expanded = run(invocation.mac.tokens);
                    items.extend(syn::parse2::<syn::File>(expanded).unwrap().items);
                }
                item => items.push(item),
            }
        }
        file.items = items;
        let expanded = format!(
            "// SPDX-License-Identifier: GPL-2.0\n\n{}",
            prettyplease::unparse(&file)
        );
        assert!(!expanded.contains("compile_error"), "{}", path.display());
        let has = source
            .lines()
            .filter_map(|line| line.strip_prefix("// has: "));
        if has.clone().count() == 0 {
            expect_test::expect_file![path.with_extension("expanded.rs")].assert_eq(&expanded);
        }
        let text = without_space(&expanded);
        for part in has {
            assert!(
                text.contains(&without_space(part)),
                "{}: {part}",
                path.display()
            );
        }
    }
}

/// The bare form is all that a block has inside of its module, without the name of a block.
#[test]
fn bare_entries_expand_like_those_of_a_block() {
    let entries = quote! {
        target_complete_cmd: fn(*mut se_cmd, u8),
        /// Documented.
        pub(super) jiffies: u64
    };
    let block = without_space(&run(quote!(mod block { #entries })).to_string());
    let (_, inside) = block.split_once("usesuper::*;").unwrap();
    let inside = inside
        .replace("block:\"block\"", "block:\"\"")
        .replace("c\"block\"", "c\"\"")
        .replace("new(\"block\"", "new(\"\"");
    let bare = without_space(&run(entries).to_string());
    assert_eq!(inside, bare + "}");
}

/// Every text of an error is in the expected output of a UI test.
#[test]
fn every_message_is_tested() {
    let mut output = String::new();
    for path in ui_files("compile-fail", ".stderr") {
        output += &fs::read_to_string(path).unwrap();
    }
    let errors: Vec<_> = output
        .lines()
        .filter_map(|line| line.strip_prefix("error: "))
        .collect();
    let has = |message: diagnostics::Message| {
        errors.iter().any(|error| {
            let mut rest = Some(*error);
            for piece in message.pieces() {
                rest = rest.and_then(|rest| Some(rest.split_once(piece)?.1));
            }
            rest.is_some()
        })
    };
    let untested: Vec<_> = diagnostics::ALL
        .iter()
        .filter(|(_, message)| !has(*message))
        .map(|(name, _)| name)
        .collect();
    assert!(untested.is_empty(), "no UI test for {untested:?}");
}

/// A keyword as a fragment of `macro_rules!` is not the beginning of a path with arguments.
#[test]
fn a_keyword_in_an_invisible_group_is_an_error() {
    let keyword = Group::new(Delimiter::None, quote!(self));
    let output = run(quote!(a: fn(_: #keyword<u8>),)).to_string();
    assert!(output.contains("compile_error"), "{output}");
}

/// Fragments of `macro_rules!` come in groups without delimiters.
#[test]
fn invisible_groups() {
    let none = |tokens| Group::new(Delimiter::None, tokens);
    let plain = quote!(mod m from "p" { #[name = "k"] #[position = 2] pub(crate) f: fn(a: u8) -> !, d: &u8 });
    let (from, name, position) = (none(quote!("p")), none(quote!("k")), none(quote!(2)));
    let (vis, inherited) = (none(quote!(pub(crate))), none(quote!()));
    let (f, data) = (none(quote!(f)), none(quote!(&u8)));
    let function = none(quote!(fn(a: u8) -> !));
    let grouped = quote! {
        #inherited mod m from #from {
            #[name = #name] #[position = #position] #vis #f: #function,
            #inherited d: #data
        }
    };
    fn flatten(tokens: TokenStream) -> TokenStream {
        let flat = |token: TokenTree| match token {
            TokenTree::Group(group) => match (group.delimiter(), flatten(group.stream())) {
                (Delimiter::None, inner) => inner,
                (delimiter, inner) => TokenTree::from(Group::new(delimiter, inner)).into(),
            },
            token => token.into(),
        };
        tokens.into_iter().flat_map(flat).collect()
    }
    let flat = |tokens| flatten(run(tokens)).to_string();
    let expanded = flat(grouped);
    assert!(!expanded.contains("compile_error"), "{expanded}");
    assert_eq!(expanded, flat(plain));
}

/// Trampolines and keys are global symbols.
#[test]
fn crates_that_are_linked_together_have_different_names() {
    let module =
        |path: &str, name: &str| expand::unique_name(Some(path.to_owned()), name.to_owned(), true);
    let names = [
        module("drivers/a/foo", "foo"),
        module("drivers/b/foo", "foo"),
        module("drivers/a_foo", "foo"),
        module("drivers/a-foo", "foo"),
        module("drivers/a/foo", "kimport"),
        module("drivers/a", "foo_foo"),
        module("drivers_a/foo", "foo"),
        expand::unique_name(None, "foo".to_owned(), false),
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{name}");
        let is_token = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(is_token), "{name}");
    }
    // A module is linked by itself, wherever it is built.
    let module = |path: &str| expand::unique_name(Some(path.to_owned()), "x".to_owned(), false);
    assert_eq!(module("/home/me/foo"), module("./foo"));
}

#[test]
fn crate_name_is_read_from_the_command_line() {
    let name = |line: &str| expand::crate_name_of(line.split(' ').map(str::to_owned));
    assert_eq!(name("rustc --crate-name a b.rs").as_deref(), Some("a"));
    assert_eq!(name("rustc --crate-name=a b.rs").as_deref(), Some("a"));
    assert_eq!(name("rustc --crate-named=a b.rs"), None);
    assert_eq!(name("rustc b.rs --crate-name"), None);
}

/// Blocks of one crate are told apart by a number that goes on from invocation to invocation.
#[test]
fn ordinals_count_on() {
    let input = quote!(mod a { x: fn() } mod b { x: fn() });
    let expanded = pipeline(input, &test_bindings(), None, |blocks| {
        assert_eq!(blocks, 2);
        context(5)
    })
    .to_string();
    for name in ["__SCT__kimport_demo_5_x", "__SCK__kimport_demo_6_x"] {
        assert!(expanded.contains(name), "{expanded}");
    }

    let first = Context::of_this_compiler(3).first_ordinal;
    assert!(Context::of_this_compiler(1).first_ordinal >= first + 3);
}

/// Without rustfmt on the machine that built the kernel, bindgen writes its output in one line.
#[test]
fn bindings_without_format() {
    let declared = |name| {
        let text = r#"impl flags { pub fn bits (& self) -> u8 { self . bits ; 0 } } unsafe extern "C" { pub fn first (a : * mut flags) -> [u8 ; 2usize] ; # [doc = "{ ;"] pub fn bits () ; } pub fn second () ;"#;
        bindings::find(text, name).map(|item| item.to_token_stream().to_string())
    };
    let tokens = |text: &str| text.parse::<TokenStream>().unwrap().to_string();
    let first = declared("first").expect("it is there");
    let expected = tokens("pub fn first(a: *mut flags) -> [u8; 2usize];");
    assert_eq!(first, expected);
    let bits = declared("bits").expect("it is behind a method of that name");
    assert!(bits.ends_with(&tokens("pub fn bits();")), "{bits}");
    // These are outside of the block, not whole names, or no names of C.
    for name in ["second", "firs", "flags", "irst", "", "r#first", " first"] {
        assert_eq!(declared(name), None, "{name}");
    }
}

/// Collects the items of an expansion that the tests below look at.
#[derive(Default)]
struct Items {
    functions: Vec<String>,
    modules: Vec<String>,
    /// The arguments of `import_record!`.
    records: Vec<String>,
}

impl<'ast> Visit<'ast> for Items {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.functions.push(function.sig.ident.to_string());
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.modules.push(module.ident.to_string());
        syn::visit::visit_item_mod(self, module);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        let name = invocation.path.segments.last();
        if name.is_some_and(|name| name.ident == "import_record") {
            self.records
                .push(without_space(&invocation.tokens.to_string()));
        }
    }
}

/// A correct declaration.
#[derive(Clone, Debug)]
struct EntrySpec {
    name: String,
    optional: bool,
    unverified: bool,
    position: Option<u32>,
    kernel_name: Option<String>,
    vis: &'static str,
    ty: String,
}

impl EntrySpec {
    fn is_data(&self) -> bool {
        !self.ty.contains("fn(")
    }
}

fn identifier() -> impl Strategy<Value = String> {
    // `syn` knows the keywords.
    "[a-zA-Z_][a-zA-Z0-9_]{0,12}".prop_filter("not a name", |name| {
        syn::parse_str::<Ident>(name).is_ok()
            && !name.starts_with("__k")
            && !name.starts_with("__K")
            && !name.starts_with("resolve_imports")
    })
}

fn ty() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec![
            "u8",
            "c_int",
            "*mut se_cmd",
            "&u8",
            "kernel::bindings::file"
        ])
        .prop_map(str::to_owned),
        identifier(),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|ty| format!("*const {ty}")),
            inner.clone().prop_map(|ty| format!("[{ty}; 4]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("Map<{a}, {b}>")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}, {b})")),
        ]
    })
}

fn function() -> impl Strategy<Value = String> {
    let qualifier = select(vec!["", "unsafe ", "extern \"C\" ", "unsafe extern \"C\" "]);
    // The names are numbered, as none may come twice.
    let argument = (select(vec!["", "_: ", "a", "arg"]), ty());
    let output = option::of(prop_oneof![ty(), Just("!".to_owned())]);
    (qualifier, vec(argument, 0..5), output).prop_map(|(qualifier, arguments, output)| {
        let arguments: Vec<_> = arguments
            .into_iter()
            .enumerate()
            .map(|(index, (name, ty))| match name {
                "a" | "arg" => format!("{name}{}: {ty}", index + 1),
                name => format!("{name}{ty}"),
            })
            .collect();
        let output = output.map(|ty| format!(" -> {ty}")).unwrap_or_default();
        format!("{qualifier}fn({}){output}", arguments.join(", "))
    })
}

prop_compose! {
    fn entry_spec()(
        name in identifier(),
        optional in any::<bool>(),
        unverified in any::<bool>(),
        position in option::of(1..=u32::MAX),
        kernel_name in option::of("[a-zA-Z_.$][a-zA-Z0-9_.$]{0,20}"),
        vis in select(vec!["", "pub", "pub(crate)", "pub(self)"]),
        ty in prop_oneof![ty(), function()],
    ) -> EntrySpec {
        EntrySpec { name, optional, unverified, position, kernel_name, vis, ty }
    }
}

#[derive(Clone, Debug)]
struct BlockSpec {
    name: String,
    provider: Option<String>,
    entries: Vec<EntrySpec>,
}

fn entries() -> impl Strategy<Value = Vec<EntrySpec>> {
    vec(entry_spec(), 1..6).prop_map(|mut entries| {
        let mut seen = HashSet::new();
        entries.retain(|entry| seen.insert(entry.name.clone()));
        entries
    })
}

/// Makes blocks, or one block without a name for the bare form.
fn declaration() -> impl Strategy<Value = Vec<BlockSpec>> {
    let provider = option::of("[a-z_][a-z0-9_]{0,54}".prop_filter("no module", |p| p != "vmlinux"));
    let block =
        (identifier(), provider, entries()).prop_map(|(name, provider, entries)| BlockSpec {
            name,
            provider,
            entries,
        });
    let blocks = vec(block, 1..4).prop_map(|mut blocks| {
        let mut seen = HashSet::new();
        blocks.retain(|block| seen.insert(block.name.clone()));
        blocks
    });
    let bare = entries().prop_map(|entries| {
        vec![BlockSpec {
            name: String::new(),
            provider: None,
            entries,
        }]
    });
    prop_oneof![blocks, bare]
}

fn source(blocks: &[BlockSpec]) -> String {
    let mut source = String::new();
    for block in blocks {
        let bare = block.name.is_empty();
        if !bare {
            source += &format!("mod {} ", block.name);
            if let Some(provider) = &block.provider {
                source += &format!("from {provider:?} ");
            }
            source += "{\n";
        }
        for entry in &block.entries {
            if entry.optional {
                source += "#[optional] ";
            }
            if let Some(name) = &entry.kernel_name {
                source += &format!("#[name = {name:?}] ");
            }
            if let Some(position) = entry.position {
                source += &format!("#[position = {position}] ");
            }
            if entry.unverified {
                source += "#[unverified] ";
            }
            source += &format!("{} {}: {},\n", entry.vis, entry.name, entry.ty);
        }
        if !bare {
            source += "}\n";
        }
    }
    source
}

/// Makes tokens that have a meaning in the grammar, in any order.
fn token_soup() -> impl Strategy<Value = TokenStream> {
    let words = "mod from fn pub unsafe extern static const for impl dyn optional name position \
        unverified doc cfg self a b u8 r#type _ mut";
    let word = select(words.split_whitespace().collect::<Vec<_>>())
        .prop_map(|word| word.parse::<TokenStream>().unwrap());
    let punct = select("#!:,;=->&*<.+?'".chars().collect::<Vec<_>>());
    let spacing = select(vec![Spacing::Alone, Spacing::Joint]);
    let punct = (punct, spacing).prop_map(|(punct, spacing)| match punct {
        // A lone quote is no token.
        '\'' => quote!('a),
        punct => TokenTree::from(Punct::new(punct, spacing)).into(),
    });
    let literal = select(vec![
        Literal::string("a-b.ko"),
        Literal::string("C"),
        Literal::string(""),
        Literal::string("\0:"),
        Literal::u32_unsuffixed(0),
        Literal::u64_suffixed(u64::MAX),
        Literal::f32_suffixed(1.5),
        Literal::byte_string(b"x"),
    ])
    .prop_map(|literal| TokenTree::from(literal).into());
    let whole = select(vec![
        "a: fn()",
        "b: u8,",
        "#[optional]",
        "#[name = \"k\"]",
        "mod m",
        "from \"p\"",
        "fn f();",
        "a: Foo<A, B>,",
        "static S: u8;",
        "extern \"C\" { fn g(); }",
        "//! inner\n",
        "#[name = ]",
        "a: fn(x: _, ...)",
        "->",
        "::",
    ])
    .prop_map(|source| source.parse().unwrap());

    let leaf = prop_oneof![3 => word, 2 => punct, 1 => literal, 4 => whole];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let delimiter = select(vec![
            Delimiter::Brace,
            Delimiter::Bracket,
            Delimiter::Parenthesis,
            Delimiter::None,
        ]);
        prop_oneof![
            (delimiter, vec(inner.clone(), 0..8)).prop_map(|(delimiter, tokens)| {
                let tokens = tokens.into_iter().collect();
                TokenStream::from(TokenTree::from(Group::new(delimiter, tokens)))
            }),
            vec(inner, 0..8).prop_map(|tokens| tokens.into_iter().collect()),
        ]
    })
}

/// Chooses the place where a declaration is damaged, and the token to put there.
fn damage() -> impl Strategy<Value = (usize, Option<TokenStream>)> {
    (any::<usize>(), option::of(token_soup()))
}

/// Replaces the token at `place`, counted through all groups.
fn damaged(tokens: TokenStream, place: &mut usize, new: &Option<TokenStream>) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| {
            let here = *place == 0;
            *place = place.wrapping_sub(1);
            if here {
                return new.clone().unwrap_or_default();
            }
            match token {
                TokenTree::Group(group) => {
                    let inner = damaged(group.stream(), place, new);
                    TokenTree::from(Group::new(group.delimiter(), inner)).into()
                }
                token => token.into(),
            }
        })
        .collect()
}

fn count(tokens: TokenStream) -> usize {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => 1 + count(group.stream()),
            _ => 1,
        })
        .sum()
}

/// Checks that any input gives items: either the expansion, or only errors.
fn items_or_errors(input: TokenStream) -> Result<(), TestCaseError> {
    let output = run(input.clone());
    let file = syn::parse2::<syn::File>(output)
        .map_err(|error| TestCaseError::fail(format!("{error} for {input}")))?;
    let is_error = |item: &Item| {
        matches!(item, Item::Macro(item) if item.mac.path.segments.last()
        .is_some_and(|segment| segment.ident == "compile_error"))
    };
    let errors = file.items.iter().filter(|item| is_error(item)).count();
    prop_assert!(!file.items.is_empty());
    prop_assert!(errors == 0 || errors == file.items.len(), "{input}");
    Ok(())
}

proptest! {
    #[test]
    fn declarations_round_trip(blocks in declaration()) {
        let source = source(&blocks);
        let output = run(source.parse().unwrap());
        let file: syn::File = syn::parse2(output.clone()).unwrap();
        let mut items = Items::default();
        items.visit_file(&file);

        let (mut functions, mut records) = (Vec::new(), Vec::new());
        for block in &blocks {
            for entry in &block.entries {
                functions.push(entry.name.clone());
                let EntrySpec { name, optional, unverified, .. } = entry;
                let kind = if entry.is_data() { "Data" } else { "Function" };
                let position = entry.position.unwrap_or(0);
                let provider = block.provider.as_deref().unwrap_or_default();
                let kernel_name = entry.kernel_name.as_ref().unwrap_or(name);
                records.push(without_space(&format!(
                    "{kind}, policy: Strict, optional: {optional}, unverified: {unverified},
                     position: {position}, block: {:?}, provider: {provider:?},
                     name: {kernel_name:?}, rust_name: {name:?},
                     description: __KIMPORT_TYPE_{name},",
                    block.name,
                )));
            }
            functions.push("resolve_imports".to_owned());
            functions.push("resolve_imports_from".to_owned());
        }
        let modules: Vec<_> = blocks.iter().map(|b| b.name.clone()).filter(|n| !n.is_empty()).collect();
        prop_assert_eq!(items.functions, functions, "{}", source);
        prop_assert_eq!(items.modules, modules);
        prop_assert_eq!(items.records, records);
    }

    #[test]
    fn token_soup_never_panics(tokens in token_soup()) {
        items_or_errors(tokens)?;
    }

    #[test]
    fn damaged_declarations_never_panic(blocks in declaration(), (place, new) in damage()) {
        let tokens: TokenStream = source(&blocks).parse().unwrap();
        let mut place = place % count(tokens.clone());
        items_or_errors(damaged(tokens, &mut place, &new))?;
    }
}
