//! Output: the terminal, numbers, tables and pages, and the escapes of hidden characters.

pub(crate) mod escape;
pub(crate) mod html;
pub(crate) mod number;
pub(crate) mod shell;
pub(crate) mod table;
pub(crate) mod terminal;
