// SPDX-License-Identifier: GPL-2.0

//! `#[derive(KnownLayout)]`: the members of a struct or union that bindgen did not make.

use crate::diagnostics as message;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{ext::IdentExt, spanned::Spanned, Data, DeriveInput, Fields, FieldsNamed, Token};
use syn::{punctuated::Punctuated, Meta};

/// Generates the implementation of `KnownLayout` for a struct or union.
pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Some(fields),
            _ => None,
        },
        Data::Union(data) => Some(&data.fields),
        Data::Enum(_) => None,
    };
    let is_repr_c = input.attrs.iter().any(|attribute| {
        let all = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        attribute.path().is_ident("repr")
            && all.is_ok_and(|all| all.iter().any(|meta| meta.path().is_ident("C")))
    });
    let fields = fields.filter(|_| is_repr_c && input.generics.params.is_empty());
    let Some(FieldsNamed { named, .. }) = fields else {
        return Err(message::NO_KNOWN_LAYOUT.at(input.ident.span(), &[&input.ident]));
    };
    let name = &input.ident;
    let is_union = matches!(input.data, Data::Union(_));
    let members = named.iter().filter_map(|field| {
        let (ident, ty) = (field.ident.as_ref()?, &field.ty);
        let member = ident.unraw().to_string();
        let span = ty.span();
        let shape = quote::quote_spanned!(span=> shape(Probe::<#ty>::TYPE));
        Some(quote! {
            ::kimport::types::OwnMember {
                name: #member,
                offset: ::core::mem::offset_of!(#name, #ident),
                size: ::core::mem::size_of::<#ty>(),
                shape: #shape,
            }
        })
    });
    Ok(quote! {
        impl ::kimport::types::KnownLayout for #name {
            const IS_UNION: bool = #is_union;
            const MEMBERS: &'static [::kimport::types::OwnMember] = {
                #[allow(unused_imports)]
                use ::kimport::types::macro_support::{shape, Named as _, Probe};
                &[#(#members),*]
            };
        }
    })
}
