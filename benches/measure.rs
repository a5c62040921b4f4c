//! Clocks, quantiles and tables.

use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

/// What one kind of call took, over many calls.
#[derive(Default)]
pub struct Times {
    /// On the wall: what a user waits. Sorted.
    wall: Vec<Duration>,
    /// On the processor, of the calling thread: what the code costs, also on a machine that does other things. Sorted;
    /// empty where it was not measured.
    processor: Vec<Duration>,
}

impl Times {
    pub fn of_wall(mut wall: Vec<Duration>) -> Times {
        wall.sort_unstable();
        Times { wall, processor: Vec::new() }
    }

    /// Calls `work` with 0, 1, … and times each call; the first tenth warms caches and is not counted.
    pub fn of(calls: usize, mut work: impl FnMut(usize)) -> Times {
        (0..calls / 10).for_each(&mut work);
        let mut times = Times::default();
        for call in 0..calls {
            let (processor, wall) = (processor_time(), Instant::now());
            work(call);
            times.wall.push(wall.elapsed());
            times.processor.extend(processor.zip(processor_time()).map(|(before, after)| after - before));
        }
        times.wall.sort_unstable();
        times.processor.sort_unstable();
        times
    }

    pub fn median(&self) -> Duration {
        quantile(&self.wall, 0.5)
    }

    pub fn p99(&self) -> Duration {
        quantile(&self.wall, 0.99)
    }

    /// Median and 99th percentile on the wall and the latter on the processor, in milliseconds, and the median as a
    /// multiple of `base`'s.
    pub fn cells(&self, base: &Times) -> [String; 4] {
        let processor = match self.processor.as_slice() {
            [] => "–".to_owned(),
            times => milliseconds(quantile(times, 0.99)),
        };
        [
            milliseconds(self.median()),
            milliseconds(self.p99()),
            processor,
            ratio(self.median(), base.median()),
        ]
    }

    /// Leaves the processor's time away, where most of the work is another process's.
    pub fn on_the_wall(self) -> Times {
        Times { processor: Vec::new(), ..self }
    }
}

fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

/// What this thread has used of the processor; `None` where the system does not tell.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
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
