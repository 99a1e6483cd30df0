//! Trainings that belong together: what `compare` and `sweep` share.
//!
//! ```text
//! plan     from the grid and from what is finished to the trainings that are wanted
//! cell     a training, in a run folder of its own, by the same code as `train`
//! loop     the first training that is wanted and not finished; it is told to stop, or it ends,
//!          is compacted where it is a result, and the tables are written
//! ```
//!
//! A plan depends on nothing but the grid and the finished trainings. So to go on is to start again:
//! what is finished is found, and the one that was interrupted goes on to the same bits.

mod cost;
mod fitting;
mod folder;
mod grid;
mod method;
mod metric;
mod outcome;
mod plan;
mod plot;
mod run;
mod runner;
mod state;
mod table;
mod trial;
mod write;

pub(crate) use fitting::methods;
pub(crate) use folder::Folder;
pub(crate) use grid::{Grid, Kind, middle};
pub(crate) use method::Method;
pub(crate) use metric::{Metric, Spread, front, told};
pub(crate) use outcome::{CellRow, Row};
pub(crate) use plan::{Done, Plan, Task};
pub(crate) use run::run;
pub(crate) use trial::{Cell, Finished, Role};
