//! Other libraries beside proxtape: the same products, convolutions and training steps, in turns,
//! on the same machine and the same number of threads. `run` builds and starts this; readings go to
//! stdout as CSV.
//!
//! Arguments: [--quick] SECTION THREADS [PYTHON], where a section is `gemm` (`gemm-nt`, `gemm-tn`,
//! `gemm-tt` for operands that are stored as transposes), `conv`, `update`, `step` or `memory`, or
//! `columns` for the names of the columns. Without a Python interpreter that has PyTorch, the Rust
//! peers are alone. `--quick` takes one round of a millisecond: numbers that say nothing, in no time.

mod burn;
mod candle;
mod convolutions;
mod memory;
mod products;
mod reading;
mod steps;
mod torch;
mod updates;

use proxtape::{Exec, Isa, Pool};
use proxtape_workloads::stopwatch::{self, Contestant, seconds};
use reading::Reading;
use std::time::Duration;
use torch::Torch;

/// Who takes part, in which section and on how many threads.
pub(crate) struct Match {
    section: String,
    effort: Effort,
    isa: Isa,
    threads: usize,
    pool: Pool,
    torch: Option<Torch>,
}

impl Match {
    /// Puts a reading on stdout.
    pub(crate) fn print(&self, reading: &Reading<'_>) {
        let head = format!("{},{},{}", self.section, self.isa.name(), self.threads);
        print!("{}", reading.lines(&head));
    }

    /// The seconds of one call of each contestant.
    pub(crate) fn compare<const N: usize>(
        &self,
        rounds: usize,
        slice: Duration,
        contestants: [Contestant<'_>; N],
    ) -> [f64; N] {
        match self.effort {
            Effort::Full => stopwatch::compare(rounds, slice, contestants),
            Effort::Quick => stopwatch::compare(1, Duration::from_millis(1), contestants),
        }
    }

    /// How our kernels run.
    pub(crate) fn exec(&self) -> Exec {
        self.pool.exec(self.isa)
    }

    /// How our kernels run on one thread.
    pub(crate) fn alone(&self) -> Exec {
        Exec::new(self.isa)
    }

    /// A call of ours. The loop that repeats it runs in the pool, as a training would.
    pub(crate) fn ours<'a>(&'a self, mut call: impl FnMut() + Send + 'a) -> Contestant<'a> {
        Box::new(move |slice| self.pool.install(|| seconds(slice, &mut call)))
    }

    /// A case of PyTorch; without it, one that never ends.
    pub(crate) fn torch(&self, case: String) -> Contestant<'_> {
        match &self.torch {
            Some(torch) => torch.contestant(case),
            None => absent(),
        }
    }
}

/// How long is measured.
enum Effort {
    /// As each section wants it.
    Full,
    /// One round of a millisecond.
    Quick,
}

/// A peer that cannot do this.
pub(crate) fn absent<'a>() -> Contestant<'a> {
    Box::new(|_| f64::INFINITY)
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let effort = match arguments.first().is_some_and(|first| first == "--quick") {
        true => Effort::Quick,
        false => Effort::Full,
    };
    if matches!(effort, Effort::Quick) {
        arguments.remove(0);
    }
    if arguments == ["columns"] {
        return println!("{}", reading::COLUMNS);
    }
    let [section, threads, python @ ..] = &arguments[..] else {
        panic!("usage: proxtape-peers [--quick] SECTION THREADS [PYTHON]");
    };
    let threads: usize = threads.parse().expect("a number of threads");
    let isa = Isa::from_env().expect("PROXTAPE_ISA names what this CPU has");
    if section == "train" {
        return memory::train(Exec::new(isa));
    }
    let torch = python.first().map(|python| Torch::start(python, threads));
    let pool = Pool::new(threads).expect("threads start");
    let all = Match { section: section.clone(), effort, isa, threads, pool, torch };
    match section.as_str() {
        "gemm" => products::compare_all(&all, "nn"),
        "gemm-nt" | "gemm-tn" | "gemm-tt" => products::compare_all(&all, &section[5..]),
        "conv" => convolutions::compare_all(&all),
        "update" => updates::compare_all(&all),
        "step" => steps::compare_all(&all),
        "memory" => memory::compare_all(&all),
        _ => panic!("there is no section \"{section}\""),
    }
}
