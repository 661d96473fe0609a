// SPDX-License-Identifier: GPL-2.0

//! The table of the layouts that the types of a block lead to.
//!
//! The output of bindgen has the names of members, but only the compiler knows where it put them.
//! So the names come from the files, and each offset and size from an expression that the compiler
//! evaluates, `&raw const (*command).se_dev`. The type of the next struct is inferred from that of
//! such a member, because the place of the invocation may not be able to name it.
//!
//! The structs of a kernel are connected. So a table has the types that the declarations name, and
//! room only for the nearest behind these. Of the latter, the types of the module's own bindings
//! come before those of `kernel::bindings`: they are those of whatever provider the module is
//! given, and the others are those of the kernel that it was compiled for.

use crate::{
    bindings::{is_reserved, Bindings, PRIMITIVES},
    definitions::Definition,
    model::{bare, Block, Entry},
};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};
use std::collections::{HashMap, HashSet, VecDeque};
use syn::{
    ext::IdentExt,
    spanned::Spanned,
    visit::{self, Visit},
    GenericArgument, PathArguments, Type, TypeBareFn, TypePath,
};

/// The size in bytes, by a low estimate, from which on no more types are looked for. The table has
/// room for fewer, and drops the others.
const ENOUGH: usize = 6000;

/// The most types of a table.
const TYPES: usize = 250;

/// The deepest nesting of nameless structs and unions, and of typedefs.
const DEPTH: usize = 16;

/// In place of the number of a file: bindgen did not make the type.
const OWN: usize = usize::MAX;

/// A definition: the number of its file, and its name.
pub(crate) type Key = (usize, String);

/// A struct, union or enum of a table.
struct Node {
    key: Key,
    origin: Origin,
    /// [`None`] if nothing is known of it.
    body: Option<Body>,
}

/// The way in which the compiler is told which type is meant.
enum Origin {
    /// By the type in a declaration.
    Declared(TypePath),
    /// By the type in a declaration, which bindgen did not make.
    Own(TypePath),
    /// By the member of another type.
    Member(usize, Member),
}

enum Body {
    Members {
        is_union: bool,
        members: Vec<Member>,
    },
    Enumerators {
        ty: Ident,
        values: Vec<(String, i64)>,
    },
}

/// A member as C sees it.
#[derive(Clone)]
struct Member {
    name: String,
    /// The fields that lead to it. All but the last one are nameless in C.
    place: Vec<Field>,
    /// For a bit-field, the first bit in the last field, and the number of bits.
    bits: Option<(usize, usize)>,
    value: Value,
}

/// A field in the output of bindgen.
#[derive(Clone)]
struct Field {
    name: Ident,
    /// Set if bindgen has put the type into `__BindgenUnionField`, because it is not `Copy`.
    is_wrapped: bool,
}

/// The value of a member, as far as it can be read from its type.
#[derive(Clone)]
struct Value {
    shape: Shape,
    /// The steps from the type of the member to that which it leads to.
    steps: Vec<Step>,
    leads_to: Option<Key>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Number,
    Pointer,
    Other,
}

#[derive(Clone, Copy)]
enum Step {
    ConstPointer,
    MutPointer,
    Element,
}

/// The types that the declarations of a block lead to.
struct Graph<'a> {
    bindings: &'a Bindings,
    seen: HashSet<Key>,
    /// The types that are yet to be taken: those of declarations, the others of the module's own
    /// bindings, and the others of the kernel's.
    queues: [VecDeque<(Key, Origin)>; 3],
}

/// A table in the making.
pub(crate) struct Table {
    /// The expression of its `LayoutTableBuilder`.
    pub(crate) builder: TokenStream,
    /// The names of all members and enumerators.
    pub(crate) names: Vec<String>,
}

