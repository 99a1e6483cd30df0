//! The built program from end to end.

mod compact;
mod errors;
mod files;
mod resume;
mod support;
mod train;
