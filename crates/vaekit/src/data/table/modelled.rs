//! What a modelled column is, where a person said something about it and where not.

use crate::{Error, Result};

use super::super::columns::TOTAL;
use super::super::{Column, Kind, Role, counted};
use super::Overrides;
use super::infer::{self, Inferred, Stray};
use super::profile::Profile;
use super::source::Source;

/// Counts with a distribution beyond it would not be whole in 32 bits once their logarithm is taken.
const MOST_COUNTED: f64 = 100_000.0;

/// A modelled column, by what a person says and what its cells are.
pub(super) fn modelled(
    source: &dyn Source,
    name: &str,
    profile: &Profile,
    said: &Overrides,
    asked: bool,
) -> Result<Inferred> {
    let is_exposure = said.is_exposure(name);
    let said = said.columns.get(name).cloned().unwrap_or_default();
    let fail = |problem: String| Error::data(source.place(), format!("column '{name}': {problem}"));
    if is_exposure && profile.missing > 0 {
        return Err(fail(format!(
            "is an exposure, which must have no gaps, and lacks {}",
            counted(profile.missing as usize, "value")
        )));
    }
    let of_words = said.kind.is_some_and(|kind| kind.has_levels() || kind == Kind::Text);
    if let Some(row) = profile.numbers.infinite
        && !of_words
        && profile.no_number.0 == 0
    {
        let place = source.row_name(row);
        let problem = "expected a finite 32-bit number; remove or rescale it";
        return Err(Error::data(source.place(), format!("{place}, column '{name}': {problem}")));
    }
    let mut found = match said.kind.or(said.distribution.map(|_| Kind::Count)) {
        None => match infer::infer(name, profile) {
            Ok(found) => found,
            Err(Stray { row, word, others, what }) => {
                let place = source.row_name(row);
                let problem = format!("found '{word}' in a column of {others} {what}");
                let digits = word.chars().filter(char::is_ascii_digit).count();
                let grouped = digits > 3 && word.chars().all(|c| c.is_ascii_digit() || ".,' -+".contains(c));
                let advice = match grouped {
                    true => "signs between thousands are not read: write the file without them".to_owned(),
                    false => format!("if it stands for a missing value, say --missing {word}; else see --schema"),
                };
                return Err(Error::data(source.place(), format!("{place}, column '{name}': {problem}; {advice}")));
            }
        },
        Some(Kind::Text) => Inferred { column: Column::text(name, Role::Ignored), why: "as you said".into() },
        Some(kind) if kind.has_levels() => {
            let words = &profile.words;
            if kind == Kind::Ordinal && said.levels.is_none() && profile.no_number.0 > 0 {
                return Err(fail("kind ordinal needs levels, in their order; name them in --schema".into()));
            }
            let too_many = words.overflow || words.numbers_overflow;
            let levels = match (&said.levels, too_many && (profile.no_number.0 > 0 || profile.numbers.values_overflow))
            {
                (Some(levels), _) => levels.clone(),
                (None, true) => {
                    return Err(fail("has too many different cells for levels; name them in --schema".into()));
                }
                (None, false) if too_many => {
                    profile.numbers.distinct().unwrap_or_default().iter().map(|(v, _)| v.to_string()).collect()
                }
                (None, false) => super::in_order(words.counts.keys().cloned().chain(numbers_of(profile)).collect()),
            };
            Inferred { column: Column { levels, ..Column::modelled(name, kind) }, why: "as you said".into() }
        }
        Some(Kind::Time) => {
            let form = said.date.clone().or_else(|| profile.forms.chosen().map(|(form, _)| form.to_owned()));
            let form =
                form.ok_or_else(|| fail("no form of dates reads every cell; name it with date in --schema".into()))?;
            let numbers = super::super::schema::Numbers { date: Some(form), ..Default::default() };
            let column = Column { numbers: Some(numbers), ..Column::modelled(name, Kind::Time) };
            Inferred { column, why: "as you said".into() }
        }
        Some(kind) => {
            if let (_, Some((row, word))) = &profile.no_number {
                let place = source.row_name(*row);
                return Err(fail(format!("{place}: found '{word}', expected a number of kind {}", kind.name())));
            }
            if kind == Kind::Positive && profile.numbers.low <= 0.0 {
                return Err(fail(format!("holds {}, and kind positive is above 0", profile.numbers.low)));
            }
            if kind == Kind::Count && !(profile.numbers.whole() && profile.numbers.low >= 0.0) {
                return Err(fail("holds numbers that are no counts; choose kind real".into()));
            }
            Inferred { column: infer::described(name, kind, profile), why: "as you said".into() }
        }
    };
    if said.kind.is_none() && said.levels.is_some() {
        return Err(fail("levels go with kind category or ordinal; name one of them in --schema".into()));
    }
    let kind = found.column.kind;
    if said.spikes.is_some() && !kind.has_spikes() {
        return Err(fail(format!("spikes go with numbers, and the column is of kind {}", kind.name())));
    }
    if said.date.is_some() && kind != Kind::Time {
        return Err(fail(format!("date goes with kind time, and the column is of kind {}", kind.name())));
    }
    if let (Some(spikes), Some(numbers)) = (said.spikes, &mut found.column.numbers) {
        numbers.spikes = spikes;
    }
    if let (Some(distribution), Some(numbers)) = (said.distribution, &mut found.column.numbers) {
        let by = said.exposure.as_ref().map(|e| format!(", in proportion to {}", exposure_name(e))).unwrap_or_default();
        found.why = format!("as you said: {}{by}", distribution.name());
        (numbers.distribution, numbers.exposure, numbers.offset, numbers.step) =
            (Some(distribution), said.exposure, 0.0, 1.0);
        if numbers.high > MOST_COUNTED {
            return Err(fail(format!("holds {}, expected counts up to {MOST_COUNTED}", numbers.high)));
        }
        numbers.spikes.clear();
    }
    if let (Some(form), Some(numbers), Kind::Time) = (said.date, &mut found.column.numbers, found.column.kind) {
        let (low, high) = profile.forms.range(&form).unwrap_or_default();
        (numbers.low, numbers.high, numbers.offset, numbers.date) = (low, high, low.floor(), Some(form));
    }
    // Who names a column wants it in: an identifier of whole numbers is numbers then.
    if asked && found.column.role == Role::Identifier && profile.no_number.0 == 0 {
        let kind = if profile.numbers.low < 0.0 { Kind::Real } else { Kind::Count };
        found = Inferred { column: infer::described(name, kind, profile), why: "as you said".into() };
    }
    Ok(found)
}