/// Returns the table of `block`, or [`None`] if there is nothing to put into it.
pub(crate) fn table(block: &Block, bindings: &Bindings) -> Option<Table> {
    let mut graph = Graph {
        bindings,
        seen: HashSet::new(),
        queues: Default::default(),
    };
    for entry in &block.entries {
        graph.add_declared(entry);
    }
    let mut nodes: Vec<Node> = Vec::new();
    let (mut declared, mut size) = (0, 0);
    while let Some((key, origin)) = graph.next().filter(|_| nodes.len() < TYPES) {
        match origin {
            Origin::Member(..) if size >= ENOUGH => break,
            Origin::Member(..) => {}
            _ => declared += 1,
        }
        let body = body(bindings, &key);
        if let Some(Body::Members { members, .. }) = &body {
            for member in members {
                graph.add_behind(nodes.len(), member);
            }
        }
        size += 8 + 5 * body.as_ref().map_or(0, Body::len);
        nodes.push(Node { key, origin, body });
    }
    let is_empty = |node: &Node| node.body.is_none() && !matches!(node.origin, Origin::Own(_));
    if nodes.iter().all(is_empty) {
        return None;
    }
    let numbers = nodes
        .iter()
        .enumerate()
        .map(|(number, node)| (&node.key, number));
    let numbers: HashMap<&Key, usize> = numbers.collect();
    let types = nodes.iter().enumerate();
    let mut types = types.map(|(number, node)| expand_node(number, node, &numbers, bindings));
    let declared: TokenStream = types.by_ref().take(declared).collect();
    let others: TokenStream = types.collect();
    let (name, provider) = (block.name(), block.provider().unwrap_or_default());
    let builder = quote! {{
        #[allow(unused_imports)]
        use ::kimport::types::macro_support::{
            behind_const, behind_mut, element, size, union_field, DifferentType as _, LayoutProbe,
            OpaqueLayout as _, SameType,
        };
        let mut __kimport_table = ::kimport::types::LayoutTableBuilder::new(#name, #provider);
        #declared
        __kimport_table.end_of_declared();
        #others
        __kimport_table.finish()
    }};
    let bodies = nodes.iter().filter_map(|node| node.body.as_ref());
    let mut names: Vec<String> = bodies.flat_map(Body::names).collect();
    names.sort();
    names.dedup();
    Some(Table { builder, names })
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Self::Members { members, .. } => members.len(),
            Self::Enumerators { values, .. } => values.len(),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Members { members, .. } => {
                members.iter().map(|member| member.name.clone()).collect()
            }
            Self::Enumerators { values, .. } => {
                values.iter().map(|(name, _)| name.clone()).collect()
            }
        }
    }
}

impl Graph<'_> {
    /// Adds the types that a declaration names. An entry with a `#[cfg]` adds none, as only the
    /// compiler knows whether its types exist.
    fn add_declared(&mut self, entry: &Entry) {
        struct Paths<'p>(Vec<&'p TypePath>);

        impl<'p> Visit<'p> for Paths<'p> {
            fn visit_type_path(&mut self, path: &'p TypePath) {
                self.0.push(path);
                visit::visit_type_path(self, path);
            }

            // The types behind a pointer to a function are not compared.
            fn visit_type_bare_fn(&mut self, _: &'p TypeBareFn) {}
        }

        if entry.unverified || !entry.attributes.cfgs.is_empty() {
            return;
        }
        let mut paths = Paths(Vec::new());
        match bare(&entry.ty) {
            Type::BareFn(function) => visit::visit_type_bare_fn(&mut paths, function),
            ty => paths.visit_type(ty),
        }
        for path in paths.0 {
            let Some(last) = path
                .path
                .segments
                .last()
                .filter(|last| last.arguments.is_empty())
            else {
                continue;
            };
            let name = last.ident.unraw().to_string();
            if name.starts_with("c_") || PRIMITIVES.contains(&&*name) {
                continue;
            }
            if self.bindings.find(None, &name).is_none() {
                self.add((OWN, name), Origin::Own(path.clone()));
                continue;
            }
            let value = value(self.bindings, None, &Type::Path(path.clone()));
            if let Some(key) = value.leads_to {
                // A typedef of a pointer is not the type that the path names.
                if value.steps.is_empty() {
                    self.add(key, Origin::Declared(path.clone()));
                }
            }
        }
    }

    /// Adds the type that a member leads to.
    fn add_behind(&mut self, node: usize, member: &Member) {
        if let Some(key) = member.value.leads_to.clone() {
            self.add(key, Origin::Member(node, member.clone()));
        }
    }

    fn add(&mut self, key: Key, origin: Origin) {
        if self.seen.insert(key.clone()) {
            let queue = match origin {
                Origin::Declared(_) | Origin::Own(_) => 0,
                Origin::Member(..) => 1 + usize::from(self.bindings.is_kernel(key.0)),
            };
            self.queues[queue].push_back((key, origin));
        }
    }

    fn next(&mut self) -> Option<(Key, Origin)> {
        self.queues.iter_mut().find_map(VecDeque::pop_front)
    }
}

