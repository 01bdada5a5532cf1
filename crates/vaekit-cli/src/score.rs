//! `vaekit score`

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use vaekit::data::Step;
use vaekit::uses::{By, How, Reasons, SAMPLES, SCORES, ScoredTable, Scorer, Threshold};
use vaekit::{Error, Result, Run};

use crate::input::{Input, Part};
use crate::out::Replace;
use crate::progress::{Counter, download};
use crate::{Common, say};

/// Flags of `score`.
#[derive(Args)]
pub struct Score {
    #[command(flatten)]
    input: Input,
    /// A .csv file: name, score, rank, p-value, anomaly or not, and reasons of each row
    #[arg(long, value_name = "FILE", default_value = "scores.csv")]
    out: PathBuf,
    /// The score: joined, robust (for training rows that may hold anomalies), importance, elbo, reconstruction, kl, latent,
    /// density (a kernel density, no network) or bags (mixtures of small bags of rows, no network) [default: robust where
    /// training rows are among the rows, else joined]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Samples of z a row
    #[arg(long, value_name = "K", default_value_t = SAMPLES, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    samples: usize,
    /// The share of ordinary rows that may be flagged, such as 0.01 [default: a fence found from held-out rows]
    #[arg(long, value_name = "SHARE", conflicts_with = "contamination")]
    false_alarms: Option<f64>,
    /// The share of anomalies in the training data: as large a share of the held-out rows lies above the threshold
    #[arg(long, value_name = "SHARE")]
    contamination: Option<f64>,
    /// Explain so many of the strangest rows
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    explain: usize,
    /// Reasons a row
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(0..=100))]
    reasons: usize,
    /// Of pictures: a .png file with the strangest of them, and below each which of its pixels surprise
    #[arg(long, value_name = "FILE")]
    maps: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

/// Pictures that are mapped.
const MAPPED: usize = 30;
/// Rows after which progress is told.
const PART: usize = 1 << 14;
/// Strangest rows that are printed.
const SHOWN: usize = 5;