fn exposure_name(exposure: &str) -> String {
    if exposure == TOTAL { "the total of the row".into() } else { format!("'{exposure}'") }
}

/// The numbers of a typed file as words.
fn numbers_of(profile: &Profile) -> Vec<String> {
    let typed = profile.words.counts.is_empty();
    let all = if typed { profile.numbers.distinct().unwrap_or_default() } else { Vec::new() };
    all.iter().map(|(v, _)| v.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::{Dataset, Encoding, Exposure, Kind, OpenOptions, Overrides, Transform, Unknown, open};
    use crate::Result;

    fn read(text: &str, options: OpenOptions) -> Result<Dataset> {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        open(&file.path().to_string_lossy(), &options, &mut |_| ())
    }

    #[test]
    fn the_law_of_a_count_and_its_exposure_are_checked_by_name_of_column() {
        let line = |i: usize| {
            format!("{:.4},{},{},{},{}\n", (i as f64 * 1.7).sin(), i % 7, (i * i) % 11, 0.5 + (i % 13) as f64, i % 5)
        };
        let text = format!("w,n,m,years,k\n{}", (0..60).map(line).collect::<String>());
        let overrides = |toml: &str| OpenOptions { overrides: Overrides::parse(toml).unwrap(), ..Default::default() };
        let good = "[columns.n]\ndistribution = \"poisson\"\nexposure = \"years\"\n[columns.m]\ndistribution = \"negative-binomial\"\nexposure = \"total\"\n[columns.k]\ndistribution = \"poisson\"\nexposure = \"total\"\n";
        let data = read(&text, overrides(good)).unwrap();
        let numbers: Vec<_> = data.schema().modelled().filter_map(|column| column.numbers.clone()).collect();
        assert_eq!(numbers[1].exposure.as_deref(), Some("years"));
        assert_eq!(data.schema().modelled().nth(3).map(|column| column.kind), Some(Kind::Positive));
        let rows: Vec<u32> = (0..60).collect();
        let encoding = Encoding::fit(Transform::Columns, &data, &rows).unwrap();
        let counts: Vec<_> = encoding.columns.iter().filter_map(|code| code.number?.count).collect();
        assert!(matches!(counts[0].exposure, Some(Exposure::Column { at: 1, .. })));
        assert!(matches!(counts[1].exposure, Some(Exposure::Total { .. })));
        let told = |toml: &str, text: &str| read(text, overrides(toml)).map(drop).unwrap_err().to_string();
        let distribution = |column: &str, exposure: &str| {
            format!("[columns.{column}]\ndistribution = \"poisson\"\nexposure = \"{exposure}\"\n")
        };
        for (found, word) in [
            (told(&distribution("n", "yeers"), &text), "did you mean 'years'"),
            (told(&distribution("n", "k"), &text), "above 0"),
            (told(&distribution("n", "years"), &format!("{text}0.5,1,2,,3\n")), "lacks 1 value"),
            (told(&format!("{}{}", distribution("years", "total"), distribution("m", "total")), &text), "no counts"),
            (told(&format!("{}[columns.years]\nspikes = [1.0]\n", distribution("n", "years")), &text), "no spikes"),
            (
                told(&format!("{}[columns.years]\nrole = \"ignore\"\n", distribution("n", "years")), &text),
                "must be model",
            ),
        ] {
            assert!(found.contains(word), "{found}");
        }
        for (said, word) in [
            ("exposure = \"years\"", "distribution"),
            ("kind = \"real\"\ndistribution = \"poisson\"", "count"),
            ("distribution = \"poisson\"\nspikes = [0.0]", "exclude each other"),
            ("distribution = \"poisson\"\nexposure = \"total\"", "two or more counts"),
            ("distribution = \"poisson\"\nrole = \"id\"", "its role is id"),
            ("kind = \"real\"\nlevels = [\"a\"]", "category or ordinal"),
        ] {
            let told = Overrides::parse(&format!("[columns.n]\n{said}\n")).unwrap_err();
            assert!(told.contains(word), "{told}");
        }
        let told = Encoding::fit(Transform::Standardize, &data, &rows).unwrap_err().to_string();
        assert!(told.contains("column 'n'") && told.contains("distribution"), "{told}");
        // A later file has every exposure too.
        let later = |unknown| OpenOptions { schema: Some(data.schema().clone()), unknown, ..Default::default() };
        let gap = "w,n,m,years,k\n0.5,1,2,,3\n";
        let told = read(gap, later(Unknown::Error)).map(drop).unwrap_err().to_string();
        assert!(told.contains("line 2, column 'years'") && told.contains("exposure of 'n'"), "{told}");
        assert_eq!(read(gap, later(Unknown::Missing)).unwrap().missing(), 1);
    }
}
