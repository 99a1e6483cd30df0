//! Ctrl-C: the first asks for an end after the step, the second ends at once.

use crate::failure::{Ending, Failure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an end was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Watches for the signal from now on.
    pub(crate) fn watch() -> Result<Interrupt, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        let handler = move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(Ending::Interrupted.code().into());
            }
        };
        let watching = ctrlc::set_handler(handler);
        watching.map_err(|e| Failure::failed(format!("Ctrl-C cannot be watched: {e}")))?;
        Ok(Interrupt(asked))
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
