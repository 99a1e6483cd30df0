//! A thread that ends the process when one execution takes too long or too much.
//!
//! Time is that of the processor, so that a busy machine makes no finding; a reader that waits (for a
//! pipe, for a lock) is found on the clock.

use crate::memory;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// The most processor time of an execution.
const COMPUTING: Duration = Duration::from_secs(2);
/// The longest that an execution may wait.
const WAITING: Duration = Duration::from_secs(20);
/// How often it looks.
const PERIOD: Duration = Duration::from_millis(10);

/// The exit code of a process that the watchdog ended.
pub(crate) const CODE: i32 = 70;

/// The number of the execution that runs, from 1; 0 between two.
static EXECUTION: AtomicU64 = AtomicU64::new(0);

pub(crate) fn start(execution: u64) {
    EXECUTION.store(execution, SeqCst);
}

pub(crate) fn stop() {
    EXECUTION.store(0, SeqCst);
}

/// Starts to watch.
pub(crate) fn watch() {
    thread::spawn(|| {
        let mut seen = (0, Instant::now(), computed());
        loop {
            thread::sleep(PERIOD);
            if let Some(size) = memory::excess() {
                end(&format!(
                    "it asked for {size} bytes, with which it would hold more than {}",
                    memory::LIMIT
                ));
            }
            let execution = EXECUTION.load(SeqCst);
            if execution != seen.0 {
                seen = (execution, Instant::now(), computed());
            } else if execution != 0 {
                if computed().saturating_sub(seen.2) > COMPUTING {
                    end(&format!("it computed for more than {} s", COMPUTING.as_secs()));
                }
                if seen.1.elapsed() > WAITING {
                    end(&format!("it waited for more than {} s", WAITING.as_secs()));
                }
            }
        }
    });
}

fn end(why: &str) -> ! {
    eprintln!("watchdog: {why}");
    std::process::exit(CODE);
}

/// The processor time of this process so far; where the system does not report it as Linux does, the
/// time of day will do.
fn computed() -> Duration {
    // The 14th and 15th field, in hundredths of a second; the second is a name in parentheses.
    let used = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let [user, system]: [u64; 2] =
            [fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?];
        Some(Duration::from_millis(10 * (user + system)))
    });
    used.unwrap_or_else(|| std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}
