//! The built program from end to end.

mod bench;
mod compact;
mod compare;
mod data;
mod divergence;
mod ended;
mod errors;
mod export;
mod files;
mod hostile;
mod kept;
mod log;
mod markup;
mod numbers;
#[cfg(unix)]
mod paths;
mod predict;
mod processes;
mod report;
mod resume;
mod shown;
mod support;
mod sweep;
mod tables;
mod train;
mod weights;
