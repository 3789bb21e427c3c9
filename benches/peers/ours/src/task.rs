//! The tasks of a client, one a process. Each prints one line of `name=value` words.

use crate::usage::{Usage, nanos, resident};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a task may fail with.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A client that is measured.
pub trait Reader: Sized + 'static {
    /// A client of the service at `base`.
    fn new(base: &str) -> Outcome<Self>;

    /// Reads the turn that `load` names to its end, and shows every delta.
    fn read(&self, load: &str, see: impl FnMut(&str)) -> impl Future<Output = Outcome>;
}

/// Does what the arguments of the process say: `TASK BASE NUMBERS…`.
pub fn run<R: Reader>(arguments: &[String]) -> Outcome {
    let [task, base, rest @ ..] = arguments else {
        return Err("a client needs a task and the address of the service".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let number = |at: usize| -> Outcome<u64> { Ok(rest.get(at).ok_or("a number is missing")?.parse()?) };
    local.block_on(&runtime, async {
        match task.as_str() {
            "fast" => fast::<R>(base, rest.first().ok_or("the load is missing")?, number(1)?, number(2)?).await,
            "first" => first::<R>(base, number(0)?).await,
            "paced" => paced::<R>(base, number(0)?, number(1)?, number(2)?).await,
            "memory" => memory::<R>(base, number(0)?, number(1)?).await,
            "construct" => construct::<R>(base, number(0)?),
            other => Err(format!("there is no task {other}").into()),
        }
    })
}

/// Reads a turn as fast as it comes, on the connection that a first turn has warmed.
async fn fast<R: Reader>(base: &str, writes: &str, warm: u64, deltas: u64) -> Outcome {
    let reader = R::new(base)?;
    reader.read(&format!("{writes}-{warm}"), |_| {}).await?;
    let (mut events, mut sum) = (0_u64, 0_usize);
    let (before, start) = (Usage::now(), Instant::now());
    reader
        .read(&format!("{writes}-{deltas}"), |delta| {
            events += 1;
            sum += delta.chars().count();
        })
        .await?;
    let (wall, used) = (start.elapsed(), Usage::now().since(before));
    println!("events={events} sum={sum} cpu_us={} switches={} wall_us={}", used.cpu, used.switches, wall.as_micros());
    Ok(())
}

/// How long the first delta takes from the call, on a warm connection.
async fn first<R: Reader>(base: &str, times: u64) -> Outcome {
    let reader = R::new(base)?;
    let (mut took, mut events, mut sum) = (Vec::new(), 0_u64, 0_usize);
    for _ in 0..times {
        let (start, mut first) = (Instant::now(), None);
        reader
            .read("event-3", |delta| {
                first.get_or_insert_with(|| start.elapsed());
                events += 1;
                sum += delta.chars().count();
            })
            .await?;
        took.push(first.ok_or("a turn had no delta")?);
    }
    // The first tenth warms the connection and the code.
    took.drain(..took.len() / 10);
    took.sort_unstable();
    println!("events={events} sum={sum} first_us={}", took[took.len() / 2].as_secs_f64() * 1e6);
    Ok(())
}

/// Streams that stay open, and what has come on them.
struct Open<R> {
    reader: Rc<R>,
    rate: u64,
    begun: Rc<Cell<u64>>,
    seen: Rc<Cell<u64>>,
    late: Rc<RefCell<Vec<u64>>>,
    failed: Rc<Cell<bool>>,
}

impl<R: Reader> Open<R> {
    fn new(base: &str, rate: u64) -> Outcome<Self> {
        let (reader, late) = (Rc::new(R::new(base)?), Rc::default());
        Ok(Self { reader, rate, begun: Rc::default(), seen: Rc::default(), late, failed: Rc::default() })
    }

    /// Opens streams until there are `streams`, and waits until each has shown its first delta.
    async fn up_to(&self, streams: u64) -> Outcome {
        for _ in self.begun.get()..streams {
            let (reader, load) = (self.reader.clone(), format!("paced-{}", self.rate));
            let (begun, seen, late, failed) =
                (self.begun.clone(), self.seen.clone(), self.late.clone(), self.failed.clone());
            tokio::task::spawn_local(async move {
                let mut first = true;
                let ended = reader.read(&load, |delta| {
                    if std::mem::take(&mut first) {
                        begun.set(begun.get() + 1);
                    }
                    seen.set(seen.get() + 1);
                    if seen.get() % 8 == 0 {
                        late.borrow_mut().push(nanos().saturating_sub(delta.parse().unwrap_or(0)));
                    }
                });
                if let Err(why) = ended.await {
                    eprintln!("a stream broke: {why}");
                }
                failed.set(true);
            });
        }
        while self.begun.get() < streams {
            if self.failed.get() {
                return Err("a paced stream ended".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Many streams at a pace: what they take of a core, and how late the deltas are seen.
async fn paced<R: Reader>(base: &str, streams: u64, rate: u64, seconds: u64) -> Outcome {
    let open = Open::<R>::new(base, rate)?;
    open.up_to(streams).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    open.seen.set(0);
    open.late.borrow_mut().clear();
    let (before, start) = (Usage::now(), Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (wall, used) = (start.elapsed().as_secs_f64(), Usage::now().since(before));
    let mut late = open.late.take();
    late.sort_unstable();
    let at = |share: usize| late.get(late.len() * share / 100).copied().unwrap_or(0) / 1000;
    println!(
        "events={} core={} switches={} p50_us={} p99_us={} wall_us={}",
        open.seen.get(),
        used.cpu / wall / 1e6,
        used.switches,
        at(50),
        at(99),
        wall * 1e6,
    );
    // Thousands of streams are open: the end of the process closes them.
    std::process::exit(i32::from(open.failed.get()));
}

/// What each further stream adds to the resident memory.
async fn memory<R: Reader>(base: &str, few: u64, many: u64) -> Outcome {
    let open = Open::<R>::new(base, 1)?;
    let mut resident_at = Vec::new();
    for streams in [few, many] {
        open.up_to(streams).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        resident_at.push(resident());
    }
    println!("rss={} rss_each={}", resident_at[1], resident_at[1].saturating_sub(resident_at[0]) / (many - few));
    std::process::exit(i32::from(open.failed.get()));
}

/// What a client costs to make: the first, and each further one.
fn construct<R: Reader>(base: &str, times: u64) -> Outcome {
    let mut kept = Vec::new();
    let start = Usage::now();
    kept.push(R::new(base)?);
    let first = Usage::now();
    for _ in 0..times {
        kept.push(R::new(base)?);
    }
    let each = Usage::now().since(first).cpu / f64::from(u32::try_from(times)?);
    println!("construct_first_us={} construct_each_us={each}", first.since(start).cpu);
    Ok(())
}
