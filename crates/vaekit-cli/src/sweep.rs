//! `vaekit sweep`

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

use clap::Args;
use vaekit::run::{RunFile, is_leftover, open_in_place, write_atomically};
use vaekit::sweep::{
    Outcome, Plan, Point, Summary, SweepEvent, Trained, choice, chosen, figure_names, quoted, shown, summarise,
    sweep_page, write_csv,
};
use vaekit::uses::{choosable, comparable};
use vaekit::{Error, ErrorKind, Result, Run, TrainConfig};

use crate::input::Places;
use crate::{Common, progress, say, signals};

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
        let plan = Plan::new(TrainConfig::read_layer(&self.config, None)?)?;
        if self.disentanglement {
            self.check_factors(&plan)?;
        }
        let open = &mut |config: &TrainConfig| {
            config.open_data(&self.places.options(), &mut progress::download(self.common.quiet))
        };
        plan.check(open)?;
        own_folder(&out, &plan)?;
        std::fs::create_dir_all(&out)
            .map_err(|e| Error::setting("out", format!("{} cannot be made: {e}", out.display())))?;
        let _lock = lock(&out)?;
        let mut failed = self.train(&plan, &out)?;
        let (mut outcomes, mut runs) = (Vec::new(), Vec::new());
        let trained: Vec<&Point> = plan.points.iter().filter(|p| !failed.contains(&p.name)).collect();
        for point in trained {
            let run = Run::open(out.join(&point.name))?;
            match Outcome::measure(point, &run, &self.places.options(), self.disentanglement) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) if matches!(error.kind(), ErrorKind::NotFinite { .. }) => {
                    say::warning(&format!("{} is left out: {error}", point.name));
                    failed.push(point.name.clone());
                    continue;
                }
                Err(error) => return Err(error),
            }
            // One of a kind says which kinds there are; thousands of models would fill memory.
            let kind = |r: &Run| {
                let c = r.config();
                (c.variant.clone(), c.model.likelihood.clone(), c.normalize, c.binarize)
            };
            if runs.iter().all(|other| kind(other) != kind(&run)) {
                runs.push(run);
            }
            if !self.common.quiet {
                say::note(&format!("measured {} of {}: {}", outcomes.len(), plan.points.len(), point.name));
            }
        }
        if outcomes.is_empty() {
            return Err(Error::interrupted("no run of the sweep succeeded, as their own messages say"));
        }
        let summaries = summarise(&plan, &outcomes);
        write_atomically(&out.join("sweep.csv"), |file| write_csv(file, &plan, &outcomes))?;
        let extra = if self.disentanglement { " --disentanglement" } else { "" };
        let again = format!("vaekit sweep {} --out {}{extra}", quoted(&self.config), quoted(&out));
        let (notes, by) = (comparable(&runs).0, choosable(&runs));
        let page = sweep_page(&stem, &summaries, (&notes, by), &again);
        write_atomically(&out.join("sweep.html"), |file| file.write_all(page.as_bytes()))?;
        if self.common.json {
            let found = chosen(&summaries, by)
                .map(|(at, by)| serde_json::json!({"settings": summaries[at].settings, "by": by}));
            say::json(&serde_json::json!({
                "out": out, "runs": outcomes.len(), "settings": summaries, "chosen": found,
            }));
        } else {
            print(&summaries);
            say::out(&choice(&summaries, by));
            notes.iter().for_each(|note| say::warning(note));
            say::out(&format!("{:<20}{}", "table", out.join("sweep.csv").display()));
            say::out(&format!("{:<20}{}", "page", out.join("sweep.html").display()));
        }
        match failed.len() {
            0 => Ok(()),
            n => Err(Error::interrupted(format!("{n} runs of the sweep failed; the same command tries them again"))),
        }
    }

    /// Refuses data without factors before hours of training.
    fn check_factors(&self, plan: &Plan) -> Result<()> {
        let Some(point) = plan.points.first() else { return Ok(()) };
        let config = point.config()?;
        let data = config.open_data(&self.places.options(), &mut progress::download(self.common.quiet))?;
        match data.factors {
            Some(_) => Ok(()),
            None => Err(Error::setting(
                "disentanglement",
                format!(
                    "{} brings no factors; sweep without it, then `evaluate RUN --disentanglement --factors FILE`",
                    data.name
                ),
            )),
        }
    }

    /// Trains what is not finished, a process a run; gives the names of those that failed.
    fn train(&self, plan: &Plan, out: &Path) -> Result<Vec<String>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.map_or(cores, usize::from).min(plan.points.len());
        let threads = (self.common.threads.unwrap_or(cores) / jobs).max(1);
        let interrupted = signals::interrupts();
        let mut hear = |event: SweepEvent<'_>| match event {
            SweepEvent::Trained { done, total, name } if !self.common.quiet => {
                say::note(&format!("trained {done} of {total}: {name}"));
            }
            SweepEvent::Trained { .. } => {}
            SweepEvent::NotStarted(error) => say::warning(&error.to_string()),
        };
        let mut start = |point: &Point, dir: &Path| self.start(point, dir, threads);
        let Trained { done, failed } = plan.train(out, jobs, &interrupted, &mut start, &mut hear)?;
        let total = plan.points.len();
        if interrupted.load(Ordering::SeqCst) {
            return Err(Error::interrupted(format!(
                "interrupted after {done} of {total} runs; the same command goes on"
            )));
        }
        if !failed.is_empty() {
            let names = failed.join("; ");
            say::warning(&format!(
                "{} of {total} runs failed and are left out, as their own messages say: {names}",
                failed.len()
            ));
        }
        Ok(failed)
    }

    fn start(&self, point: &Point, dir: &Path, threads: usize) -> Result<Child> {
        let cannot = |e: std::io::Error| Error::setting("sweep", format!("a run cannot be started: {e}"));
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        command.arg("train").args(["--quiet", "--json", "--threads", &threads.to_string()]);
        command.args(["--device", &self.common.device, "--memory", &self.common.memory.to_string()]);
        if let Some(cache) = &self.common.cache {
            command.arg("--cache").arg(cache);
        }
        command.arg("--end-with-parent");
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
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map_err(cannot)
    }
}

