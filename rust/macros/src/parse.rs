// SPDX-License-Identifier: GPL-2.0

//! Turns tokens into the [`model`](crate::model).
//!
//! The parser never stops at an error: it reports it and goes on at the next entry or block.
//! Entries and headers are parsed on a fork. Otherwise `syn` would remember in the stream where a
//! nested group was left in the middle, and report that a second time.

use crate::{
    diagnostics::{self as message, DiagCtxt},
    model::{literal, Block, Entry, Header, ItemAttributes},
};
use proc_macro2::{Delimiter, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    braced,
    buffer::Cursor,
    ext::IdentExt,
    parse::{discouraged::Speculative, ParseStream, Parser},
    spanned::Spanned,
    Attribute, Lit, LitStr, Meta, Path, Result, Token, Type, Visibility,
};

/// Parses one invocation. Returns everything that could be parsed, even if `dcx` got errors.
pub(crate) fn parse(tokens: TokenStream, dcx: &mut DiagCtxt) -> Vec<Block> {
    let mut blocks = Vec::new();
    let parser = |input: ParseStream<'_>| {
        invocation(input, &mut blocks, dcx);
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        dcx.add(error);
    }
    blocks
}

fn invocation(input: ParseStream<'_>, blocks: &mut Vec<Block>, dcx: &mut DiagCtxt) {
    if input.is_empty() {
        return;
    }
    let mut bare = Block {
        verify: inner_attributes(input, dcx),
        ..Block::default()
    };
    let use_at = input.span();
    bindings(input, &mut bare, dcx);
    let first_is_block = starts_block(input.cursor());
    if first_is_block && bare.bindings.is_some() {
        dcx.error(use_at, message::MISPLACED_USE, &[]);
    }
    let mut mixed = false;
    while !input.is_empty() {
        let is_block = starts_block(input.cursor());
        if is_block != first_is_block && !mixed {
            mixed = true;
            dcx.error(input.span(), message::MIXED_FORMS, &[]);
        }
        if is_block {
            blocks.extend(block(input, dcx));
        } else {
            next_entry(input, &mut bare, dcx);
        }
    }
    if !first_is_block || mixed {
        blocks.push(bare);
    }
}

/// Parses the inner attributes that bare entries may begin with.
fn inner_attributes(input: ParseStream<'_>, dcx: &mut DiagCtxt) -> Option<Ident> {
    let fork = input.fork();
    let attributes = fork.call(Attribute::parse_inner).ok()?;
    // Before a block, and behind the first entry, the parsers of those report them.
    if attributes.is_empty() || starts_block(fork.cursor()) {
        return None;
    }
    input.advance_to(&fork);
    let mut policy = None;
    for attribute in attributes {
        let path = attribute.path();
        if !path.is_ident("verify") {
            dcx.error(attribute.span(), message::INNER_ATTRIBUTE, &[]);
        } else if policy.is_some() {
            dcx.error(path.span(), message::REPEATED_ATTRIBUTE, &[&"verify"]);
        } else {
            policy = verify(&attribute, dcx);
        }
    }
    policy
}

/// Parses the `use` that the entries of `block` may begin with.
fn bindings(input: ParseStream<'_>, block: &mut Block, dcx: &mut DiagCtxt) {
    while input.peek(Token![use]) {
        let fork = input.fork();
        let item = || -> Result<Path> {
            fork.parse::<Token![use]>()?;
            let path = fork.call(Path::parse_mod_style)?;
            fork.parse::<Token![;]>()?;
            Ok(path)
        };
        match item() {
            Ok(path) => {
                if block.bindings.is_some() {
                    dcx.error(input.span(), message::REPEATED_USE, &[]);
                }
                input.advance_to(&fork);
                block.bindings = Some(path);
            }
            Err(error) => {
                dcx.error(error.span(), message::MALFORMED_USE, &[]);
                block.incomplete = true;
                skip_entry(input);
            }
        }
    }
}

/// Returns the policy of `verify(policy)`.
fn verify(attribute: &Attribute, dcx: &mut DiagCtxt) -> Option<Ident> {
    let policy = attribute.parse_args().ok().and_then(|policy: Ident| {
        let policy = match policy.to_string().as_str() {
            "strict" => "Strict",
            "warn" => "Warn",
            "off" => "Off",
            "require" => "Require",
            _ => return None,
        };
        Some(Ident::new(policy, Span::call_site()))
    });
    if policy.is_none() {
        dcx.error(attribute.meta.span(), message::MALFORMED_VERIFY, &[]);
    }
    policy
}