/// Returns what is known of a type.
fn body(bindings: &Bindings, key: &Key) -> Option<Body> {
    if key.0 == OWN {
        return None;
    }
    let values = bindings.enumerators(key);
    if !values.is_empty() {
        let ty = match bindings.definition(key)? {
            Definition::Alias(ty) | Definition::Newtype(ty) => integer(bindings, key.0, &ty)?,
            Definition::Fields { .. } => return None,
        };
        let values = values.to_vec();
        return Some(Body::Enumerators { ty, values });
    }
    let mut members = Vec::new();
    let is_union = add_members(bindings, key, &[], DEPTH, &mut members)?;
    Some(Body::Members { is_union, members })
}

/// Returns the name of the primitive type, or of the type of C, that a type is a typedef of.
fn integer(bindings: &Bindings, file: usize, ty: &Type) -> Option<Ident> {
    let mut next = (file, ty.clone());
    for _ in 0..DEPTH {
        let (file, ty) = next;
        let Type::Path(path) = bare(&ty) else {
            return None;
        };
        let ident = &path.path.segments.last()?.ident;
        let name = ident.to_string();
        if name.starts_with("c_") || PRIMITIVES.contains(&&*name) {
            return Some(Ident::new(&name, Span::mixed_site()));
        }
        let key = bindings.find(Some(file), &name)?;
        let Definition::Alias(ty) = bindings.definition(&key)? else {
            return None;
        };
        next = (key.0, ty);
    }
    None
}

/// Adds the members of a struct or union, to which the fields `place` lead. Returns whether it is a
/// union; [`None`] if bindgen does not know its members.
fn add_members(
    bindings: &Bindings,
    key: &Key,
    place: &[Field],
    depth: usize,
    members: &mut Vec<Member>,
) -> Option<bool> {
    let Definition::Fields { is_union, fields } = bindings.definition(key)? else {
        return None;
    };
    let opaque = ["_unused", "_address", "_bindgen_opaque_blob"];
    if fields.iter().any(|(name, _)| opaque.contains(&&**name)) {
        return None;
    }
    let bit_fields = bindings.bit_fields(key);
    for (name, ty) in fields {
        let (is_wrapped, ty) = match generic(&ty, "__BindgenUnionField") {
            Some(inner) => (true, inner),
            None => (false, ty),
        };
        let mut place = place.to_vec();
        place.push(Field {
            name: syn::parse_str(&name).ok()?,
            is_wrapped,
        });
        if name.starts_with("_bitfield_") {
            for bits in bit_fields.iter().filter(|bits| bits.unit == name) {
                members.push(Member {
                    name: c_name(&bits.name),
                    place: place.clone(),
                    bits: Some((bits.offset, bits.bits)),
                    value: Value {
                        shape: Shape::Number,
                        steps: Vec::new(),
                        leads_to: None,
                    },
                });
            }
            continue;
        }
        let value = value(bindings, Some(key.0), &ty);
        if name.starts_with("__bindgen_anon_") {
            // Of a nameless type that is not known, the members are missing here.
            if let Some(inner) = value.leads_to.filter(|_| depth > 0) {
                let _ = add_members(bindings, &inner, &place, depth - 1, members);
            }
        } else if !name.starts_with("__bindgen_") {
            members.push(Member {
                name: c_name(&name),
                place,
                bits: None,
                value,
            });
        }
    }
    Some(is_union)
}

/// Returns the name that C has for an item of bindgen.
pub(crate) fn c_name(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    match name.strip_suffix('_') {
        Some(reserved) if !reserved.is_empty() && is_reserved(reserved) => reserved.to_owned(),
        _ => name.to_owned(),
    }
}

/// Returns the type argument of `ty`, if its name is `name`.
fn generic(ty: &Type, name: &str) -> Option<Type> {
    let Type::Path(path) = bare(ty) else {
        return None;
    };
    let last = path
        .path
        .segments
        .last()
        .filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    }
}

