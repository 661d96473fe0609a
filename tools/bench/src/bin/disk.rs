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

/// Reads or writes blocks of 4 KiB of a disk, past the page cache, and prints the number of ticks of
/// the time-stamp counter that this took.
///
/// As with fio, each transfer is submitted by itself, as soon as another one has ended.
#[derive(Debug, Parser)]
#[command(name = "kimport-bench-disk", version)]
struct Cli {
    disk: PathBuf,
    /// The direction of all transfers.
    direction: Direction,
    /// The order of the blocks.
    order: Order,
    /// The number of transfers that are under way at a time.
    depth: u16,
    /// The number of transfers.
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
        ensure!(cli.depth > 0, "nothing is done with a depth of 0");
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

    /// Submits the transfer with the number `index`, which uses the memory with the number `slot`.
    fn submit(&mut self, index: u64, slot: u64) -> Result<()> {
        let block = match self.order {
            Order::Sequential => index,
            // The multiples of an odd number scatter over all 64 bits.
            Order::Random => index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20,
        };
        let offset = block % self.blocks * u64::from(BLOCK);
        let file = types::Fd(self.file.as_raw_fd());
        let part = self.memory[slot as usize].0.as_mut_ptr();
        let entry: squeue::Entry = match self.direction {
            Direction::Read => opcode::Read::new(file, part, BLOCK).offset(offset).build(),
            Direction::Write => opcode::Write::new(file, part, BLOCK).offset(offset).build(),
        };
        // SAFETY: The file stays open and the memory is never freed. Each part of it is used by one
        // transfer at a time.
        unsafe { self.ring.submission().push(&entry.user_data(slot)) }?;
        self.ring.submit()?;
        Ok(())
    }

    /// Transfers `count` blocks, `depth` at a time.
    fn transfer(&mut self, depth: u64, count: u64) -> Result<()> {
        let mut submitted = 0;
        while submitted < count.min(depth) {
            self.submit(submitted, submitted)?;
            submitted += 1;
        }
        let mut done = 0;
        while done < count {
            self.ring.submitter().submit_and_wait(1)?;
            loop {
                let next = self.ring.completion().next();
                let Some(entry) = next else { break };
                ensure!(
                    entry.result() == BLOCK as i32,
                    "a transfer ended with {}",
                    entry.result()
                );
                done += 1;
                if submitted < count {
                    self.submit(submitted, entry.user_data())?;
                    submitted += 1;
                }
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
    disk.transfer(cli.depth.into(), cli.count / 8)?;
    let start = ticks();
    disk.transfer(cli.depth.into(), cli.count)?;
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
