//! A run: the folder of one training and its files, and inference with the trained network.

pub(crate) mod compaction;
pub(crate) mod counts;
pub(crate) mod divergence;
pub(crate) mod evaluate;
pub(crate) mod folder;
pub(crate) mod inference;
pub(crate) mod metrics;
pub(crate) mod model_data;
pub(crate) mod model_file;
pub(crate) mod network;
pub(crate) mod origin;
pub(crate) mod progress;
pub(crate) mod samples;
pub(crate) mod start_weights;
pub(crate) mod summary;
pub(crate) mod tables;
pub(crate) mod training;
pub(crate) mod verification;
