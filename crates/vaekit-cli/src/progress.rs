//! Progress: a bar on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use vaekit::TrainEvent;
use vaekit::data::Step;
use vaekit::data::public::Progress;

use crate::say;
use crate::signals::interrupts;

/// Shows training to whoever watches.
pub struct Display {
    quiet: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    batches: usize,
    epochs: u64,
    rows: usize,
    told: Instant,
    drawn: Instant,
}

impl Display {
    pub fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let now = Instant::now();
        Self { quiet, terminal, bar: None, batches: 0, epochs: 0, rows: 0, told: now, drawn: now }
    }

    /// Takes an event.
    pub fn hear(&mut self, event: TrainEvent) {
        match event {
            TrainEvent::Warning(text) => self.line(|| say::warning(&text)),
            _ if self.quiet => {}
            TrainEvent::Preparing(what) => say::note(what),
            TrainEvent::Started {
                dir,
                data,
                missing,
                train_rows,
                valid_rows,
                test_rows,
                parameters,
                likelihood,
                epochs_done,
                epochs,
                batches,
            } => {
                (self.batches, self.epochs, self.rows) = (batches, epochs, train_rows);
                say::note(&format!(
                    "{data}; {} rows to train on, {} for validation, {} for testing",
                    say::count(train_rows),
                    say::count(valid_rows),
                    say::count(test_rows)
                ));
                if missing > 0 {
                    say::note(&format!(
                        "{} values are missing: the encoder gets a mask of them, and the likelihood leaves them out",
                        say::count(missing)
                    ));
                }
                let from =
                    if epochs_done > 0 { format!(", going on after epoch {epochs_done}") } else { String::new() };
                say::note(&format!(
                    "{} weights, {likelihood} likelihood, {epochs} epochs into {}{from}",
                    say::count(parameters),
                    dir.display()
                ));
            }
            TrainEvent::Batch { epoch, batch, loss, rate, distortion, samples_per_second } => {
                // Telling costs time that training could use.
                if self.drawn.elapsed() < Duration::from_millis(100) {
                    return;
                }
                self.drawn = Instant::now();
                let rate = rate.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}"));
                let rows_left = (self.epochs - epoch) as f64 * self.rows as f64
                    + (self.batches - batch) as f64 / self.batches as f64 * self.rows as f64;
                let left = time(rows_left / samples_per_second.max(1.0));
                let text = format!(
                    "loss {loss:.2} rate {rate} distortion {distortion:.2}, {}/s, {left} left",
                    say::count(samples_per_second as usize)
                );
                if self.terminal {
                    let bar = self.bar.get_or_insert_with(|| bar(self.batches));
                    bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
                    bar.set_position(batch as u64);
                    bar.set_message(text);
                } else if self.told.elapsed() > Duration::from_secs(30) {
                    self.told = Instant::now();
                    say::note(&format!("epoch {epoch}/{}, batch {batch}/{}: {text}", self.epochs, self.batches));
                }
            }
            TrainEvent::Epoch(m) => {
                self.told = Instant::now();
                let valid = m.valid.map(|v| match v.elbo_nats {
                    Some(elbo) => format!(", validation ELBO {elbo:.2}"),
                    None => format!(", validation distortion {:.2}", v.distortion_nats),
                });
                let rate = m.train.rate_nats.map_or_else(String::new, |r| format!(" rate {r:.2}"));
                let text = format!(
                    "epoch {}/{}: loss {:.2}{rate} distortion {:.2}{}, {}/s",
                    m.epoch,
                    self.epochs,
                    m.train.loss,
                    m.train.distortion_nats,
                    valid.unwrap_or_default(),
                    say::count(m.samples_per_second as usize)
                );
                // A long run of short epochs would fill the screen.
                let every = self.epochs.div_ceil(50).max(1);
                if m.epoch % every == 0 || m.epoch == self.epochs {
                    self.line(|| say::note(&text));
                }
            }
            TrainEvent::StoppedEarly { epoch, best_epoch } => self.line(|| {
                say::note(&format!(
                    "stopped after epoch {epoch}: nothing better since epoch {best_epoch}, whose weights are kept"
                ));
            }),
            _ => self.line(|| ()),
        }
    }

    /// Prints above the bar.
    fn line(&mut self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

fn bar(length: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix} [{bar:24}] {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length as u64).with_style(style.progress_chars("=> "))
}

fn time(seconds: f64) -> String {
    let s = seconds.max(0.0) as u64;
    if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

/// Shows a download.
pub fn download(quiet: bool) -> impl FnMut(Progress<'_>) {
    let mut shown: Option<(String, ProgressBar)> = None;
    move |p| {
        if quiet {
            return;
        }
        if shown.as_ref().is_none_or(|(file, _)| file != p.file) {
            if !std::io::stderr().is_terminal() {
                say::note(&format!("downloading {}", p.file));
            }
            let style = ProgressStyle::with_template("{prefix} [{bar:24}] {bytes}/{total_bytes}, {eta} left");
            let bar = ProgressBar::new(p.total.unwrap_or(0)).with_prefix(p.file.to_owned());
            shown = Some((p.file.to_owned(), bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))));
        }
        if let Some((_, bar)) = &shown {
            bar.set_position(p.done);
        }
    }
}

/// Counts rows of work that takes long; Ctrl-C ends it after the rows at hand.
pub struct Counter {
    what: &'static str,
    rows: usize,
    done: usize,
    bar: Option<ProgressBar>,
    quiet: bool,
    told: Instant,
    interrupted: Arc<AtomicBool>,
}

impl Counter {
    pub fn new(what: &'static str, rows: usize, quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| bar(rows));
        if let Some(bar) = &bar {
            bar.set_prefix(what);
        }
        let interrupted = interrupts();
        Self { what, rows, done: 0, bar, quiet, told: Instant::now(), interrupted }
    }

    /// Takes the number of rows done.
    pub fn at(&mut self, done: usize) -> Step {
        self.done = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            bar.set_message(format!("{} of {} rows, {} left", say::count(done), say::count(self.rows), left(bar)));
        } else if !self.quiet && self.told.elapsed() > Duration::from_secs(30) {
            self.told = Instant::now();
            say::note(&format!("{}: {} of {} rows", self.what, say::count(done), say::count(self.rows)));
        }
        if self.interrupted.load(Ordering::SeqCst) { Step::Stop } else { Step::Continue }
    }

    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// The result, with a word when an interrupt cut it short.
    pub fn partial<T>(&self, result: T) -> vaekit::Result<T> {
        if self.done < self.rows {
            let (done, rows) = (say::count(self.done), say::count(self.rows));
            say::warning(&format!("{} was interrupted: the figures are of the first {done} of {rows} rows", self.what));
        }
        Ok(result)
    }
}

fn left(bar: &ProgressBar) -> String {
    time(bar.eta().as_secs_f64())
}
