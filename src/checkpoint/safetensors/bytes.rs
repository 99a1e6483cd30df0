//! The bytes of a file: on disk, or in memory.

use std::fs::File;
use std::io::{Cursor, Read, Seek};

/// Bytes that can be read from any place.
pub(super) trait Bytes: Read + Seek {}

impl Bytes for File {}
impl Bytes for Cursor<&[u8]> {}
