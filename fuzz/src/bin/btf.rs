// SPDX-License-Identifier: GPL-2.0

//! The kernel's types: they are read, searched, compared with a declaration, and shown. The input
//! begins with the length of a description and the description.

#![no_main]

use kimport_fuzz::{kernel, stock};
use kimport_testing::{difference, Maker};
use kimport_types::{find, Btf, BtfKind, Description, Encoding, TypeMatch, TypeQuery, TypeSource};
use libfuzzer_sys::fuzz_target;

/// The most types that are compared, and names that are searched for, in one input.
const TYPES: u32 = 64;

fn input(description: &[u8], image: &[u8], module: &[u8]) -> Vec<u8> {
    let lengths = [
        description.len() as u8,
        (image.len() >> 8) as u8,
        image.len() as u8,
    ];
    [&lengths, description, image, module].concat()
}

/// Returns the parts of an input: the description, the types of an image, and the types of a
/// module.
fn parts(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&[length, high, low], rest) = data.split_first_chunk()?;
    let (description, rest) = rest.split_at_checked(length.into())?;
    let image = (usize::from(high) << 8) | usize::from(low);
    let (image, module) = rest.split_at(image.min(rest.len()));
    Some((description, image, module))
}

fn seeds() -> Vec<Vec<u8>> {
    let file = Encoding::named("file", None).pointer(true);
    let integer = Encoding::integer(4, true);
    let function = Encoding::function(&[file, Encoding::FUNCTION_POINTER, integer], integer, false);
    let other = Encoding::function(&[Encoding::integer(8, false)], Encoding::VOID, true);
    let data = integer.array(4).into_data();
    let image = kernel::types();
    let module = Maker::split(&image);
    let pointer = module.pointer(2);
    module.function("g", &[pointer, 1], pointer);
    // A newer kernel may have a kind that is not known yet, and states its length.
    let mut layout = [[0, 0, 0, 0]; 40];
    layout[39] = [4, 8, 0, 0];
    let newer = kernel::types();
    newer.raw(39, false, 1, "new", 7, &[1, 2, 3]);
    newer.function("h", &[1, 1], 1);
    let mut seeds = vec![
        input(function.as_bytes(), &image.bytes(), &module.bytes()),
        input(other.as_bytes(), &image.bytes(), &[]),
        input(data.as_bytes(), &newer.with_layout(&layout), &[]),
    ];
    let small = |btf: &Vec<u8>| btf.len() < 4096;
    let modules = stock::sections(".BTF").into_iter().filter(small);
    seeds.extend(modules.map(|btf| input(other.as_bytes(), &image.bytes(), &btf)));
    seeds
}

fuzz_target!(init: kimport_fuzz::seeds(seeds), |data: &[u8]| {
    let Some((description, image, module)) = parts(data) else {
        return;
    };
    let mut index = Vec::new();
    let Some(image) = read(image, None, &mut index) else {
        return;
    };
    let description = Description::new(description).ok();
    walk(&image, description.as_ref());
    let mut index = Vec::new();
    if let Some(module) = read(module, Some(&image), &mut index) {
        walk(&module, description.as_ref());
    }
});

fn read<'a>(
    bytes: &'a [u8],
    base: Option<&'a Btf<'a>>,
    index: &'a mut Vec<u32>,
) -> Option<Btf<'a>> {
    let count = match Btf::count(bytes) {
        Ok(count) => count,
        Err(error) => {
            let _ = error.to_string();
            return None;
        }
    };
    index.resize(count, 0);
    let btf = Btf::new(bytes, base, index).ok()?;
    let first = btf.first_id();
    assert!((first..first + count as u32).all(|id| btf.type_by_id(id).is_some()));
    assert!(btf.type_by_id(first + count as u32).is_none());
    Some(btf)
}

fn walk(btf: &Btf<'_>, description: Option<&Description<'_>>) {
    let ids = (btf.first_id()..).take_while(|&id| btf.type_by_id(id).is_some());
    let ids: Vec<u32> = ids.take(TYPES as usize).collect();
    if let Some(description) = description {
        for &id in &ids {
            show(btf, description, id);
        }
        show(btf, description, 0);
        show(btf, description, u32::MAX);
    }
    // One pass finds exactly the symbols that there are.
    let symbols: Vec<(u32, &[u8])> = (btf.first_id()..)
        .map_while(|id| Some((id, btf.type_by_id(id)?)))
        .filter(|(_, ty)| matches!(ty.kind(), BtfKind::Function(_) | BtfKind::Variable(_)))
        .filter_map(|(id, ty)| Some((id, btf.name(ty.name_offset())?)))
        .collect();
    let names = symbols.iter().map(|(_, name)| *name).take(TYPES as usize);
    let mut wanted: Vec<TypeQuery<'_>> =
        names.chain([&b"absent!"[..]]).map(TypeQuery::new).collect();
    find(btf, btf.first_id(), &mut wanted);
    for wanted in wanted {
        let mut named = symbols.iter().filter(|(_, name)| *name == wanted.name());
        let expected = match (named.next(), named.next()) {
            (None, _) => TypeMatch::Missing,
            (Some((id, _)), None) => TypeMatch::Id(*id),
            _ => TypeMatch::Ambiguous,
        };
        assert_eq!(wanted.found(), expected);
    }
}

fn show(btf: &Btf<'_>, declared: &Description<'_>, id: u32) {
    let text = match difference("symbol", declared, btf, id) {
        Ok(Some(text)) => text,
        Ok(None) => return,
        Err(error) => return drop(error.to_string()),
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let [_, declared, kernel, mark] = lines[..] else {
        panic!("{text}");
    };
    assert!(
        declared.starts_with("  declared:  ") && kernel.starts_with("  kernel:    "),
        "{text}"
    );
    // The mark is below the line above, except far to the right.
    if !mark.contains('^') {
        return assert!(kernel.chars().count() > 600, "{text}");
    }
    let marked = mark.trim_start_matches(' ');
    let start = mark.len() - marked.len();
    let end = start + marked.len() - marked.trim_start_matches('^').len();
    assert!(start < end && start <= kernel.chars().count(), "{text}");
    assert!(end <= kernel.chars().count() + 1, "{text}");
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
}
