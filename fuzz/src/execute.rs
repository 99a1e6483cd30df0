//! The loop of one reader, in a process of its own: make an input, note it, read it.
//!
//! ```text
//! base    a seed, or an input that was accepted and kept: at most twice as long as the longest seed
//! input   base, mutated 1 to 8 times, cut to 64 KiB
//! note    the file that holds the input while it is read: whatever ends the process, it is there
//! ```
//!
//! All follows from the seed: the same number of executions reads the same inputs.

use crate::mutator::{self, MAX_INPUT};
use crate::note::Note;
use crate::targets::Target;
use crate::{memory, watchdog};
use proxtape::Random;
use std::time::{Duration, Instant};

/// How many accepted inputs are kept as bases.
const KEPT: usize = 64;

/// How long a reader is run: until the first of the two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seconds: Option<u64>,
    pub(crate) executions: Option<u64>,
    pub(crate) seed: u64,
}

/// The counts of a run without a finding.
#[derive(Debug, Default)]
struct Counts {
    executions: u64,
    accepted: u64,
    slowest: Duration,
    most: usize,
}

/// Runs a reader to the end of the plan and prints a line; any finding ends the process.
pub(crate) fn run(target: &Target, plan: Plan, mut note: Note) {
    let seeds = (target.seeds)();
    let mut read = (target.reader)();
    let mut random = Random::new(plan.seed);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut counts = Counts::default();
    // Long inputs that breed longer ones would take most of the time.
    let most_kept = 2 * seeds.iter().map(Vec::len).max().unwrap_or(0);
    watchdog::watch();
    let start = Instant::now();
    let is_over = |executions: u64| {
        plan.executions.is_some_and(|n| executions >= n)
            || plan.seconds.is_some_and(|n| start.elapsed() >= Duration::from_secs(n))
    };
    // The seeds themselves come first: a reader that refuses them is not fuzzed in its depth.
    for seed in &seeds {
        if !once(target, &mut read, seed, (&mut counts, &mut note)) {
            eprintln!("{}: note: a valid input was refused", target.name);
        }
    }
    while !is_over(counts.executions) {
        let pool = if !kept.is_empty() && random.below(2) == 0 { &kept } else { &seeds };
        let mut input = mutator::pick(&mut random, pool);
        if random.below(16) == 0 {
            let other = mutator::pick(&mut random, &seeds);
            mutator::splice(&mut input, &other, &mut random);
        }
        // Few changes reach the depth, many the strange.
        let most = 1 << random.below(4);
        for _ in 0..=random.below(most) {
            match random.below(4) {
                0 => mutator::bytes(&mut input, &mut random),
                _ => (target.mutate)(&mut input, &mut random),
            }
        }
        input.truncate(MAX_INPUT);
        if once(target, &mut read, &input, (&mut counts, &mut note)) && input.len() <= most_kept {
            // A mutator may have made it far longer before it was cut.
            input.shrink_to_fit();
            match kept.len() {
                KEPT => kept[random.below(KEPT as u32) as usize] = input,
                _ => kept.push(input),
            }
        }
    }
    let Counts { executions, accepted, slowest, most } = counts;
    println!(
        "{:<12} {executions:>9} executions, {:>5.1} % accepted, slowest {:.1} ms, most memory {:.1} \
         MB, seed {}",
        target.name,
        100.0 * accepted as f64 / executions.max(1) as f64,
        1e3 * slowest.as_secs_f64(),
        most as f64 / 1e6,
        plan.seed
    );
}

/// Reads one file, and tells how it went; a finding ends the process.
pub(crate) fn replay(target: &Target, input: &[u8], mut note: Note) {
    let mut read = (target.reader)();
    watchdog::watch();
    let mut counts = Counts::default();
    let accepted = once(target, &mut read, input, (&mut counts, &mut note));
    println!(
        "{}: {} in {:.1} ms with {:.1} MB",
        target.name,
        if accepted { "accepted" } else { "refused" },
        1e3 * counts.slowest.as_secs_f64(),
        counts.most as f64 / 1e6
    );
}

/// Whether the reader accepts an input.
fn once(
    target: &Target,
    read: &mut dyn FnMut(&[u8]) -> bool,
    input: &[u8],
    (counts, note): (&mut Counts, &mut Note),
) -> bool {
    note.set(input);
    counts.executions += 1;
    let start = Instant::now();
    watchdog::start(counts.executions);
    memory::start(target.beyond);
    let accepted = read(input);
    let most = memory::stop();
    watchdog::stop();
    counts.slowest = counts.slowest.max(start.elapsed());
    counts.most = counts.most.max(most);
    counts.accepted += u64::from(accepted);
    accepted
}
