//! Which runs to make.

use crate::rng::{Purpose, Rng, unit};
use crate::settings::{Takes, TrainConfig, setting};
use crate::variants::{Param, ParamKind, VARIANTS};
use crate::{Error, Result};

/// Runs of one sweep at most.
const MOST: usize = 10_000;

/// A run to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its folder in the sweep: `beta=4,seed=0`.
    pub name: String,
    /// The settings that are swept, in the order of their keys; the seed last.
    pub swept: Vec<(String, toml::Value)>,
    /// All settings that are given.
    pub layer: toml::Table,
}

/// All runs of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The settings that are swept, the seed last.
    pub keys: Vec<String>,
    /// The runs.
    pub points: Vec<Point>,
}

/// The values of one key.
enum Values {
    List(Vec<toml::Value>),
    Range { min: f64, max: f64, log: bool, whole: bool },
}

impl Plan {
    /// Reads the table `[sweep]` of a configuration and checks every run that it asks for.
    ///
    /// # Errors
    /// No such table, a list that is empty, a range without `runs`, or a run whose settings are refused.
    pub fn new(mut config: toml::Table) -> Result<Self> {
        let bad = |key: &str, problem: &str| Error::setting(format!("sweep.{key}"), problem);
        let Some(toml::Value::Table(mut sweep)) = config.remove("sweep") else {
            return Err(Error::setting("sweep", "is missing: give a table [sweep] with a list of values for each key"));
        };
        let runs = match sweep.remove("runs") {
            None => None,
            Some(toml::Value::Integer(n)) if (1..=MOST as i64).contains(&n) => Some(n as usize),
            Some(other) => {
                return Err(bad("runs", &format!("found {other}, expected a whole number from 1 to {MOST}")));
            }
        };
        let mut keys: Vec<(String, Values)> = Vec::new();
        for (key, value) in sweep {
            let values = match value {
                toml::Value::Array(list) if !list.is_empty() => Values::List(list),
                toml::Value::Table(range) => range_of(&key, &range)?,
                _ => return Err(bad(&key, "expected a list of values, or { min = .., max = .. } with sweep.runs")),
            };
            keys.push((key, values));
        }
        if keys.is_empty() {
            return Err(Error::setting("sweep", "holds no key to sweep over"));
        }
        // Runs that differ only by seed stand together.
        keys.sort_by_key(|(key, _)| (key == "seed", key.clone()));
        let drawn = keys.iter().any(|(_, v)| matches!(v, Values::Range { .. }));
        let choices = match runs {
            None if drawn => return Err(bad("runs", "is missing: a range needs the number of runs to draw")),
            None => grid(&keys)?,
            Some(n) => draws(&keys, n),
        };
        let names: Vec<String> = keys.into_iter().map(|(key, _)| key).collect();
        let mut points: Vec<Point> = Vec::new();
        for values in choices {
            let swept: Vec<(String, toml::Value)> = names.iter().cloned().zip(values).collect();
            let mut layer = config.clone();
            layer.extend(swept.iter().cloned());
            TrainConfig::from_layers(std::slice::from_ref(&layer))?.check()?;
            let text = |v: &toml::Value| v.to_string().replace(['"', '[', ']', ' '], "").replace('/', "-");
            let parts: Vec<String> = swept.iter().map(|(k, v)| format!("{k}={}", text(v))).collect();
            let point = Point { name: parts.join(","), swept, layer };
            // A draw from a list may come twice.
            if points.iter().all(|p| p.name != point.name) {
                points.push(point);
            }
        }
        Ok(Self { keys: names, points })
    }
}

fn range_of(key: &str, range: &toml::Table) -> Result<Values> {
    let number = |name: &str| range.get(name).and_then(|v| v.as_float().or(v.as_integer().map(|i| i as f64)));
    let known = range.keys().all(|k| matches!(k.as_str(), "min" | "max" | "log"));
    let log = match range.get("log") {
        None => Some(false),
        Some(log) => log.as_bool(),
    };
    let Some(log) = log.filter(|_| known) else {
        let problem = "expected { min = .., max = .., log = true or false } and no other key";
        return Err(Error::setting(format!("sweep.{key}"), problem));
    };
    match (number("min"), number("max")) {
        (Some(min), Some(max)) if min < max && (!log || min > 0.0) => {
            Ok(Values::Range { min, max, log, whole: is_whole(key) })
        }
        _ => Err(Error::setting(
            format!("sweep.{key}"),
            "expected { min = .., max = .., log = false } with min below max, and above 0 where log is true",
        )),
    }
}