/// Parses a block; [`None`] if its header is broken.
fn block(input: ParseStream<'_>, dcx: &mut DiagCtxt) -> Option<Block> {
    let fork = input.fork();
    let mut block = match header(&fork, dcx) {
        Ok(block) => block,
        Err(error) => {
            dcx.add(error);
            skip_block(input);
            return None;
        }
    };
    input.advance_to(&fork);

    let mut body = || -> Result<()> {
        let content;
        braced!(content in input);
        bindings(&content, &mut block, dcx);
        while !content.is_empty() {
            next_entry(&content, &mut block, dcx);
        }
        Ok(())
    };
    // The header ends where a brace follows, so this cannot fail.
    if let Err(error) = body() {
        dcx.add(error);
    }
    Some(block)
}

/// Parses everything of a block that stands before its brace.
fn header(input: ParseStream<'_>, dcx: &mut DiagCtxt) -> Result<Block> {
    let mut block = Block::default();
    block.take_attributes(input.call(Attribute::parse_outer)?, dcx);
    let vis = input.parse()?;
    input.parse::<Token![mod]>()?;
    let name = input.parse()?;
    let mut provider = None;
    let next = input.cursor().ident();
    if next.is_some_and(|(ident, _)| ident == "from") {
        input.parse::<Ident>()?;
        if !input.peek(LitStr) {
            return Err(message::PROVIDER_NOT_STRING.at(input.span(), &[]));
        }
        provider = Some(input.parse()?);
    }
    if !input.peek(syn::token::Brace) {
        return Err(message::BLOCK_HEADER.at(input.span(), &[]));
    }
    block.module = Some(Header {
        vis,
        name,
        provider,
    });
    Ok(block)
}

/// Parses an entry and the comma behind it into `block`; after an error goes on at the next entry.
fn next_entry(input: ParseStream<'_>, block: &mut Block, dcx: &mut DiagCtxt) {
    let fork = input.fork();
    match entry(&fork, dcx) {
        Ok(entry) => {
            input.advance_to(&fork);
            block.entries.push(entry);
        }
        Err(error) => {
            dcx.add(error);
            block.incomplete = true;
            skip_entry(input);
            return;
        }
    }

    if input.is_empty() {
    } else if input.peek(Token![,]) {
        skip_token(input);
    } else if input.peek(Token![;]) {
        dcx.error(input.span(), message::SEMICOLON, &[]);
        skip_token(input);
    } else {
        dcx.error(input.span(), message::MISSING_COMMA, &[]);
        if !starts_entry(input.cursor()) && !starts_block(input.cursor()) {
            skip_entry(input);
        }
    }
}

fn entry(input: ParseStream<'_>, dcx: &mut DiagCtxt) -> Result<Entry> {
    for attribute in input.call(Attribute::parse_inner)? {
        dcx.error(attribute.span(), message::INNER_ATTRIBUTE, &[]);
    }
    let attributes = input.call(Attribute::parse_outer)?;
    if let (true, Some(last)) = (input.is_empty(), attributes.last()) {
        return Err(message::EXPECTED_NAME.at(last.span(), &[]));
    }
    let attributes = EntryAttributes::new(attributes, dcx);
    let vis: Visibility = input.parse()?;
    if let Some(error) = item_form(input.cursor()) {
        return Err(error);
    }
    if input.peek(Token![use]) && !input.peek2(Token![:]) {
        return Err(message::MISPLACED_USE.at(input.span(), &[]));
    }
    let name = name(input)?;

    if name == "from" && input.peek(LitStr) {
        let provider: LitStr = input.parse()?;
        let provider = format!("{:?}", provider.value());
        return Err(message::BARE_PROVIDER.at(name.span(), &[&provider]));
    }
    let missing_type = |span| {
        let name = name.to_string();
        message::MISSING_TYPE.at(span, &[&name, &name])
    };
    if input.is_empty() || input.peek(Token![,]) || input.peek(Token![;]) {
        return Err(missing_type(name.span()));
    }
    if !input.peek(Token![:]) || input.peek(Token![::]) {
        return Err(missing_type(input.span()));
    }
    input.parse::<Token![:]>()?;
    if input.is_empty() || input.peek(Token![,]) || input.peek(Token![;]) {
        return Err(missing_type(name.span()));
    }
    let ty: Type = input.parse()?;
    // syn accepts generic arguments behind an invisible group that holds a keyword. But it does not
    // accept the tokens that it makes of such a type.
    syn::parse2::<Type>(ty.to_token_stream())?;

    Ok(Entry {
        attributes: attributes.item_attributes,
        optional: attributes.optional,
        unverified: attributes.unverified,
        position: attributes.position,
        kernel_name: attributes.kernel_name,
        vis,
        name,
        ty,
        inferred: false,
        made_by_bindgen: false,
    })
}

