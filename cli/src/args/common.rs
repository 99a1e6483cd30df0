//! The arguments that commands share.

use clap::Args;
use clap::builder::TypedValueParser;
use core::num::NonZeroUsize;
use proxtape::Convolution;

#[derive(Debug, Args)]
pub(crate) struct Threads {
    /// Threads that compute; the result does not depend on them [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads())]
    pub(crate) threads: Option<NonZeroUsize>,
}

impl Threads {
    /// The number for `Pool::new`, where 0 means all cores.
    pub(crate) fn count(&self) -> usize {
        self.threads.map_or(0, NonZeroUsize::get)
    }
}

/// 1 to 1024: a slip of a digit must not start a million threads.
fn threads() -> impl TypedValueParser<Value = NonZeroUsize> {
    at_least_one(1024)
}

pub(super) fn at_least_one(most: i64) -> impl TypedValueParser<Value = NonZeroUsize> {
    clap::value_parser!(u16)
        .range(1..=most)
        .map(|n| NonZeroUsize::new(n.into()).unwrap_or(NonZeroUsize::MIN))
}

#[derive(Debug, Args)]
pub(crate) struct Convolutions {
    /// Compute convolutions without Winograd's algorithm, which is faster and rounds all outputs around
    /// an outlier by its size
    #[arg(long)]
    pub(crate) exact_conv: bool,
}

impl Convolutions {
    pub(crate) fn convolution(&self) -> Convolution {
        if self.exact_conv { Convolution::Exact } else { Convolution::Fast }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Speech {
    /// End stdout with one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Write nothing but errors to stderr
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
