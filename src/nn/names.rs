//! The names of parameters in residual blocks: `block.conv1.weight` in the body, and
//! `block.shortcut.conv.weight` in the shortcut.

/// The prefix of the names in the body of a block.
pub(crate) fn body_prefix(block: &str) -> String {
    format!("{block}.")
}

/// The prefix of the names in its shortcut.
pub(crate) fn shortcut_prefix(block: &str) -> String {
    format!("{block}.shortcut.")
}
