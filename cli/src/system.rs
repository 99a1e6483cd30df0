//! The process and its files: signals, threads, and files that take their names at once.

pub(crate) mod context;
pub(crate) mod draft;
pub(crate) mod file;
pub(crate) mod final_note;
pub(crate) mod interrupt;
pub(crate) mod machine;
pub(crate) mod stop;
