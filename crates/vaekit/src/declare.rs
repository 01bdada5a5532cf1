//! Settings declared once: key, type, default, help, what it takes, its group, and when it is read, in one row.
//!
//! [`declare!`] makes a struct of typed fields, its `Default`, and the list of its rows. Flags, ranges, errors,
//! sweeps, the identity of a run and the refusal of settings without effect read those rows.

/// A setting, without the struct that it is a field of.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key in files; the flag has `-` for `_`.
    pub key: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// What it may be.
    pub takes: Takes,
    /// The part of help that it belongs to.
    pub group: Group,
    /// When it has an effect.
    pub read: Read,
}

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Takes {
    /// A whole number of a range.
    Count(u64, u64),
    /// A number of a range.
    Number(f64, f64),
    /// A number above 0, up to a bound.
    Above0(f64),
    /// Whole numbers of a range, at most so many.
    Counts(u64, u64, usize),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A name that is looked up in a list of its own.
    Name,
    /// Any text.
    Text,
    /// Texts with commas between them.
    Texts,
}

impl Takes {
    /// What stands for its value in help.
    pub fn value_name(self) -> &'static str {
        match self {
            Self::Count(..) => "N",
            Self::Number(..) | Self::Above0(_) => "X",
            Self::Counts(..) => "SIZES",
            Self::Choice(_) => "HOW",
            Self::Name | Self::Text => "NAME",
            Self::Texts => "NAMES",
        }
    }

    /// The value of a text that a person typed; what is not of the kind stays text, for the type check to name.
    pub fn parse(self, text: &str) -> toml::Value {
        let items = || text.trim_matches(['[', ']']).split(',').map(str::trim).filter(|item| !item.is_empty());
        match self {
            Self::Choice(_) | Self::Name | Self::Text => text.into(),
            Self::Texts => items().map(toml::Value::from).collect::<Vec<_>>().into(),
            Self::Counts(..) => items().map(parse_value).collect::<Vec<_>>().into(),
            Self::Count(..) | Self::Number(..) | Self::Above0(_) => parse_value(text),
        }
    }

    /// Refuses a value outside the range: what was found, and what was expected.
    ///
    /// # Errors
    /// The reason, without the key.
    pub fn check(self, value: &toml::Value) -> Result<(), String> {
        let number = || value.as_float().or_else(|| value.as_integer().map(|i| i as f64)).unwrap_or(f64::NAN);
        let whole = |value: &toml::Value, min: u64, max: u64| {
            let found = value.as_integer().and_then(|i| u64::try_from(i).ok());
            match found.is_some_and(|v| (min..=max).contains(&v)) {
                true => Ok(()),
                false => Err(format!("found {value}, expected a whole number from {min} to {max}")),
            }
        };
        match self {
            Self::Count(min, max) => whole(value, min, max),
            Self::Counts(min, max, most) => {
                let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
                if list.len() > most {
                    return Err(format!("found {} numbers, expected at most {most}", list.len()));
                }
                list.iter().try_for_each(|value| whole(value, min, max))
            }
            Self::Number(min, max) if !(min..=max).contains(&number()) => {
                Err(format!("found {}, expected a number from {min} to {max}", number()))
            }
            Self::Above0(_) if number() <= 0.0 => Err(format!("found {}, expected a number above 0", number())),
            Self::Above0(max) if !(0.0..=max).contains(&number()) => {
                Err(format!("found {}, expected a number from 0 to {max}", number()))
            }
            _ => Ok(()),
        }
    }
}

/// The part of help that a setting belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What is read, and how it becomes numbers.
    Data,
    /// The networks.
    Model,
    /// z: its posterior and its prior.
    Latent,
    /// p(x given z).
    Likelihood,
    /// What is optimised.
    Objective,
    /// How it is optimised.
    Optimisation,
}

impl Group {
    /// The heading in help.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Data => "Data",
            Self::Model => "Model",
            Self::Latent => "Latent variables and priors",
            Self::Likelihood => "Likelihood",
            Self::Objective => "Objective",
            Self::Optimisation => "Optimisation",
        }
    }
}

/// When a setting has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// It always has.
    Always,
    /// Where the posterior or the prior lists it among those that it reads.
    ByParts,
    /// Where the reader of the data lists it among those that it reads.
    ByReader,
    /// Where another setting is one of these.
    When(&'static str, &'static [&'static str]),
}

/// A number, a truth value, or else text.
pub fn parse_value(text: &str) -> toml::Value {
    if let Ok(i) = text.parse::<i64>() {
        return i.into();
    }
    match text {
        "true" => true.into(),
        "false" => false.into(),
        _ => text.parse::<f64>().map_or_else(|_| text.into(), Into::into),
    }
}

/// Declares a struct of settings, a row each.
macro_rules! declare {
    (
        $(#[$outer:meta])*
        pub struct $name:ident { $( $(#[$field:meta])* $key:ident: $type:ty = $default:expr; $takes:expr, $group:ident, $read:expr, $help:literal; )* }
        $( flatten { $( $(#[$inner:meta])* $other:ident: $other_type:ty, )* } )?
    ) => {
        $(#[$outer])*
        pub struct $name {
            $( #[doc = $help] $(#[$field])* pub $key: $type, )*
            $( $( $(#[$inner])* pub $other: $other_type, )* )?
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )* $( $( $other: Default::default(), )* )? }
            }
        }

        impl $name {
            /// The rows of the settings that are declared here, in the order of the fields.
            pub const ROWS: &'static [$crate::declare::Setting] = &[
                $( $crate::declare::Setting {
                    key: stringify!($key),
                    help: $help,
                    takes: $takes,
                    group: $crate::declare::Group::$group,
                    read: $read,
                }, )*
            ];

            /// The values by key, in the order of the rows; what is left to the data has none.
            pub fn values(&self) -> Vec<(&'static str, Option<toml::Value>)> {
                vec![ $( (stringify!($key), toml::Value::try_from(&self.$key).ok()), )* ]
            }
        }
    };
}

pub(crate) use declare;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values_of_their_kind() {
        assert_eq!(Takes::Texts.parse("2019, 2020"), toml::Value::Array(vec!["2019".into(), "2020".into()]));
        assert_eq!(Takes::Text.parse("2019"), "2019".into());
        assert_eq!(Takes::Counts(1, 9, 4).parse("[5,6]"), toml::Value::Array(vec![5.into(), 6.into()]));
        assert_eq!(Takes::Number(0.0, 1.0).parse("1e-3"), 1e-3.into());
    }

    #[test]
    fn ranges_hold_at_their_ends() {
        assert!(Takes::Count(1, 4).check(&4.into()).is_ok() && Takes::Count(1, 4).check(&5.into()).is_err());
        assert!(Takes::Count(0, 4).check(&(-1).into()).is_err());
        assert!(Takes::Above0(2.0).check(&0.0.into()).unwrap_err().contains("above 0"));
        assert!(Takes::Number(0.0, 1.0).check(&f64::NAN.into()).is_err());
        assert!(Takes::Counts(1, 4, 2).check(&Takes::Counts(1, 4, 2).parse("1,2,3")).is_err());
    }
}
