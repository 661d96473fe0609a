// SPDX-License-Identifier: GPL-2.0

//! The instruction sequences by which a module calls a function, on the CPU of this machine:
//! `make bench-native`.
//!
//! `make bench` counts instructions, and an emulator does not mispredict. Here the time is real, so
//! only the ratio to a direct call of the same run means something. The sequences are those of the
//! kernel; the callee returns at once. IBT cannot be switched off and on around a call here, as
//! that takes privileged instructions (`wrmsr`).

use criterion::Criterion;
use std::arch::global_asm;
use std::hint::black_box;

/// The number of calls in one iteration.
const CALLS: u64 = 1000;

// Each function makes `CALLS` calls. The stack is aligned as for a call, and the callee changes no
// register.
macro_rules! sequence {
    ($name:literal, $($line:literal),*) => {
        global_asm!(
            ".pushsection .text",
            ".balign 64",
            concat!(".globl ", $name),
            concat!($name, ":"),
            "push rbx",
            "mov ebx, {calls}",
            "lea rcx, [rip + kimport_bench_callee]",
            "lea rdx, [rip + kimport_bench_counters]",
            ".balign 32",
            "9:",
            $($line,)*
            "dec ebx",
            "jnz 9b",
            "pop rbx",
            "ret",
            ".popsection",
            calls = const CALLS,
        );
    };
}

global_asm!(
    ".pushsection .text",
    ".balign 16",
    "kimport_bench_callee: ret",
    ".balign 16",
    "kimport_bench_trampoline: jmp kimport_bench_callee",
    ".balign 16",
    // __x86_indirect_thunk_rcx
    "kimport_bench_retpoline:",
    "call 5f",
    "2: pause",
    "lfence",
    "jmp 2b",
    "5: mov [rsp], rcx",
    "ret",
    ".popsection",
    ".pushsection .bss",
    ".balign 64",
    "kimport_bench_counters: .zero 64",
    ".popsection",
);
sequence!("kimport_bench_direct", "call kimport_bench_callee");
sequence!("kimport_bench_through", "call kimport_bench_trampoline");
sequence!(
    "kimport_bench_rebindable",
    "inc qword ptr [rdx]",
    "call kimport_bench_callee",
    "inc qword ptr [rdx + 8]"
);
sequence!(
    "kimport_bench_late",
    "inc qword ptr [rdx]",
    "lock inc dword ptr [rdx + 16]",
    "call kimport_bench_callee",
    "lock dec dword ptr [rdx + 16]",
    "inc qword ptr [rdx + 8]"
);
sequence!("kimport_bench_indirect", "call rcx");
sequence!("kimport_bench_thunk", "call kimport_bench_retpoline");
sequence!(
    "kimport_bench_push_ret",
    "lea rax, [rip + 3f]",
    "push rax",
    "push rcx",
    "ret",
    "3:"
);
sequence!("kimport_bench_loop", "");

extern "C" {
    fn kimport_bench_direct();
    fn kimport_bench_through();
    fn kimport_bench_rebindable();
    fn kimport_bench_late();
    fn kimport_bench_indirect();
    fn kimport_bench_thunk();
    fn kimport_bench_push_ret();
    fn kimport_bench_loop();
}

/// The sequences: the reference first, and the loop without a call last.
const SEQUENCES: [(&str, unsafe extern "C" fn()); 8] = [
    ("direct call", kimport_bench_direct),
    ("call of a trampoline", kimport_bench_through),
    ("rebindable", kimport_bench_rebindable),
    ("late", kimport_bench_late),
    ("indirect call", kimport_bench_indirect),
    ("retpoline", kimport_bench_thunk),
    ("push and ret", kimport_bench_push_ret),
    ("loop alone", kimport_bench_loop),
];

/// Returns the median time of a call in nanoseconds, as criterion has written it.
fn median(directory: &std::path::Path, name: &str) -> Option<f64> {
    let path = directory
        .join(name.replace(' ', "_"))
        .join("new/estimates.json");
    let text = std::fs::read_to_string(path).ok()?;
    let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(estimates["median"]["point_estimate"].as_f64()? / CALLS as f64)
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let mut criterion = Criterion::default()
        .output_directory(directory.path())
        .without_plots()
        .configure_from_args();
    for (name, function) in SEQUENCES {
        criterion.bench_function(&name.replace(' ', "_"), |bencher| {
            // SAFETY: The functions take nothing, and keep all registers that C keeps.
            bencher.iter(|| unsafe { black_box(function)() });
        });
    }
    criterion.final_summary();

    let medians = SEQUENCES.map(|(name, _)| median(directory.path(), name));
    let (Some(direct), Some(bare)) = (medians[0], medians[SEQUENCES.len() - 1]) else {
        return;
    };
    println!("\nThe time of one call beyond the loop, as a ratio to a direct call");
    for ((name, _), median) in SEQUENCES.into_iter().zip(medians) {
        if let Some(median) = median {
            println!("{name:24} {:6.2}", (median - bare) / (direct - bare));
        }
    }
}
