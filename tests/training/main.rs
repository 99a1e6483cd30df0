//! Training as a whole: the same bits at any number of threads and after any interruption, the
//! objective that lambda states, and what a user may get wrong.

mod blocks;
mod convex;
mod determinism;
mod failures;
mod own;
mod penalties;
mod prune;
mod resume;
mod schedules;
mod setup;
mod stages;
mod steps;
mod stopping;
mod targets;
