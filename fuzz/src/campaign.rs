//! The parent: a process for each reader, two at a time, and their findings.

use crate::args::{Args, WORKER};
use crate::note::{self, Note, folder};
use crate::targets::Target;
use crate::{execute, seeds, watchdog};
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

/// How many readers run at once.
const AT_ONCE: usize = 2;

fn note_of(target: &Target) -> PathBuf {
    folder().join(format!("{}.now", target.name))
}

/// Runs all readers; the number of findings.
pub(crate) fn run(args: &Args) -> io::Result<usize> {
    std::fs::create_dir_all(folder())?;
    if args.replay.is_none() && args.targets.iter().any(|target| target.needs_files) {
        seeds::make()?;
    }
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let worker = || -> io::Result<()> {
        while let Some(target) = args.targets.get(next.fetch_add(1, SeqCst)) {
            found.fetch_add(usize::from(finds(target, args)?), SeqCst);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("it prints its errors"))
    })?;
    Ok(found.into_inner())
}

/// Whether the process of a reader ends as it should not.
fn finds(target: &Target, args: &Args) -> io::Result<bool> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([target.name, WORKER, "--seed", &args.plan.seed.to_string()]);
    let limits = [("--seconds", args.plan.seconds), ("--executions", args.plan.executions)];
    for (option, value) in limits {
        command.args(value.iter().flat_map(|n| [option.to_owned(), n.to_string()]));
    }
    if let Some(file) = &args.replay {
        command.arg("--replay").arg(file);
    }
    let status = command.status()?;
    if status.success() {
        return Ok(false);
    }
    let name = target.name;
    let Some(input) = Note::read(&note_of(target)) else {
        println!("{name}: FOUND before the first input: {}", cause(status));
        return Ok(true);
    };
    let path = note::save(&folder(), name, &input)?;
    println!("{name}: FOUND: {}, by {} bytes", cause(status), input.len());
    println!("    again: cargo run -p proxtape-fuzz -- {name} --replay {}", path.display());
    Ok(true)
}

/// How a process ended; why is on its stderr.
fn cause(status: ExitStatus) -> String {
    match status.code() {
        Some(watchdog::CODE) => "it took too long, or too much memory".to_owned(),
        Some(101) => "a panic".to_owned(),
        _ => format!("its process ended with {status}"),
    }
}

/// Runs the reader of this process.
pub(crate) fn work(args: &Args) -> io::Result<()> {
    let target = args.targets[0];
    let note = Note::create(&note_of(target))?;
    match &args.replay {
        Some(file) => execute::replay(target, &std::fs::read(file)?, note),
        None => execute::run(target, args.plan, note),
    }
    Ok(())
}
