//! The flags of `train`, made from the library's list of settings.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use vaekit::TrainConfig;
use vaekit::settings::{Setting, settings};
use vaekit::variants::{Param, ParamKind, VARIANTS};

/// What flags said, as a layer of configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings(pub toml::Table);

/// Every setting as (key, value name, help, heading).
fn all() -> Vec<(&'static str, &'static str, String, String)> {
    let flags = settings().filter(|s| s.key != "data");
    let flag = |s: &Setting| (s.key, s.takes.value_name(), s.help.to_owned(), s.group.heading().to_owned());
    let mut all: Vec<_> = flags.map(flag).collect();
    for variant in VARIANTS {
        for param in variant.params() {
            // Variants may share a setting; it is one flag.
            if all.iter().any(|(key, ..)| *key == param.key) {
                continue;
            }
            let sharing: Vec<(&str, &Param)> = VARIANTS
                .iter()
                .filter_map(|v| v.params().iter().find(|p| p.key == param.key).map(|p| (v.name(), p)))
                .collect();
            let value = match param.kind {
                ParamKind::Number { .. } => "X",
                ParamKind::Count { .. } => "N",
                ParamKind::Choice { .. } => "NAME",
            };
            let names: Vec<&str> = sharing.iter().map(|(name, _)| *name).collect();
            let alike = sharing.iter().all(|(_, p)| line(p) == line(param));
            let help = match alike {
                true => line(param),
                false => sharing.iter().map(|(name, p)| format!("{name}: {}", line(p))).collect::<Vec<_>>().join("; "),
            };
            all.push((param.key, value, help, format!("Settings of {}", names.join(", "))));
        }
    }
    all
}

/// What a variant's setting is, and its default.
fn line(param: &Param) -> String {
    let choices = match param.kind {
        ParamKind::Choice { of, .. } => format!(": {}", of.join(", ")),
        _ => String::new(),
    };
    format!("{}{choices} [default: {}]", param.doc, param.kind.default())
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let defaults = serde_json::to_value(TrainConfig::default()).unwrap_or_default();
        all().into_iter().fold(command, |command, (key, value, help, heading)| {
            let default = match &defaults[key] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(s) => format!(" [default: {s}]"),
                serde_json::Value::Array(items) if items.is_empty() => String::new(),
                serde_json::Value::Array(items) => {
                    format!(" [default: {}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
                }
                other => format!(" [default: {other}]"),
            };
            let long = key.replace('_', "-");
            command.arg(
                Arg::new(key)
                    .long(long)
                    .value_name(value)
                    .help(help + &default)
                    .help_heading(heading)
                    .allow_hyphen_values(true),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut layer = toml::Table::new();
        for (key, ..) in all() {
            if let Some(text) = matches.get_one::<String>(key) {
                TrainConfig::set(&mut layer, key, text);
            }
        }
        Ok(Self(layer))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