/// Returns what is known of a value whose type is written in `file`, or in a declaration.
fn value(bindings: &Bindings, mut file: Option<usize>, ty: &Type) -> Value {
    let mut ty = ty.clone();
    let mut steps = Vec::new();
    let mut is_pointer = false;
    let mut known = (Shape::Other, None);
    for _ in 0..DEPTH {
        if let Some(element) = generic(&ty, "__IncompleteArrayField") {
            known.0 = value(bindings, file, &element).shape;
            break;
        }
        ty = match bare(&ty) {
            Type::Ptr(pointer) => {
                // The outermost pointer makes the value one. Arrays around it do not matter.
                is_pointer = true;
                steps.push(match pointer.const_token {
                    Some(_) => Step::ConstPointer,
                    None => Step::MutPointer,
                });
                (*pointer.elem).clone()
            }
            Type::Array(array) => {
                steps.push(Step::Element);
                (*array.elem).clone()
            }
            Type::BareFn(_) => {
                known.0 = Shape::Pointer;
                break;
            }
            Type::Path(path) => {
                let Some(last) = path.path.segments.last() else {
                    break;
                };
                let name = last.ident.unraw().to_string();
                if name == "Option" {
                    known.0 = Shape::Pointer;
                    break;
                }
                if name != "c_void" && (name.starts_with("c_") || PRIMITIVES.contains(&&*name)) {
                    known.0 = Shape::Number;
                    break;
                }
                let Some(key) = bindings.find(file, &name) else {
                    break;
                };
                let is_enum = !bindings.enumerators(&key).is_empty();
                match bindings.definition(&key) {
                    Some(Definition::Alias(_) | Definition::Newtype(_)) if is_enum => {
                        known = (Shape::Number, Some(key));
                        break;
                    }
                    Some(Definition::Alias(alias)) => {
                        file = Some(key.0);
                        alias
                    }
                    Some(Definition::Newtype(_)) => {
                        known.0 = Shape::Number;
                        break;
                    }
                    Some(Definition::Fields { .. }) => {
                        known = (Shape::Other, Some(key));
                        break;
                    }
                    None => break,
                }
            }
            _ => break,
        };
    }
    let shape = if is_pointer { Shape::Pointer } else { known.0 };
    Value {
        shape,
        steps,
        leads_to: known.1,
    }
}

