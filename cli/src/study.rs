//! A study: many trainings in one folder, each once, for `compare` and `sweep`.
//!
//! ```text
//! plan      from the grid and the finished trials to the trials that are wanted
//! trial     a training in a run folder of its own, by the same code as `train`
//! runner    takes the first wanted trial that is not finished; it stops, or it ends, is compacted where it
//!           is a result, and the tables are written
//! ```
//!
//! A plan is a function of the grid and the finished trials. So a study is resumed by starting it again:
//! finished trials are found, and an interrupted one goes on to the same bits.

mod cost;
mod fitting;
mod folder;
mod grid;
mod method;
mod metric;
mod plan;
mod plot;
mod results;
mod run;
mod runner;
mod table;
mod trial;
mod write;

pub(crate) use fitting::methods;
pub(crate) use folder::Folder;
pub(crate) use grid::{Grid, Kind, middle};
pub(crate) use method::Method;
pub(crate) use metric::{Metric, Spread, front, spread_text};
pub(crate) use plan::{Done, Plan};
pub(crate) use results::{Row, TrialRow};
pub(crate) use run::run;
pub(crate) use trial::{Finished, Role, Task, Trial};
