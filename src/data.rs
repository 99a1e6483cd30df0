//! Samples with labels: reading them, cutting them in parts, and filling batches from them.
//!
//! A reader makes a [`Source`]: a training set and, where the files bring one, a test set. [`Split`]
//! cuts it into training, validation and test indices, [`Normalization`] is fitted on the training part,
//! [`Batches`] orders an epoch, and [`Dataset::fill`] writes one batch `[N, C, H, W]`:
//!
//! ```
//! use proxtape::data::{Batches, Fractions, LastBatch, Normalization, Source, digits};
//!
//! let source = Source::from(digits::load()?);
//! let split = source.split(Fractions { validation: 0.1, test: 0.2 }, 1)?;
//! let normalization = Normalization::fit(&source.train, &split.train);
//! let mut batches = Batches::new(&split.train, 32, LastBatch::Drop, 1)?;
//!
//! let mut x = vec![0.0; 32 * source.train.sample_len()];
//! let mut labels = vec![0; 32];
//! for epoch in 0..2 {
//!     batches.start_epoch(epoch);
//!     for indices in batches.iter() {
//!         source.train.fill(indices, &normalization, None, &mut x, &mut labels);
//!     }
//! }
//! # Ok::<(), proxtape::data::DataError>(())
//! ```
//!
//! Files are checked before they are believed: no reader allocates more than the file can hold, and
//! every failure is a [`DataError`] that names the file, the place, what was expected, what was found,
//! and what to do.

pub mod cifar;
#[cfg(feature = "csv")]
pub mod csv;
pub mod digits;
pub mod idx;

mod augment;
mod batches;
mod dataset;
mod error;
mod fit;
mod input;
mod normalization;
mod notes;
mod read;
mod schema;
mod source;
mod split;

pub use augment::Augment;
pub use batches::{Batches, LastBatch};
pub use dataset::{Dataset, Samples};
pub use error::{DataError, Place};
pub use normalization::Normalization;
pub use read::{Spec, read, read_as};
pub use schema::{Columns, Schema};
pub use source::Source;
pub use split::{Fractions, Split};
