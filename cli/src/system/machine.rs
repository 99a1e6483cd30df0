//! The machine as a command uses it: an instruction set and a number of threads.

use crate::failure::Failure;
use proxtape::{Convolution, Exec, Isa, Pool};

/// The threads of a command, and the instruction set that they use.
#[derive(Debug)]
pub(crate) struct Machine {
    pool: Pool,
    isa: Isa,
    convolution: Convolution,
}

impl Machine {
    /// The best instruction set of this CPU unless the environment names another, and so many threads: 0 is
    /// one for each core.
    pub(super) fn new(threads: usize, convolution: Convolution) -> Result<Machine, Failure> {
        let isa = Isa::from_env().map_err(|e| Failure::usage(format!("PROXTAPE_ISA: {e}")))?;
        let pool = Pool::new(threads).map_err(Failure::failed)?;
        Ok(Machine { pool, isa, convolution })
    }

    /// Runs a whole command inside the pool: entering it from outside allocates each time.
    pub(crate) fn install<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        self.pool.install(f)
    }

    pub(crate) fn exec(&self) -> Exec {
        self.pool.exec(self.isa).with_convolution(self.convolution)
    }

    pub(crate) fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// The name of the instruction set.
    pub(crate) fn isa(&self) -> &'static str {
        self.isa.name()
    }
}