fn name(input: ParseStream<'_>) -> Result<Ident> {
    if input.peek(syn::Ident) {
        return input.parse();
    }
    if input.peek(syn::Ident::peek_any) && input.peek2(Token![:]) && !input.peek(Token![_]) {
        let keyword = input.call(Ident::parse_any)?;
        return Err(message::KEYWORD.at(keyword.span(), &[&keyword, &keyword]));
    }
    Err(message::EXPECTED_NAME.at(input.span(), &[]))
}

impl ItemAttributes {
    /// Takes `attribute` if it is one that passes through, else gives it back.
    fn take(&mut self, attribute: Attribute) -> std::result::Result<(), Attribute> {
        if attribute.path().is_ident("doc") {
            self.docs.push(attribute);
        } else if attribute.path().is_ident("cfg") {
            self.cfgs.push(attribute);
        } else {
            return Err(attribute);
        }
        Ok(())
    }
}

impl Block {
    fn take_attributes(&mut self, attributes: Vec<Attribute>, dcx: &mut DiagCtxt) {
        let mut verify_at = None;
        for attribute in attributes {
            let Err(attribute) = self.attributes.take(attribute) else {
                continue;
            };
            let name = path_of(&attribute);
            let span = attribute.path().span();
            let place = match name.as_str() {
                "verify" => &mut verify_at,
                "autoload" => &mut self.autoload,
                "rebindable" => &mut self.rebindable,
                "late" => &mut self.late,
                "livepatch" => &mut self.livepatch,
                _ => {
                    dcx.error(span, message::UNKNOWN_BLOCK_ATTRIBUTE, &[&name]);
                    continue;
                }
            };
            if place.replace(span).is_some() {
                dcx.error(span, message::REPEATED_ATTRIBUTE, &[&name]);
            } else if name == "verify" {
                self.verify = verify(&attribute, dcx);
            } else if let Err(error) = flag(&name, &attribute.meta) {
                dcx.add(error);
            }
        }
    }
}

/// The attributes of an entry.
#[derive(Default)]
struct EntryAttributes {
    item_attributes: ItemAttributes,
    optional: bool,
    unverified: bool,
    position: Option<u32>,
    kernel_name: Option<LitStr>,
}

impl EntryAttributes {
    fn new(attributes: Vec<Attribute>, dcx: &mut DiagCtxt) -> Self {
        let mut this = Self::default();
        // Malformed attributes count, too, so that a repetition of one is reported.
        let mut seen = Vec::new();
        for attribute in attributes {
            let Err(attribute) = this.item_attributes.take(attribute) else {
                continue;
            };
            let name = path_of(&attribute);
            if seen.contains(&name) {
                let span = attribute.path().span();
                dcx.error(span, message::REPEATED_ATTRIBUTE, &[&name]);
                continue;
            }
            if let Err(error) = this.take(&name, &attribute.meta) {
                dcx.add(error);
            }
            seen.push(name);
        }
        this
    }

    fn take(&mut self, name: &str, meta: &Meta) -> Result<()> {
        match name {
            "optional" => self.optional = flag(name, meta)?,
            "unverified" => self.unverified = flag(name, meta)?,
            "name" => match literal(meta) {
                Some(Lit::Str(name)) if name.suffix().is_empty() => {
                    self.kernel_name = Some(name.clone());
                }
                _ => return Err(message::MALFORMED_NAME.at(value_span(meta), &[])),
            },
            "position" => match literal(meta) {
                Some(Lit::Int(position))
                    if position.suffix().is_empty()
                        && position
                            .base10_parse()
                            .is_ok_and(|position: u32| position > 0) =>
                {
                    self.position = Some(position.base10_parse()?);
                }
                _ => return Err(message::MALFORMED_POSITION.at(value_span(meta), &[])),
            },
            "autoload" | "rebindable" | "late" | "livepatch" => {
                return Err(message::BLOCK_ATTRIBUTE.at(meta.path().span(), &[&name]));
            }
            _ => return Err(message::UNKNOWN_ATTRIBUTE.at(meta.path().span(), &[&name])),
        }
        Ok(())
    }
}

fn flag(name: &str, meta: &Meta) -> Result<bool> {
    match meta {
        Meta::Path(_) => Ok(true),
        _ => Err(message::MALFORMED_FLAG.at(meta.span(), &[&name])),
    }
}

/// Returns the span for an error about the value.
fn value_span(meta: &Meta) -> Span {
    match meta {
        Meta::NameValue(pair) => pair.value.span(),
        _ => meta.span(),
    }
}

