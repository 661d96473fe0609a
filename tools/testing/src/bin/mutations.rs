// SPDX-License-Identifier: GPL-2.0

//! Loads damaged modules, in a VM: `mutations SEED FIRST COUNT FILE.ko[+USER.ko][:PARAMETERS]...`.
//!
//! The damage is in the sections from which the kernel and kimport read what a module imports and
//! the types of what it has: import tables, records, layouts and BTF. The seed and the number of a
//! mutation decide everything about it: FIRST and COUNT select mutations, and a run can be repeated
//! from any of them. A damaged module is refused, or loads and can be unloaded. If USER.ko is
//! given, that is loaded after it, and imports from it; PARAMETERS are those of the last file. In
//! the end the undamaged modules load.

use kimport_testing::prototypes::rng;
use object::{Object, ObjectSection};
use proptest::prelude::Rng;
use rustix::{
    io::Errno,
    system::{delete_module, init_module},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    ffi::{CStr, CString},
    fs,
    ops::Range,
    path::Path,
    process::ExitCode,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SECTIONS: [&str; 5] = [
    ".kimport",
    ".init.kimport",
    ".kimport.taken",
    ".kimport.layouts",
    ".BTF",
];
/// Numbers that are often wrong as a length, an offset or a version.
const NUMBERS: [u32; 9] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];
const O_NONBLOCK: i32 = 0o4000;

/// A module file.
struct Module {
    name: CString,
    image: Vec<u8>,
    /// The names of its sections that can be damaged, and their places in the file.
    sections: Vec<(&'static str, Range<usize>)>,
}

/// A module to damage, and the one that imports from it.
struct Case {
    module: Module,
    user: Option<Module>,
    parameters: CString,
}

impl Module {
    fn read(path: &str) -> Result<Self> {
        let image = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        let file = object::File::parse(image.as_slice())?;
        let place = |name| {
            let (start, size) = file.section_by_name(name)?.file_range()?;
            let (start, size) = (usize::try_from(start).ok()?, usize::try_from(size).ok()?);
            (size >= 8).then_some((name, start..start + size))
        };
        let sections = SECTIONS.into_iter().filter_map(place).collect();
        let name = Path::new(path).file_stem().unwrap_or_default();
        Ok(Self {
            name: CString::new(name.as_encoded_bytes())?,
            sections,
            image,
        })
    }

    fn load(&self, image: &[u8], parameters: &CStr) -> Outcome {
        init_module(image, parameters)
    }

    fn unload(&self) -> Outcome {
        delete_module(&self.name, O_NONBLOCK)
    }
}

type Outcome = std::result::Result<(), Errno>;

impl Case {
    fn new(argument: &str) -> Result<Self> {
        let (files, parameters) = argument.split_once(':').unwrap_or((argument, ""));
        let (file, user) = match files.split_once('+') {
            Some((file, user)) => (file, Some(Module::read(user)?)),
            None => (files, None),
        };
        let module = Module::read(file)?;
        if module.sections.is_empty() {
            return Err(format!("{file} has no section to damage").into());
        }
        Ok(Self {
            module,
            user,
            parameters: CString::new(parameters)?,
        })
    }

    /// Loads `image` in place of the module, and the user. Unloads what could be loaded. Returns
    /// the outcome of the loads, of which the second only follows on a successful first one.
    fn run(&self, image: &[u8]) -> Result<(Outcome, Option<Outcome>)> {
        let parameters = match self.user {
            Some(_) => c"",
            None => &self.parameters,
        };
        let outcome = self.module.load(image, parameters);
        let mut of_user = None;
        if outcome.is_ok() {
            if let Some(user) = &self.user {
                let outcome = user.load(&user.image, &self.parameters);
                if outcome.is_ok() {
                    user.unload()?;
                }
                of_user = Some(outcome);
            }
            self.module.unload()?;
        }
        Ok((outcome, of_user))
    }
}

/// Changes bytes in `section`.
fn damage(section: &mut [u8], rng: &mut impl Rng) {
    let length = section.len();
    let at = rng.random_range(0..length);
    let end = (at + rng.random_range(1..=32)).min(length);
    match rng.random_range(0..7) {
        0 => section[at] ^= 1 << rng.random_range(0..8),
        1 => section[at] = rng.random_range(0..=255),
        2 | 3 => {
            let at = (at & !3).min(length - 4);
            let number = match rng.random_range(0..=NUMBERS.len()) {
                0 => rng.random_range(0..=2 * length as u32),
                which => NUMBERS[which - 1],
            };
            section[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        // Names become longer.
        4 => section[at..end]
            .iter_mut()
            .filter(|byte| **byte == 0)
            .for_each(|byte| *byte = b'a'),
        5 => section[at..end].fill(0),
        // Records refer to each other in other ways.
        _ => {
            let from = rng.random_range(0..=length - (end - at));
            section.copy_within(from..from + end - at, at);
        }
    }
}

/// The modules that are loaded.
fn modules() -> Result<BTreeSet<String>> {
    let modules = fs::read_to_string("/proc/modules")?;
    let without_address = |line: &str| line.split(' ').take(4).collect::<Vec<_>>().join(" ");
    Ok(modules.lines().map(without_address).collect())
}

fn run() -> Result<()> {
    let arguments = Vec::from_iter(std::env::args().skip(1));
    let [seed, first, count, files @ ..] = arguments.as_slice() else {
        return Err("usage: mutations SEED FIRST COUNT FILE.ko[+USER.ko][:PARAMETERS]...".into());
    };
    let (seed, first, count): (u64, u64, u64) = (seed.parse()?, first.parse()?, count.parse()?);
    let cases: Vec<_> = files
        .iter()
        .map(|file| Case::new(file))
        .collect::<Result<_>>()?;
    let before = modules()?;
    let mut outcomes = BTreeMap::<_, usize>::new();
    for number in first..first + count {
        if number % 100 == 0 {
            println!("seed {seed}, mutation {number}");
        }
        // The numbers of one seed are not those of the next.
        let mut rng = rng(seed.rotate_left(32).wrapping_add(number));
        let case = &cases[rng.random_range(0..cases.len())];
        let mut image = case.module.image.clone();
        let (name, place) = &case.module.sections[rng.random_range(0..case.module.sections.len())];
        for _ in 0..rng.random_range(1..=4) {
            damage(&mut image[place.clone()], &mut rng);
        }
        let of_number = |error| format!("mutation {number}: {error}");
        let (outcome, of_user) = case.run(&image).map_err(of_number)?;
        if modules()? != before {
            return Err(of_number("the modules are not those of before".into()).into());
        }
        let text =
            |outcome: Outcome| outcome.map_or_else(|error| error.to_string(), |()| "loaded".into());
        let mut said = text(outcome);
        if let Some(of_user) = of_user {
            said += &format!(", its user: {}", text(of_user));
        }
        let module = case.module.name.to_string_lossy().into_owned();
        *outcomes.entry((module, *name, said)).or_default() += 1;
    }
    for ((module, section, outcome), count) in outcomes {
        println!("{module}: {section}: {outcome}: {count}");
    }
    for case in &cases {
        let (outcome, of_user) = case.run(&case.module.image)?;
        outcome?;
        of_user.transpose()?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("mutations: {error}");
            ExitCode::from(1)
        }
    }
}