/// True for settings that are whole numbers.
fn is_whole(key: &str) -> bool {
    let count = |p: &Param| p.key == key && matches!(p.kind, ParamKind::Count { .. });
    setting(key).is_some_and(|setting| matches!(setting.takes, Takes::Count(..)))
        || VARIANTS.iter().flat_map(|v| v.params()).any(count)
}

fn grid(keys: &[(String, Values)]) -> Result<Vec<Vec<toml::Value>>> {
    let mut all = vec![Vec::new()];
    for (_, values) in keys {
        let Values::List(list) = values else { continue };
        if all.len() * list.len() > MOST {
            let problem = format!("asks for more than {MOST} runs; shorten the lists, or draw some with sweep.runs");
            return Err(Error::setting("sweep", problem));
        }
        let longer =
            |row: &Vec<toml::Value>| list.iter().map(|v| [row.as_slice(), std::slice::from_ref(v)].concat()).collect();
        all = all.iter().flat_map::<Vec<Vec<toml::Value>>, _>(longer).collect();
    }
    Ok(all)
}

fn draws(keys: &[(String, Values)], runs: usize) -> Vec<Vec<toml::Value>> {
    let draw = |run: usize, at: usize, values: &Values| {
        let u = f64::from(unit(rand::Rng::next_u32(
            &mut Rng::new(0).stream(Purpose::Choice, (run * keys.len() + at) as u64),
        )));
        match values {
            Values::List(list) => list[((u * list.len() as f64) as usize).min(list.len() - 1)].clone(),
            Values::Range { min, max, log, whole } => {
                // Each whole number has a piece of the same length, the last one too.
                let end = if *whole { max + 1.0 } else { *max };
                let v = if *log { (min.ln() + u * (end.ln() - min.ln())).exp() } else { min + u * (end - min) };
                match (whole, log) {
                    (true, _) => (v.min(*max).floor() as i64).into(),
                    (false, false) => v.into(),
                    // Four digits say enough, and make folders that people can read.
                    (false, true) => format!("{v:.3e}").parse::<f64>().unwrap_or(v).into(),
                }
            }
        }
    };
    (0..runs).map(|run| keys.iter().enumerate().map(|(at, (_, v))| draw(run, at, v)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan> {
        Plan::new(text.parse().unwrap())
    }

    #[test]
    fn a_grid_holds_every_pair_with_seeds_together() {
        let plan = plan("data = \"rings\"\n[sweep]\nseed = [0, 1]\nbeta = [1, 4]\n").unwrap();
        let names: Vec<&str> = plan.points.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["beta=1,seed=0", "beta=1,seed=1", "beta=4,seed=0", "beta=4,seed=1"]);
    }

    #[test]
    fn draws_lie_in_their_range_and_are_the_same_each_time() {
        let text = "[sweep]\nlr = { min = 1e-4, max = 1e-2, log = true }\nruns = 30\n";
        let points = plan(text).unwrap().points;
        assert!(points.iter().all(|p| (1e-4..=1e-2).contains(&p.swept[0].1.as_float().unwrap())));
        assert!(points.iter().any(|p| p.swept[0].1.as_float().unwrap() < 1e-3));
        assert_eq!(points, plan(text).unwrap().points);
    }

    #[test]
    fn whole_settings_are_drawn_whole_from_end_to_end() {
        let points =
            plan("[sweep]\nlatent = { min = 2, max = 5 }\nbeta = { min = 1, max = 2 }\nruns = 60\n").unwrap().points;
        let drawn: std::collections::BTreeSet<i64> =
            points.iter().map(|p| p.swept[1].1.as_integer().unwrap()).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert!(points.iter().all(|p| p.swept[0].1.is_float()));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("data = \"rings\"", "sweep: is missing"),
            ("[sweep]\nbeta = 3", "sweep.beta"),
            ("[sweep]\nbeta = []", "sweep.beta"),
            ("[sweep]\nbeta = { min = 1, max = 2 }", "sweep.runs"),
            ("[sweep]\nbeta = { min = 2, max = 1 }\nruns = 3", "sweep.beta"),
            ("[sweep]\nbeta = { min = 1, max = 2, lgo = true }\nruns = 3", "sweep.beta"),
            ("[sweep]\nbetta = [1]", "betta"),
            ("[sweep]\nbeta = [-1]", "beta"),
        ] {
            let error = plan(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
