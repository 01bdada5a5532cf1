//! `vaekit sweep`

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use vaekit::run::{Metrics, RunFile, write_atomically};
use vaekit::sweep::{Outcome, Plan, Point, Summary, summarise, sweep_page, write_csv};
use vaekit::{Error, Result, Run, TrainConfig};

use crate::input::Places;
use crate::{Common, progress, say};

/// Flags of `sweep`.
#[derive(Args)]
pub struct Sweep {
    /// A TOML file of settings with a table [sweep]: a list of values for each key
    config: PathBuf,
    /// The folder of all runs [default: sweeps/NAME of the file]; what is there already goes on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Runs at a time, each with its share of the threads [default: a run a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Score disentanglement as well; the data must bring factors
    #[arg(long)]
    disentanglement: bool,
    #[command(flatten)]
    places: Places,
    #[command(flatten)]
    common: Common,
}

impl Sweep {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        let stem = self.config.file_stem().map_or_else(|| "sweep".into(), |s| s.to_string_lossy().into_owned());
        let out = self.out.clone().unwrap_or_else(|| Path::new("sweeps").join(&stem));
        let plan = Plan::new(TrainConfig::read_layer(&self.config)?)?;
        std::fs::create_dir_all(&out)
            .map_err(|e| Error::setting("out", format!("{} cannot be made: {e}", out.display())))?;
        self.train(&plan, &out)?;
        let mut outcomes = Vec::new();
        for point in &plan.points {
            let run = Run::open(out.join(&point.name))?;
            outcomes.push(Outcome::measure(point, &run, &self.places.options(), self.disentanglement)?);
            if !self.common.quiet {
                say::note(&format!("measured {} of {}: {}", outcomes.len(), plan.points.len(), point.name));
            }
        }
        let summaries = summarise(&plan, &outcomes);
        write_atomically(&out.join("sweep.csv"), |file| write_csv(file, &plan, &outcomes))?;
        let extra = if self.disentanglement { " --disentanglement" } else { "" };
        let again = format!("vaekit sweep {} --out {}{extra}", self.config.display(), out.display());
        let page = sweep_page(&stem, &summaries, &again);
        write_atomically(&out.join("sweep.html"), |file| file.write_all(page.as_bytes()))?;
        if self.common.json {
            say::json(&serde_json::json!({"out": out, "runs": outcomes.len(), "settings": summaries}));
        } else {
            print(&summaries);
            say::out(&format!("{:<20}{}", "table", out.join("sweep.csv").display()));
            say::out(&format!("{:<20}{}", "page", out.join("sweep.html").display()));
        }
        Ok(())
    }

    /// Trains what is not finished, a process a run.
    fn train(&self, plan: &Plan, out: &Path) -> Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.map_or(cores, usize::from).min(plan.points.len());
        let threads = (self.common.threads.unwrap_or(cores) / jobs).max(1);
        let interrupted = progress::interrupts();
        let mut waiting: Vec<&Point> = Vec::new();
        for point in &plan.points {
            if !finished(point, &out.join(&point.name))? {
                waiting.push(point);
            }
        }
        let (total, mut done) = (plan.points.len(), plan.points.len() - waiting.len());
        waiting.reverse();
        let mut running: Vec<(&Point, Child)> = Vec::new();
        let mut failed = None;
        while !running.is_empty() || !waiting.is_empty() {
            let stop = failed.is_some() || interrupted.load(Ordering::SeqCst);
            if stop {
                waiting.clear();
            }
            while running.len() < jobs
                && let Some(point) = waiting.pop()
            {
                running.push((point, self.start(point, &out.join(&point.name), threads)?));
            }
            std::thread::sleep(Duration::from_millis(50));
            let mut still = Vec::new();
            for (point, mut child) in running {
                match child.try_wait() {
                    Ok(None) => still.push((point, child)),
                    Ok(Some(status)) if status.success() => {
                        done += 1;
                        if !self.common.quiet {
                            say::note(&format!("trained {done} of {total}: {}", point.name));
                        }
                    }
                    Ok(Some(_)) => failed = failed.or(Some(point.name.clone())),
                    Err(e) => return Err(Error::setting("sweep", format!("a run cannot be waited for: {e}"))),
                }
            }
            running = still;
        }
        if interrupted.load(Ordering::SeqCst) {
            return Err(Error::interrupted(format!(
                "interrupted after {done} of {total} runs; the same command goes on"
            )));
        }
        match failed {
            None => Ok(()),
            Some(name) => Err(Error::setting(
                "sweep",
                format!("the run {name} failed, as its own message above says; mend it and give the same command"),
            )),
        }
    }

    fn start(&self, point: &Point, dir: &Path, threads: usize) -> Result<Child> {
        let cannot = |e: std::io::Error| Error::setting("sweep", format!("a run cannot be started: {e}"));
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        command.arg("train").args(["--quiet", "--json", "--threads", &threads.to_string()]);
        command.args(["--device", &self.common.device]);
        if let Some(places) = &self.places.data_dir {
            command.arg("--data-dir").arg(places);
        }
        if self.places.offline {
            command.arg("--offline");
        }
        match RunFile::read(dir) {
            Ok(_) => command.arg("--resume").arg(dir),
            Err(_) => {
                let config = dir.with_file_name(format!("{}.toml", point.name));
                let text = toml::to_string(&point.layer).unwrap_or_default();
                write_atomically(&config, |out| out.write_all(text.as_bytes()))?;
                command.arg("--config").arg(config).arg("--out").arg(dir)
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(cannot)
    }
}

/// Whether a run is there and trained to the end, with the settings of its point.
fn finished(point: &Point, dir: &Path) -> Result<bool> {
    let Ok(file) = RunFile::read(dir) else { return Ok(false) };
    let wanted = TrainConfig::from_layers(std::slice::from_ref(&point.layer))?;
    if file.config.epochs != wanted.epochs || file.config.variant != wanted.variant {
        return Err(Error::setting(
            "out",
            format!("{} holds a run of other settings than the file asks for; choose another --out", dir.display()),
        ));
    }
    let early = file.config.patience > 0;
    let last = Metrics::read(dir)?.last().map_or(0, |m| m.epoch);
    Ok(last >= wanted.epochs || early && dir.join("samples.png").exists())
}

fn print(summaries: &[Summary]) {
    let Some(first) = summaries.first() else { return };
    let settings: Vec<&str> = first.settings.iter().map(|(key, _)| key.as_str()).collect();
    let names: String = first.figures.iter().map(|(name, ..)| format!("{name:>20}")).collect();
    say::out(&format!("{:<28}{:>5}{names}", settings.join(", "), "runs"));
    for s in summaries {
        let settings: Vec<&str> = s.settings.iter().map(|(_, value)| value.as_str()).collect();
        let figure = |(_, v, e): &(&str, f64, Option<f64>)| match e {
            Some(e) => format!("{:>20}", format!("{v:.3} +- {e:.3}")),
            None => format!("{:>20}", format!("{v:.3}")),
        };
        let figures: String = s.figures.iter().map(figure).collect();
        say::out(&format!("{:<28}{:>5}{figures}", settings.join(", "), s.runs));
    }
}
