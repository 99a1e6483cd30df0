//! The `proxtape` command line.
#![forbid(unsafe_code)]

fn main() {}
