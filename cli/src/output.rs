//! What is shown: the terminal, numbers, tables and pages, with what is hidden escaped.

pub(crate) mod escape;
pub(crate) mod html;
pub(crate) mod number;
pub(crate) mod shell;
pub(crate) mod table;
pub(crate) mod terminal;
