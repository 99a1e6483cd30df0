//! The command line.

use crate::execute::Plan;
use crate::targets::{self, Target};
use std::path::PathBuf;

/// Seconds for each reader, where none are given.
const SECONDS: u64 = 10;

pub(crate) struct Args {
    pub(crate) targets: Vec<&'static Target>,
    pub(crate) plan: Plan,
    /// One input instead of many.
    pub(crate) replay: Option<PathBuf>,
    pub(crate) role: Role,
}

/// Which of the two processes this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Starts the others and keeps their findings.
    Parent,
    /// Runs one reader.
    Worker,
}

/// The word that makes a worker.
pub(crate) const WORKER: &str = "--worker";

pub(crate) fn usage() -> String {
    let names: Vec<_> = targets::public().map(|target| target.name).collect();
    format!(
        "usage: fuzz READER|all [--seconds N] [--executions N] [--seed S]\n       fuzz READER --replay \
         FILE\nreaders: {}",
        names.join(", ")
    )
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
        let name = words.next().ok_or("expected a reader")?;
        let targets: Vec<_> = match &*name {
            "all" => targets::public().collect(),
            name => targets::find(name).into_iter().collect(),
        };
        if targets.is_empty() {
            return Err(format!("there is no reader \"{name}\""));
        }
        let mut plan = Plan { seconds: None, executions: None, seed: 1 };
        let (mut replay, mut role) = (None, Role::Parent);
        while let Some(option) = words.next() {
            let mut value = || words.next().ok_or(format!("{option} takes a value"));
            let number = |text: String| text.parse().map_err(|e| format!("{option} {text}: {e}"));
            match &*option {
                "--seconds" => plan.seconds = Some(number(value()?)?),
                "--executions" => plan.executions = Some(number(value()?)?),
                "--seed" => plan.seed = number(value()?)?,
                "--replay" => replay = Some(PathBuf::from(value()?)),
                WORKER => role = Role::Worker,
                _ => return Err(format!("there is no option {option}")),
            }
        }
        if replay.is_some() && targets.len() > 1 {
            return Err("--replay takes one reader".to_owned());
        }
        if plan.seconds.or(plan.executions).is_none() {
            plan.seconds = Some(SECONDS);
        }
        Ok(Args { targets, plan, replay, role })
    }
}
