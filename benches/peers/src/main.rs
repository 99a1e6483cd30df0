//! Other libraries beside proxtape: the same products, convolutions and training steps, in turns,
//! on the same machine and the same number of threads. `run` builds and starts this.
//!
//! Arguments: SECTION THREADS [PYTHON], where a section is `gemm` (`gemm-nt`, `gemm-tn`, `gemm-tt` for
//! operands that are stored as transposes), `conv`, `update`, `step` or `memory`; without a Python
//! interpreter that has PyTorch, the Rust peers are alone.

mod burn;
mod candle;
mod convolutions;
mod memory;
mod products;
mod steps;
mod table;
mod torch;
mod updates;

use proxtape::{Exec, Isa, Pool};
use proxtape_workloads::stopwatch::{Contestant, seconds};
use torch::Torch;

/// Who takes part, and on how many threads.
pub(crate) struct Match {
    isa: Isa,
    threads: usize,
    pool: Pool,
    torch: Option<Torch>,
}

impl Match {
    /// The title of a table.
    pub(crate) fn title(&self, what: &str) -> String {
        let s = if self.threads == 1 { "" } else { "s" };
        format!("{what}, {} thread{s}, {}", self.threads, self.isa.name())
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

/// A peer that cannot do this.
pub(crate) fn absent<'a>() -> Contestant<'a> {
    Box::new(|_| f64::INFINITY)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [section, threads, python @ ..] = &arguments[..] else {
        panic!("usage: proxtape-peers SECTION THREADS [PYTHON]");
    };
    let threads: usize = threads.parse().expect("a number of threads");
    let isa = Isa::from_env().expect("PROXTAPE_ISA names what this CPU has");
    if section == "train" {
        return memory::train(Exec::new(isa));
    }
    let torch = python.first().map(|python| Torch::start(python, threads));
    let pool = Pool::new(threads).expect("threads start");
    let all = Match { isa, threads, pool, torch };
    match section.as_str() {
        "gemm" | "gemm-nt" | "gemm-tn" | "gemm-tt" => {
            products::compare_all(&all, section.strip_prefix("gemm-").unwrap_or("nn"));
        }
        "conv" => convolutions::compare_all(&all),
        "update" => updates::compare_all(&all),
        "step" => steps::compare_all(&all),
        "memory" => memory::compare_all(&all),
        _ => panic!("there is no section \"{section}\""),
    }
}
