//! Recipes: from TOML to a training configuration, and back.

mod by_name;
mod contents;
mod data;
mod fault;
mod layer;
mod model;
mod penalty;
mod read;
pub(crate) mod redact;
mod target;
mod train;

pub(crate) use contents::Recipe;
pub(crate) use data::{Data, Kind as DataKind, Label, Location, at_home};
pub(crate) use layer::Layer;
pub(crate) use model::{Model, Net};
pub(crate) use penalty::Penalty;
pub(crate) use read::{DEFAULT, SHIPPED, find, is_same, parse, read};
pub(crate) use target::Target;
pub(crate) use train::{OptimizerKind, Prune, ScheduleKind, Stage};
