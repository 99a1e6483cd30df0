//! `bench`: the rates of the kernels on this machine, as shares of its limits.

mod measure;

use crate::args::BenchArgs;
use crate::failure::{Ending, Failure};
use crate::output::number::threads;
use crate::output::table::Table;
use crate::output::terminal::Terminal;
use crate::system::context::Context;
use crate::system::machine::Machine;
use measure::{Effort, Measured, Meter};
use proxtape::Exec;
use proxtape_workloads::conv::{self, LAYERS, Phase};
use proxtape_workloads::gemm::{self, SHAPES};
use proxtape_workloads::{Workload, layer, sparse, update};
use serde::Serialize;
use std::time::Instant;

/// The object that `bench --json` prints.
#[derive(Serialize)]
struct Report {
    /// As the operating system names it, where it does.
    cpu: Option<String>,
    isa: &'static str,
    threads: usize,
    /// The FMA peak of all threads, in 10^9 multiplications and additions a second.
    fma_gflops: f64,
    /// y = y + a x on 128 MiB: 10^9 bytes read and written a second.
    memory_gb_per_second: f64,
    kernels: Vec<Kernel>,
    seconds: f64,
    version: &'static str,
}

#[derive(Serialize)]
struct Kernel {
    group: &'static str,
    name: String,
    #[serde(flatten)]
    measured: Measured,
}

/// A name and its workloads, which are made when their turn comes.
type Group = (&'static str, Box<dyn Iterator<Item = Workload> + Send>);

fn groups(exec: Exec) -> [Group; 5] {
    let products = SHAPES.into_iter().map(move |shape| gemm::product(exec, shape));
    let phases = LAYERS.iter().flat_map(move |l| Phase::ALL.map(|p| conv::phase(exec, l, p)));
    [
        ("gemm", Box::new(products.chain(gemm::forms(exec)))),
        ("conv", Box::new(phases)),
        ("update", Box::new(update::steps(exec))),
        ("layer", Box::new(layer::all(exec))),
        ("sparse", Box::new(sparse::layers(exec))),
    ]
}

/// Runs the command.
pub(crate) fn run(args: &BenchArgs, context: &mut Context) -> Result<Ending, Failure> {
    let machine = context.machine()?;
    let effort = if args.quick { Effort::Quick } else { Effort::Careful };
    let report = machine.install(|| measure(&machine, effort, context.terminal));
    context.answer(&report, &|| text(&report))?;
    Ok(Ending::Done)
}

fn measure(machine: &Machine, effort: Effort, terminal: Terminal) -> Report {
    let start = Instant::now();
    let exec = machine.exec();
    let mut meter = Meter::new(exec, machine.threads(), effort);
    let memory_gb_per_second = meter.memory() / 1e9;
    let mut kernels = Vec::new();
    for (group, workloads) in groups(exec) {
        terminal.say(format_args!("measuring: {group}"));
        for workload in workloads {
            let measured = meter.measure(workload.call, workload.limit);
            kernels.push(Kernel { group, name: workload.name, measured });
        }
    }
    Report {
        cpu: cpu_name(),
        isa: machine.isa(),
        threads: machine.threads(),
        fma_gflops: meter.fma() / 1e9,
        memory_gb_per_second,
        kernels,
        seconds: start.elapsed().as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// The model of the first core, as Linux names it; nothing elsewhere.
fn cpu_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn text(report: &Report) -> String {
    let Report { isa, threads: n, fma_gflops, memory_gb_per_second, .. } = report;
    let cpu = report.cpu.as_deref().unwrap_or("this CPU");
    let mut text = format!(
        "{cpu}, {isa}, {}: {fma_gflops:.1} GFLOP/s of FMA, {memory_gb_per_second:.1} GB/s \
         of memory\n",
        threads(*n)
    );
    for group in report.kernels.chunk_by(|a, b| a.group == b.group) {
        let mut table = Table::new(&[group[0].group, "us", "GFLOP/s", "GB/s", "limit", "share"]);
        for Kernel { name, measured, .. } in group {
            let rate = |rate: Option<f64>| rate.map_or(String::new(), |r| format!("{r:.1}"));
            table.row(vec![
                name.clone(),
                format!("{:.1}", measured.seconds * 1e6),
                rate(measured.gflops),
                rate(measured.gb_per_second),
                measured.limit.clone(),
                format!("{:.0} %", 100.0 * measured.share),
            ]);
        }
        text.push_str(&format!("\n{}", table.render()));
    }
    text.push_str(
        "\nThe share is the limit's time over the kernel's. fma: the FMA peak; bandwidth: a plain \
         pass over\noperands of the same size, which may lie in a cache; else what is named.\n",
    );
    text
}
