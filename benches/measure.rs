//! Clocks, quantiles and tables.

use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

/// What one kind of call took, over many calls.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Times {
        times.sort_unstable();
        Times(times)
    }

    /// Calls `work` with 0, 1, … and times each call; the first tenth warms caches and is not counted.
    pub fn of(calls: usize, mut work: impl FnMut(usize)) -> Times {
        (0..calls / 10).for_each(&mut work);
        let timed = |call| {
            let start = Instant::now();
            work(call);
            start.elapsed()
        };
        Times::new((0..calls).map(timed).collect())
    }

    pub fn median(&self) -> Duration {
        self.quantile(0.5)
    }

    pub fn p99(&self) -> Duration {
        self.quantile(0.99)
    }

    fn quantile(&self, share: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
    }
}

pub fn milliseconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

/// `time` as a multiple of `base`.
pub fn ratio(time: Duration, base: Duration) -> String {
    format!("{:.2} ×", time.as_secs_f64() / base.as_secs_f64())
}

/// How many a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Prints rows as a Markdown table under a title.
pub fn print<const COLUMNS: usize>(title: &str, header: [&str; COLUMNS], rows: Vec<[String; COLUMNS]>) {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    println!("\n### {title}\n\n{table}");
}

/// Says on what was measured.
pub fn print_machine(size: usize) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    println!("{size} profiles, {cores} cores, load {load} before the start");
}