/// Returns the path of an attribute as the user wrote it.
fn path_of(attribute: &Attribute) -> String {
    let segments = &attribute.path().segments;
    let names: Vec<_> = segments.iter().map(|s| s.ident.to_string()).collect();
    names.join("::")
}

/// Returns the error for an item (`fn name(...);`, `static NAME: T;`) in place of an entry.
fn item_form(mut cursor: Cursor<'_>) -> Option<syn::Error> {
    let mut qualifier = None;
    while let Some((ident, rest)) = cursor.ident() {
        // `$i:ident` and raw identifiers are no keywords.
        let span = ident.span();
        match ident.to_string().as_str() {
            "fn" => {
                let (name, _) = rest.ident()?;
                return Some(message::ITEM_FUNCTION.at(span, &[&name]));
            }
            "static" | "const" => {
                cursor = rest;
                let (mut name, mut after) = rest.ident()?;
                if name == "mut" {
                    (name, after) = after.ident()?;
                }
                if after_colon(after).is_some() {
                    return Some(message::ITEM_STATIC.at(span, &[&name]));
                }
            }
            "extern" => {
                qualifier = Some(span);
                cursor = rest.literal().map_or(rest, |(_, rest)| rest);
            }
            "unsafe" | "async" => cursor = rest,
            _ => return None,
        }
    }
    cursor.group(Delimiter::Brace)?;
    Some(message::ITEM_EXTERN_BLOCK.at(qualifier?, &[]))
}

/// Returns the place behind the attributes and the visibility at `cursor`.
fn after_qualifiers(mut cursor: Cursor<'_>) -> Cursor<'_> {
    while let Some((punct, rest)) = cursor.punct() {
        if punct.as_char() != '#' {
            break;
        }
        match rest.group(Delimiter::Bracket) {
            Some((_, _, rest)) => cursor = rest,
            None => break,
        }
    }
    match cursor.ident() {
        Some((ident, rest)) if ident == "pub" => {
            let group = rest.group(Delimiter::Parenthesis);
            group.map_or(rest, |(_, _, rest)| rest)
        }
        _ => cursor,
    }
}

/// Returns the place behind a colon that is at `cursor`.
fn after_colon(cursor: Cursor<'_>) -> Option<Cursor<'_>> {
    let (punct, rest) = cursor.punct()?;
    (punct.as_char() == ':').then_some(rest)
}

fn starts_block(cursor: Cursor<'_>) -> bool {
    let ident = after_qualifiers(cursor).ident();
    ident.is_some_and(|(ident, _)| ident == "mod")
}

/// Returns whether an entry begins at `cursor`, or an item that was written in place of one.
fn starts_entry(cursor: Cursor<'_>) -> bool {
    let after = after_qualifiers(cursor);
    if after != cursor {
        return true;
    }
    let Some((_, rest)) = after.ident() else {
        return false;
    };
    // It must not be the start of a path.
    let colon = after_colon(rest).is_some_and(|rest| after_colon(rest).is_none());
    colon || item_form(after).is_some()
}

fn skip_token(input: ParseStream<'_>) -> Option<TokenTree> {
    // This only fails at the end.
    input.parse().ok()
}

/// Skips to the place where the next entry may begin, by at least one token.
///
/// A comma ends the entry, unless it is inside of `Foo<A, B>`. But the `>` may be missing.
fn skip_entry(input: ParseStream<'_>) {
    let mut depth = 0_u32;
    let mut arrow = false;
    while let Some(token) = skip_token(input) {
        let next = input.cursor();
        let found = match &token {
            TokenTree::Punct(punct) => {
                match punct.as_char() {
                    '<' => depth += 1,
                    '>' if !arrow => depth = depth.saturating_sub(1),
                    _ => {}
                }
                arrow = punct.as_char() == '-' && punct.spacing() == Spacing::Joint;
                match punct.as_char() {
                    ';' => true,
                    ',' => depth == 0 || starts_entry(next),
                    _ => false,
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => starts_entry(next),
            _ => false,
        };
        if found || starts_block(next) {
            return;
        }
    }
}

/// Skips behind the brace of a block whose header is broken, or to the next block.
fn skip_block(input: ParseStream<'_>) {
    // The first `mod` belongs to the broken header.
    while let Some(token) = skip_token(input) {
        if matches!(&token, TokenTree::Ident(ident) if ident == "mod") {
            break;
        }
    }
    while let Some(token) = skip_token(input) {
        let end = matches!(&token, TokenTree::Group(group)
            if group.delimiter() == Delimiter::Brace);
        if end || starts_block(input.cursor()) {
            return;
        }
    }
}
