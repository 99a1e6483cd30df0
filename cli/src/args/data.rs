//! Flags for the data: its location, and the columns of a table.

use crate::failure::Failure;
use crate::recipe::{Data, DataKind, Label, Location};
use clap::Args;

/// Where the data is. No change to what is trained: a run that goes on may find it elsewhere.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// digits, idx:FOLDER (MNIST's format), cifar10:FOLDER (binary) or csv:FILE; to go on, or for a
    /// trained network: the same data at another place
    #[arg(long)]
    pub(crate) data: Option<Location>,
}

/// How a table is read.
#[derive(Debug, Args)]
#[group(id = "Table", multiple = true)]
pub(crate) struct TableArgs {
    /// The column of labels in a CSV file: its name, or its number from 0 [default: the last]
    #[arg(long, value_name = "COLUMN")]
    label: Option<Label>,

    /// The first line of the CSV file names the columns [default: found out]
    #[arg(long, conflicts_with = "no_header")]
    header: bool,

    /// The CSV file has no line of names
    #[arg(long)]
    no_header: bool,
}

impl TableArgs {
    /// Data with the changes.
    pub(crate) fn apply(&self, data: &mut Data) -> Result<(), Failure> {
        let given = self.label.is_some() || self.header || self.no_header;
        if given && data.source.kind != DataKind::Csv {
            return Err(Failure::usage(format!(
                "--label, --header and --no-header go with --data csv:FILE, and the data is {}",
                data.source
            )));
        }
        if let Some(label) = &self.label {
            data.label = Some(label.clone());
        }
        if self.header || self.no_header {
            data.header = Some(self.header);
        }
        Ok(())
    }
}
