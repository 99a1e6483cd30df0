//! The built program from end to end.

mod bench;
mod compact;
mod errors;
mod export;
mod files;
mod predict;
mod resume;
mod support;
mod train;
