//! PyTorch in a process of its own, which times what it is asked for (`torch_peer.py`).

use proxtape_workloads::stopwatch::Contestant;
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A running `torch_peer.py`; it ends when this is dropped, for its stdin then ends.
pub(crate) struct Torch {
    pipe: RefCell<Pipe>,
    _child: Child,
}

struct Pipe {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Torch {
    /// Starts it with this interpreter.
    pub(crate) fn start(python: &str, threads: usize) -> Torch {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/torch_peer.py");
        let mut child = Command::new(python)
            .args([script, &threads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{python} cannot be started: {e}"));
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (to, from) = pipes.expect("both ends are piped");
        let mut pipe = Pipe { to, from: BufReader::new(from) };
        // It has read its libraries.
        assert_eq!(pipe.answer(), "ready", "torch_peer.py does not start");
        Torch { pipe: RefCell::new(pipe), _child: child }
    }

    /// The answer to one case.
    pub(crate) fn ask(&self, case: &str, slice: Duration) -> f64 {
        let mut pipe = self.pipe.borrow_mut();
        writeln!(pipe.to, "{case} {}", slice.as_secs_f64()).expect("torch_peer.py listens");
        let answer = pipe.answer();
        answer.parse().unwrap_or_else(|_| panic!("torch_peer.py answers \"{answer}\" to {case}"))
    }

    /// A case as a contestant.
    pub(crate) fn contestant(&self, case: String) -> Contestant<'_> {
        Box::new(move |slice| self.ask(&case, slice))
    }
}

impl Pipe {
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("torch_peer.py answers in UTF-8");
        line.trim_end().to_owned()
    }
}