/// Generates the statements that put a type into the table.
fn expand_node(
    number: usize,
    node: &Node,
    numbers: &HashMap<&Key, usize>,
    bindings: &Bindings,
) -> TokenStream {
    let name = &node.key.1;
    // A type that C does not name has such a name.
    let name = if name.contains("_bindgen_ty_") {
        ""
    } else {
        name
    };
    let name = Literal::byte_string(c_name(name).as_bytes());
    let name = quote!(::kimport::types::name_hash(#name));
    let (pointer, is_known_ident) = (pointer_of(number), is_known_of(number));
    let (ty, members) = match &node.body {
        None => {
            return match &node.origin {
                Origin::Own(path) => own(&name, path),
                _ => quote!(__kimport_table.unknown();),
            }
        }
        Some(Body::Enumerators { ty, values }) => {
            let ty = match ty.to_string().starts_with("c_") {
                true => quote!(::core::ffi::#ty),
                false => quote!(#ty),
            };
            let count = values.len();
            let values = values.iter().map(|(name, value)| {
                let name = member_hash(name);
                let value = Literal::i64_suffixed(*value);
                quote!(__kimport_table.enumerator(#name, #value);)
            });
            return quote! {
                __kimport_table.begin(
                    ::kimport::types::Keyword::Enum, #name, ::core::mem::size_of::<#ty>(), #count,
                );
                #(#values)*
            };
        }
        Some(Body::Members { is_union, members }) => (is_union, members),
    };
    let keyword = if *ty { quote!(Union) } else { quote!(Struct) };
    let count = members.len();
    // If the declared type is not that of the files, the compiler's error is shown there.
    let shown_at = match &node.origin {
        Origin::Declared(path) => path.span(),
        _ => Span::call_site(),
    };
    let members = members.iter().map(|member| {
        let hash = member_hash(&member.name);
        let place = place_of(&pointer, &member.place, shown_at);
        let (bit, size) = match member.bits {
            Some((bit, bits)) => (bit, quote!((#bits, true))),
            None => (0, quote!((size(__kimport_place), false))),
        };
        let shape = match member.value.shape {
            Shape::Number => quote!(Number),
            Shape::Pointer => quote!(Pointer),
            Shape::Other => quote!(Other),
        };
        let leads_to = member
            .value
            .leads_to
            .as_ref()
            .and_then(|key| numbers.get(key));
        let leads_to = match leads_to.and_then(|&number| u8::try_from(number).ok()) {
            Some(number) => quote!(::core::option::Option::Some(#number)),
            None => quote!(::core::option::Option::None),
        };
        quote! {
            let __kimport_place = #place;
            // SAFETY: The place is in the memory that the pointer points to.
            let __kimport_offset = unsafe { __kimport_place.byte_offset_from(#pointer) };
            __kimport_table.member(
                #hash,
                __kimport_offset as usize * 8 + #bit,
                #size,
                ::kimport::types::Shape::#shape,
                #leads_to,
            );
        }
    });
    let known = quote! {
        __kimport_table.begin(::kimport::types::Keyword::#keyword, #name, size(#pointer), #count);
        #(#members)*
    };
    let unknown = quote!(__kimport_table.unknown(););
    let (located, otherwise) = match &node.origin {
        Origin::Own(path) => return own(&name, path),
        Origin::Declared(path) => {
            let uninit = uninit_of(number);
            let ident = Ident::new(&node.key.1, Span::call_site());
            let (ty, is_known) = match bindings.is_kernel(node.key.0) {
                // A struct of the module's own may have the name.
                true => (
                    quote!(::kernel::bindings::#ident),
                    quote!(SameType::<#path, ::kernel::bindings::#ident>::SAME),
                ),
                false => (quote!(#path), quote!(true)),
            };
            let located = quote! {
                let #is_known_ident = #is_known;
                let #uninit = ::core::mem::MaybeUninit::<#ty>::uninit();
                let #pointer = #uninit.as_ptr();
            };
            (located, own(&name, path))
        }
        Origin::Member(parent, member) => {
            let place = place_of(&pointer_of(*parent), &member.place, shown_at);
            let parent = is_known_of(*parent);
            let steps = member.value.steps.iter().enumerate().map(|(step, kind)| {
                let function = match kind {
                    Step::ConstPointer => quote!(behind_const),
                    Step::MutPointer => quote!(behind_mut),
                    Step::Element => quote!(element),
                };
                let uninit = format_ident!("{}_{step}", uninit_of(number));
                quote! {
                    let #uninit = #function(#pointer);
                    let #pointer = #uninit.as_ptr();
                }
            });
            let located = quote! {
                let #is_known_ident = #parent;
                let #pointer = #place;
                #(#steps)*
            };
            (located, unknown)
        }
    };
    quote! {
        #located
        if #is_known_ident {
            #known
        } else {
            #otherwise
        }
    }
}

/// Generates the statement for a type that bindgen did not make.
fn own(name: &TokenStream, path: &TypePath) -> TokenStream {
    quote! {
        __kimport_table.own(
            #name, ::core::mem::size_of::<#path>(), LayoutProbe::<#path>::LAYOUT,
        );
    }
}

/// Returns the variable that is set if a type is what the files define.
fn is_known_of(number: usize) -> Ident {
    format_ident!("__kimport_is_known_{number}", span = Span::mixed_site())
}

/// Returns the variable that points to an uninitialised value of a type.
fn pointer_of(number: usize) -> Ident {
    format_ident!("__kimport_pointer_{number}", span = Span::mixed_site())
}

/// Returns the variable that has the uninitialised value.
fn uninit_of(number: usize) -> Ident {
    format_ident!("__kimport_uninit_{number}", span = Span::mixed_site())
}

/// Returns the expression of the pointer to a member.
fn place_of(pointer: &Ident, fields: &[Field], shown_at: Span) -> TokenStream {
    let mut place = quote!(#pointer);
    for fields in fields.chunk_by(|before, _| !before.is_wrapped) {
        let names = fields.iter().map(|field| {
            let mut name = field.name.clone();
            name.set_span(Span::call_site().located_at(shown_at));
            name
        });
        // The memory is only addressed, never read.
        place = quote!(unsafe { &raw const (*#place)#(.#names)* });
        if fields.last().is_some_and(|field| field.is_wrapped) {
            // The function only tells the type, and is not called.
            place = quote!(union_field(#place, |field| unsafe { field.as_ref() }));
        }
    }
    place
}

/// Returns the expression of a name's hash.
fn member_hash(name: &str) -> TokenStream {
    let name = Literal::byte_string(name.as_bytes());
    quote!(::kimport::types::member_hash(#name))
}
