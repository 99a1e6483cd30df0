//! Run-time choice of the instruction set.
//!
//! An [`Isa`] can only be made by detection, so every value of the type names features that this
//! CPU has. [`Isa::run`] is the only dispatch: one `match` for each task.

use crate::backend::baseline::Baseline;
#[cfg(target_arch = "x86_64")]
use crate::backend::{avx2::Avx2, avx512::Avx512};
use crate::simd::{Kernel, Simd};
use crate::tuning::Tuning;
use core::fmt;

/// An instruction set that this CPU has.
///
/// ```
/// use proxtape_kernels::Isa;
/// let best = Isa::detect();
/// assert!(Isa::available().any(|isa| isa.name() == best.name()));
/// assert!(Isa::named("baseline").is_ok());
/// assert!(Isa::named("abacus").is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa {
    level: Level,
    forced: bool,
}

/// Makes the enum of levels, its list and its matches from one table. Each backend has `detect`, which
/// gives its token, and `assume`, for a caller that has detected before.
macro_rules! levels {
    ($($(#[$only:meta])* $backend:ident,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        enum Level {
            $($(#[$only])* $backend,)*
        }

        const LEVELS: &[Level] = &[$($(#[$only])* Level::$backend,)*];

        impl Level {
            fn name(self) -> &'static str {
                match self {
                    $($(#[$only])* Level::$backend => $backend::NAME,)*
                }
            }

            fn is_available(self) -> bool {
                match self {
                    $($(#[$only])* Level::$backend => $backend::detect().is_some(),)*
                }
            }

            fn lanes(self) -> usize {
                match self {
                    $($(#[$only])* Level::$backend => $backend::LANES,)*
                }
            }

            fn tuning(self) -> &'static Tuning {
                match self {
                    $($(#[$only])* Level::$backend => &$backend::TUNING,)*
                }
            }
        }

        impl Isa {
            /// Runs a kernel on this instruction set.
            #[inline]
            pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
                match self.level {
                    $($(#[$only])*
                    // SAFETY: an Isa of this level is made only where `is_available` found it.
                    Level::$backend => unsafe { $backend::assume() }.vectorize(kernel),)*
                }
            }
        }
    };
}

// Lowest first.
levels! {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The best instruction set of this CPU.
    pub fn detect() -> Isa {
        let level = LEVELS.iter().copied().filter(|l| l.is_available()).max();
        Isa { level: level.unwrap_or(Level::Baseline), forced: false }
    }

    /// Every instruction set that this CPU has, lowest first; each counts as forced.
    pub fn available() -> impl Iterator<Item = Isa> {
        LEVELS.iter().filter(|l| l.is_available()).map(|&level| Isa { level, forced: true })
    }

    /// The instruction set of a name: `baseline`, `avx2` or `avx512`.
    ///
    /// # Errors
    /// If there is no such name, or this CPU does not have its features.
    pub fn named(name: &str) -> Result<Isa, IsaError> {
        match LEVELS.iter().find(|l| l.name() == name) {
            None => Err(IsaError { name: name.to_owned(), known: false }),
            Some(l) if !l.is_available() => Err(IsaError { name: name.to_owned(), known: true }),
            Some(&level) => Ok(Isa { level, forced: true }),
        }
    }

    /// What the environment variable `PROXTAPE_ISA` names, or the best of this CPU if it is not set.
    ///
    /// This is the one place where the project reads the environment.
    ///
    /// # Errors
    /// As [`named`](Isa::named).
    pub fn from_env() -> Result<Isa, IsaError> {
        match std::env::var_os("PROXTAPE_ISA") {
            None => Ok(Isa::detect()),
            Some(name) if name.is_empty() => Ok(Isa::detect()),
            Some(name) => Isa::named(&name.to_string_lossy()),
        }
    }

    /// The lower-case name.
    pub fn name(self) -> &'static str {
        self.level.name()
    }

    /// f32 elements in a vector.
    pub fn lanes(self) -> usize {
        self.level.lanes()
    }

    /// Its sizes of tiles and blocks.
    pub(crate) fn tuning(self) -> &'static Tuning {
        self.level.tuning()
    }

    /// Whether the level was asked for by name. A forced level always runs this package's own
    /// code; only a *detected* baseline may hand plain products to `matrixmultiply`.
    pub fn is_forced(self) -> bool {
        self.forced
    }

    /// Whether this is the build target's baseline.
    pub fn is_baseline(self) -> bool {
        self.level == Level::Baseline
    }
}

/// The instruction set that was asked for cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsaError {
    name: String,
    known: bool,
}

impl fmt::Display for IsaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.known { "is not a feature of this CPU" } else { "is not known" };
        write!(f, "instruction set \"{}\" {what}; available here:", self.name)?;
        Isa::available().try_for_each(|isa| write!(f, " {}", isa.name()))
    }
}

impl std::error::Error for IsaError {}
