// SPDX-License-Identifier: GPL-2.0

//! The command `kimport-bench-disk`, which counts the ticks that the I/O of a disk takes.

use anyhow::{ensure, Context, Result};
use clap::{Parser, ValueEnum};
use io_uring::{opcode, squeue, types, IoUring};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;

/// The memory of a transfer, aligned as O_DIRECT wants it.
#[derive(Clone)]
#[repr(align(4096))]
struct Block([u8; 4096]);

/// The size of each transfer.
const BLOCK: u32 = size_of::<Block>() as u32;

/// Reads or writes blocks of 4 KiB of a disk, past the page cache, and prints the number of ticks
/// of the time-stamp counter that this took.
///
/// Transfers are submitted in bursts, each when the one before has ended (with fio:
/// iodepth_batch_complete_min). Otherwise the scheduler of the kernel decides how many commands are
/// processed together, and with that how much each of them takes.
#[derive(Debug, Parser)]
#[command(name = "kimport-bench-disk", version)]
struct Cli {
    disk: PathBuf,
    /// The direction of all transfers.
    direction: Direction,
    /// The order of the blocks.
    order: Order,
    /// The number of transfers in a burst.
    depth: u16,
    /// The number of transfers, a multiple of the depth.
    count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Direction {
    Read,
    Write,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Sequential,
    Random,
}

/// A disk that transfers blocks.
struct Disk {
    file: File,
    blocks: u64,
    ring: IoUring,
    /// The memory of each transfer that can be under way.
    memory: &'static mut [Block],
    direction: Direction,
    order: Order,
}

impl Disk {
    fn open(cli: &Cli) -> Result<Self> {
        let mut file = File::options()
            .read(true)
            .write(cli.direction == Direction::Write)
            .custom_flags(libc::O_DIRECT)
            .open(&cli.disk)?;
        let blocks = file.seek(SeekFrom::End(0))? / u64::from(BLOCK);
        ensure!(blocks > 0, "the disk is empty");
        let whole = cli.count.checked_rem(cli.depth.into()) == Some(0);
        ensure!(whole, "the depth does not divide the number of transfers");
        let memory = vec![Block([0; BLOCK as usize]); cli.depth.into()];
        Ok(Self {
            file,
            blocks,
            ring: IoUring::new(cli.depth.into())?,
            // The kernel may still use the memory when this ends.
            memory: memory.leak(),
            direction: cli.direction,
            order: cli.order,
        })
    }

    /// Returns the transfer of the block with the number `index` in the order, which uses the
    /// memory with the number `slot`.
    fn entry(&mut self, index: u64, slot: usize) -> squeue::Entry {
        let block = match self.order {
            Order::Sequential => index,
            // The multiples of an odd number scatter over all 64 bits.
            Order::Random => index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20,
        };
        let offset = block % self.blocks * u64::from(BLOCK);
        let file = types::Fd(self.file.as_raw_fd());
        let memory = self.memory[slot].0.as_mut_ptr();
        match self.direction {
            Direction::Read => opcode::Read::new(file, memory, BLOCK)
                .offset(offset)
                .build(),
            Direction::Write => opcode::Write::new(file, memory, BLOCK)
                .offset(offset)
                .build(),
        }
    }

    /// Transfers `count` blocks in bursts.
    fn transfer(&mut self, count: u64) -> Result<()> {
        let mut index = 0;
        while index < count {
            let depth = self.memory.len();
            for slot in 0..depth {
                let entry = self.entry(index, slot);
                // SAFETY: The file stays open and the memory is never freed. Each part of it is
                // used by one transfer at a time.
                unsafe { self.ring.submission().push(&entry) }?;
                index += 1;
            }
            self.ring.submit_and_wait(depth)?;
            for entry in self.ring.completion() {
                let length = entry.result();
                ensure!(length == BLOCK as i32, "a transfer ended with {length}");
            }
        }
        Ok(())
    }
}

fn ticks() -> u64 {
    // SAFETY: Every CPU of this architecture has the instruction.
    unsafe { core::arch::x86_64::_rdtsc() }
}

fn run(cli: &Cli) -> Result<u64> {
    let mut disk = Disk::open(cli)?;
    // The first transfers fill caches.
    disk.transfer(cli.count / 8)?;
    let start = ticks();
    disk.transfer(cli.count)?;
    Ok(ticks() - start)
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli).with_context(|| cli.disk.display().to_string()) {
        Ok(ticks) => {
            println!("{ticks}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kimport-bench-disk: {error:#}");
            ExitCode::FAILURE
        }
    }
}
