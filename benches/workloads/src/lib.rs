//! What proxtape is measured on: kernels and training steps as calls that can be timed, and the
//! limits of the machine that they are compared with.
//!
//! The criterion benchmarks, `proxtape bench` and the comparison with other libraries
//! (`benches/peers`) all measure these.
#![forbid(unsafe_code)]

pub mod conv;
pub mod gemm;
pub mod layer;
pub mod limits;
pub mod sparse;
pub mod step;
pub mod stopwatch;
pub mod update;

use core::fmt;
use limits::Limit;
use proxtape::kernels::Buffer;

/// One thing to measure.
pub struct Workload {
    /// What is computed, and on which shape.
    pub name: String,
    /// What no implementation can be faster than.
    pub limit: Limit,
    /// Does it once.
    pub call: Call,
}

/// What is timed.
pub type Call = Box<dyn FnMut() + Send>;

impl Workload {
    fn new(name: impl Into<String>, limit: Limit, call: impl FnMut() + Send + 'static) -> Workload {
        Workload { name: name.into(), limit, call: Box::new(call) }
    }

    /// Does it once.
    pub fn run(&mut self) {
        (self.call)();
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Workload({}, {:?})", self.name, self.limit)
    }
}

/// Numbers from -0.5 to 0.5 in no order: zeros, powers of two or denormals could be a special case.
fn filled(len: usize) -> Buffer {
    let mut x = Buffer::zeroed(len);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 * 1e-3 - 0.5);
    x
}