/// Takes the folder for this process: two sweeps at once would each leave out what the other trains.
fn lock(out: &Path) -> Result<File> {
    let path = out.join("sweep.lock");
    let cannot = |e: std::io::Error| Error::setting("out", format!("{} cannot be written: {e}", path.display()));
    let file = open_in_place(&path, OpenOptions::new().write(true)).map_err(cannot)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let problem = format!("another process is at the sweep in {}; wait for it or stop it", out.display());
            Err(Error::setting("out", problem))
        }
        // Some network file systems cannot lock; the risk is the user's then.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Refuses a folder that is not empty and holds no run of this plan: its tables would be replaced.
fn own_folder(out: &Path, plan: &Plan) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(out) else { return Ok(()) };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).filter(|name| !is_leftover(name)).collect();
    // A sweep that was killed early has written what a run should be, and no run yet.
    let begun = |p: &Point| out.join(&p.name).is_dir() || out.join(format!("{}.toml", p.name)).is_file();
    let has_run = plan.points.iter().any(begun);
    match names.first() {
        Some(other) if !has_run => {
            let (out, other) = (out.display(), other.to_string_lossy());
            Err(Error::setting("out", format!("{out} holds no run of this sweep, but {other}; choose a new folder")))
        }
        _ => Ok(()),
    }
}

fn print(summaries: &[Summary]) {
    let Some(first) = summaries.first() else { return };
    let settings: Vec<&str> = first.settings.iter().map(|(key, _)| key.as_str()).collect();
    let names = figure_names(summaries);
    let wide = names.iter().map(|name| name.len() + 2).max().unwrap_or(0).max(20);
    let head: String = names.iter().map(|name| format!("{name:>wide$}")).collect();
    say::out(&format!("{:<28}{:>5}{head}", settings.join(", "), "runs"));
    for s in summaries {
        let settings: Vec<&str> = s.settings.iter().map(|(_, value)| value.as_str()).collect();
        let figure = |name: &&str| match s.figures.iter().find(|(n, ..)| n == name) {
            Some((name, v, e)) => format!("{:>wide$}", shown(name, *v, *e, "+-")),
            None => format!("{:>wide$}", "-"),
        };
        let figures: String = names.iter().map(figure).collect();
        say::out(&format!("{:<28}{:>5}{figures}", settings.join(", "), s.runs));
    }
    if summaries.iter().any(|s| s.runs > 1) {
        say::out("+- is one standard error over the runs of a setting");
    }
}