impl Score {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        self.check()?;
        for out in std::iter::once(&self.out).chain(&self.maps) {
            self.replace.check(out, &self.input.read_paths())?;
        }
        let by = self.by.as_deref().map(by_name).transpose()?;
        let (run, data, rows) = self.input.open(Part::All, self.common.quiet)?;
        if self.maps.is_some() && !data.schema().is_image() {
            return Err(Error::setting("maps", "shows pixels, and this data has columns; see the reasons in --out"));
        }
        let members = members(&run)?;
        let own_rows = run.has_rows_of(&data)?;
        let (opened, splits) = match run.is_of(&data)? {
            true => (None, run.split(&data)?),
            false => {
                let (own, splits) = run.open_data(&self.input.places().options(), &mut download(self.common.quiet))?;
                (Some(own), splits)
            }
        };
        let own = opened.as_ref().unwrap_or(&data);
        let models = std::iter::once(run.model()).chain(members.iter().map(Run::model)).collect();
        let learned_from = own_rows && rows.iter().any(|row| splits.train.binary_search(row).is_ok());
        let scorer = Scorer::new(
            models,
            own,
            &splits,
            How { by: by.unwrap_or(By::usual(learned_from)), samples: self.samples },
        )?;
        if !scorer.calibration.held_out {
            say::warning(
                "the run kept no rows apart, so training rows stand in for them: p-values come out too small, expected ranges too narrow",
            );
        }
        if learned_from && by.is_none() && run.config().trim == 0.0 && !data.schema().is_image() && !self.common.quiet {
            say::note(
                "the model was trained on these rows; if more than a few are anomalies, train --trim 0.3 may find more of them, but knows rare ordinary groups less",
            );
        }
        if !own_rows && by.is_none() && !data.schema().is_image() && !self.common.quiet {
            say::note("the rows are judged as new ones; if the model was trained on many of them, pass --by robust");
        }
        let mut counter = Counter::new("scoring", rows.len(), self.common.quiet);
        let mut scores = Vec::with_capacity(rows.len());
        for part in rows.chunks(PART) {
            scores.extend(scorer.scores(&data, part, own_rows)?);
            if counter.at(scores.len()) == Step::Stop {
                return Err(Error::interrupted("interrupted: nothing is written"));
            }
        }
        counter.finish();
        let p_values: Vec<f64> = scores.iter().map(|score| scorer.calibration.p_value(*score)).collect();
        let threshold = scorer.calibration.threshold(self.threshold());
        let mut table = ScoredTable {
            data: &data,
            rows: &rows,
            scores: &scores,
            p_values: &p_values,
            threshold,
            reasons: &HashMap::new(),
            most: 0,
        };
        let order = table.order();
        let explained = &order[..order.len().min(self.explain)];
        let mut reasons = HashMap::new();
        if self.reasons > 0 && !data.schema().is_image() {
            let held: Vec<u32> = splits.valid.iter().chain(&splits.test).copied().collect();
            let why = Reasons::new(&scorer, own, if held.is_empty() { &splits.train } else { &held })?;
            let which: Vec<u32> = explained.iter().map(|at| rows[*at]).collect();
            reasons = explained.iter().copied().zip(why.of(&data, &which, self.reasons)?).collect();
            (table.reasons, table.most) = (&reasons, self.reasons);
        }
        table.write(&self.out)?;
        if let Some(path) = &self.maps {
            let strangest: Vec<u32> = order.iter().take(MAPPED).map(|at| rows[*at]).collect();
            run.surprise_maps(&data, &strangest)?.write(path)?;
        }
        let found = scores.iter().filter(|score| **score > threshold).count();
        if self.common.json {
            say::json(&serde_json::json!({
                "out": self.out, "rows": rows.len(), "anomalies": found, "threshold": threshold, "score": scorer.doc(),
                "calibration_rows": scorer.calibration.len(), "held_out": scorer.calibration.held_out, "members": 1 + members.len(),
            }));
            return Ok(());
        }
        say::out(&format!("score: {}", scorer.doc()));
        let held = say::count(scorer.calibration.len());
        let which = if scorer.calibration.held_out { "rows that training did not see" } else { "training rows" };
        say::out(&format!(
            "p-values: against {held} {which}; at most a share p of ordinary rows gets a p-value of p or less"
        ));
        say::out(&format!("{found} of {} rows are above the threshold of {threshold:.4}", say::count(rows.len())));
        for at in order.iter().take(SHOWN) {
            let name = data.name_of(rows[*at]);
            let why = reasons.get(at).and_then(|reasons| reasons.first()).map(|r| {
                let range = if r.low.is_empty() { String::new() } else { format!(" ({} to {})", r.low, r.high) };
                format!(": {} is {}, expected {}{range}", r.column, blank(&r.found), r.expected)
            });
            say::out(&format!(
                "{name:<20} score {:.3}, p {:.4}{}",
                scores[*at],
                p_values[*at],
                why.unwrap_or_default()
            ));
        }
        say::wrote(&self.out, rows.len(), &self.common);
        if explained.len() < rows.len() && self.reasons > 0 && !data.schema().is_image() {
            say::note(&format!("reasons are given for the {} strangest rows; --explain N for more", explained.len()));
        }
        Ok(())
    }

    fn threshold(&self) -> Threshold {
        match (self.false_alarms, self.contamination) {
            (Some(share), _) => Threshold::FalseAlarms(share),
            (_, Some(share)) => Threshold::Contamination(share),
            _ => Threshold::Fence,
        }
    }

    fn check(&self) -> Result<()> {
        if self.out.extension().is_none_or(|e| !e.eq_ignore_ascii_case("csv")) {
            return Err(Error::setting("out", format!("{}: expected a .csv file", self.out.display())));
        }
        if let Some(path) =
            self.maps.as_ref().filter(|path| path.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")))
        {
            return Err(Error::setting("maps", format!("{}: expected a .png file", path.display())));
        }
        for (key, share) in [("false-alarms", self.false_alarms), ("contamination", self.contamination)] {
            if let Some(share) = share.filter(|share| !(*share > 0.0 && *share < 1.0)) {
                return Err(Error::setting(key, format!("found {share}, expected a share between 0 and 1")));
            }
        }
        Ok(())
    }
}

/// A score by its name.
fn by_name(asked: &str) -> Result<By> {
    SCORES.iter().find(|(name, _)| *name == asked).map(|(_, by)| *by).ok_or_else(|| {
        let names: Vec<&str> = SCORES.iter().map(|(name, _)| *name).collect();
        Error::setting("by", format!("'{asked}' is unknown; expected one of {}", names.join(", ")))
    })
}

fn blank(cell: &str) -> &str {
    if cell.is_empty() { "missing" } else { cell }
}

/// The other members of an ensemble, in order.
pub fn members(run: &Run) -> Result<Vec<Run>> {
    let folder = run.dir().join("members");
    let mut all = Vec::new();
    for i in 2.. {
        let dir = folder.join(i.to_string());
        if !dir.is_dir() {
            break;
        }
        let member = Run::open(dir)?;
        if member.schema() != run.schema() || member.encoding() != run.encoding() {
            let problem =
                format!("{} was trained on other data than the run it lies in; remove it", member.dir().display());
            return Err(Error::setting("run", problem));
        }
        all.push(member);
    }
    let wanted = run.config().members;
    if all.len() + 1 < wanted {
        let found = all.len() + 1;
        say::warning(&format!("{found} of {wanted} members are trained and used; go on with vaekit train --resume"));
    }
    Ok(all)
}
