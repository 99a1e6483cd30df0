//! A reading as lines of CSV, one for each peer: what `benches/record` keeps, and what
//! `benches/record/tables` prints as tables.

/// The names of the columns, as `run` puts them at the head of a record.
pub(crate) const COLUMNS: &str =
    "section,isa,threads,case,what,unit,ours,peer,theirs,times,goal,gflops,peak";

/// What was measured: ours, and each peer that was there.
pub(crate) struct Reading<'a> {
    /// The shape, layer or network.
    pub(crate) case: String,
    /// What is done with it.
    pub(crate) what: &'a str,
    pub(crate) unit: Unit,
    /// In the unit's base: seconds, or bytes.
    pub(crate) ours: f64,
    /// Names and the same of theirs; infinite for one that is not here.
    pub(crate) peers: &'a [(&'a str, f64)],
    /// How many times as fast as the best peer ours should be.
    pub(crate) goal: Option<Goal>,
    /// What the machine can do, beside ours.
    pub(crate) limit: Option<Limit>,
}

/// In what a reading is told.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Micros,
    Millis,
    Megabytes,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Micros => "us",
            Unit::Millis => "ms",
            Unit::Megabytes => "MB",
        }
    }

    fn of(self, base: f64) -> f64 {
        match self {
            Unit::Micros => 1e6 * base,
            Unit::Millis => 1e3 * base,
            Unit::Megabytes => 1e-6 * base,
        }
    }
}

/// What is to be reached.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// So many times as fast.
    Times(f64),
    /// So many times as fast, or this share of the FMA peak: whichever is less.
    TimesOrShare(f64, f64),
}

impl core::fmt::Display for Goal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Goal::Times(times) => write!(f, "{times}"),
            Goal::TimesOrShare(times, share) => write!(f, "{times} or {:.0} %", 100.0 * share),
        }
    }
}

/// Beside the FMA peak.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) flops: f64,
    /// The seconds that they take at the FMA peak.
    pub(crate) least: f64,
}

impl Reading<'_> {
    /// The lines that start with `head`: section, instruction set and threads. Without a peer there
    /// is one, for ours alone.
    pub(crate) fn lines(&self, head: &str) -> String {
        let Reading { case, what, ours, .. } = self;
        let goal = self.goal.map(|goal| goal.to_string()).unwrap_or_default();
        let limit = self.limit.map_or(",".to_owned(), |limit| {
            let (flops, share) = (limit.flops / ours, limit.least / ours);
            format!("{},{}", digits(1e-9 * flops), digits(100.0 * share))
        });
        let here: Vec<_> = self.peers.iter().filter(|(_, theirs)| theirs.is_finite()).collect();
        let peers = here.iter().map(|(name, theirs)| {
            format!("{name},{},{}", digits(self.unit.of(*theirs)), digits(theirs / ours))
        });
        let peers: Vec<_> = if here.is_empty() { vec![",,".to_owned()] } else { peers.collect() };
        let (unit, ours) = (self.unit.name(), digits(self.unit.of(*ours)));
        let line = |peer| format!("{head},{case},{what},{unit},{ours},{peer},{goal},{limit}\n");
        peers.into_iter().map(line).collect()
    }
}

/// Four significant digits: more than any reading is good for.
fn digits(x: f64) -> String {
    let whole = x.abs().max(1e-9).log10().floor() as i32 + 1;
    format!("{x:.*}", (4 - whole).max(0) as usize)
}
