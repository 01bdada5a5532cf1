//! What a column is, from what one pass told of it.

use super::super::{Column, Kind, Role, schema::Numbers};
use super::profile::Profile;
use super::{dates, in_order};

/// Of so few different values none is a spike.
const FEW: usize = 12;
/// A category has at most so many levels.
const MOST_LEVELS: usize = 200;
/// A spike has at least so large a share of the rows: in a continuum, and where people who count like round numbers.
const SPIKE: f64 = 0.1;
const ROUND: f64 = 0.01;
/// And so many rows.
const SPIKE_ROWS: f64 = 50.0;
/// It comes so many times as often as the values next to it.
const ABOVE_NEIGHBOURS: f64 = 8.0;
const MOST_SPIKES: usize = 24;
/// Names of columns that say what rows are called.
const NAMES_OF_IDS: &[&str] = &["", "id", "index", "key", "uuid", "guid", "rowid", "row_id", "unnamed: 0", "name"];

/// A column and the reason why it is what it is.
pub(super) struct Inferred {
    pub column: Column,
    pub why: String,
}

/// The first word among numbers or dates that is none.
pub(super) struct Stray {
    pub row: u64,
    pub word: String,
    pub others: u64,
    pub what: &'static str,
}

/// What a column of that name is; `Err` where one or few words stand among numbers or dates.
pub(super) fn infer(name: &str, profile: &Profile) -> Result<Inferred, Stray> {
    let (known, numbers) = (profile.known, profile.numbers.n);
    if known == 0 {
        return Ok(left_out(name, "every cell is missing".into()));
    }
    let words = profile.no_number.0;
    if words > 0 && numbers as f64 > 0.9 * known as f64 && profile.no_number.1.is_some() {
        let (row, word) = profile.no_number.1.clone().unwrap_or_default();
        return Err(Stray { row, word, others: numbers, what: "numbers" });
    }
    if profile.days == known {
        let form = if profile.numbers.whole() { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S%.f" };
        return Ok(time(name, profile, form, "its type is a time".into()));
    }
    if words == 0 && profile.padded > 0 {
        let why = "codes: numbers with zeros in front";
        let is_id = is_name_of_ids(name) && profile.words.all_different();
        return Ok(if is_id { identifier(name, why) } else { of_codes(name, profile, why) });
    }
    if words == 0 {
        return Ok(of_numbers(name, profile));
    }
    if words == known && known > 1 {
        if let Some((form, other)) = profile.forms.chosen() {
            let or = other.map(|other| format!("; {other} reads as well, see --schema")).unwrap_or_default();
            return Ok(time(name, profile, form, format!("every cell is a date, {form}{or}")));
        }
        if profile.dates == known {
            let form = dates::mixed_form(profile.order);
            let first = dates::which_first(&form).unwrap_or("month");
            let why = "every cell is a date, in several forms; where day and month could be either, the";
            return Ok(time(name, profile, &form, format!("{why} {first} comes first")));
        }
        if let (true, Some((row, word))) = (10 * profile.dates > 9 * known, profile.no_date.clone()) {
            return Err(Stray { row, word, others: profile.dates, what: "dates" });
        }
    }
    if profile.like_numbers == words && words * 2 > known {
        let word = profile.no_number.1.as_ref().map_or("", |(_, word)| word.as_str());
        let why = format!("numbers with signs, such as '{word}', are text; write them as plain numbers to model them");
        return Ok(left_out(name, why));
    }
    Ok(of_words(name, profile))
}

fn left_out(name: &str, why: String) -> Inferred {
    Inferred { column: Column::text(name, Role::Ignored), why }
}

fn identifier(name: &str, why: &str) -> Inferred {
    Inferred { column: Column::text(name, Role::Identifier), why: why.into() }
}

fn is_name_of_ids(name: &str) -> bool {
    if name.ends_with("Id") || name.ends_with("ID") {
        return true;
    }
    let name = name.to_ascii_lowercase();
    NAMES_OF_IDS.contains(&name.as_str()) || name.ends_with("_id") || name.ends_with(" id")
}

fn of_words(name: &str, profile: &Profile) -> Inferred {
    let words = &profile.words;
    let different = words.counts.len();
    if different == 1 && !words.overflow {
        let word = words.counts.keys().next().cloned().unwrap_or_default();
        return left_out(name, format!("constant: '{word}' in every row"));
    }
    if words.all_different() && profile.known > 2 {
        return match is_name_of_ids(name) || words.longest <= 40 {
            true => identifier(name, "every cell is another word"),
            false => left_out(name, "free text: every cell is another one".into()),
        };
    }
    let repeated = 2 * different as u64 <= profile.known.max(4);
    let all_counted = !words.overflow && (profile.numbers.n == 0 || !words.numbers_overflow);
    if all_counted && different <= MOST_LEVELS && repeated {
        let levels = in_order(words.counts.keys().cloned().collect());
        let why = format!("{different} different words");
        return Inferred { column: Column::category(name, Role::Modelled, levels), why };
    }
    let more = if words.overflow { "more than " } else { "" };
    let nearly = if 10 * different as u64 > 9 * profile.known { ", nearly another in every row," } else { "" };
    left_out(name, format!("text: {more}{different} different words{nearly} are too many for a category"))
}

/// Numbers that are names: a category where they are few, else left out.
fn of_codes(name: &str, profile: &Profile, why: &str) -> Inferred {
    let words = &profile.words;
    let different = words.counts.len();
    if different > 1 && different <= MOST_LEVELS && !words.numbers_overflow && 2 * different as u64 <= profile.known {
        let levels = in_order(words.counts.keys().cloned().collect());
        return Inferred { column: Column::category(name, Role::Modelled, levels), why: why.into() };
    }
    left_out(name, format!("{why}, too many for a category"))
}

fn of_numbers(name: &str, profile: &Profile) -> Inferred {
    let numbers = &profile.numbers;
    if numbers.low == numbers.high && numbers.infinite.is_none() {
        return left_out(name, format!("constant: {} in every row", numbers.low));
    }
    if numbers.compact_dates && numbers.n >= 20 {
        return time(name, profile, dates::COMPACT, "every number is a date, such as 20240131".into());
    }
    let distinct = numbers.distinct();
    let few = distinct.as_ref().map_or(usize::MAX, Vec::len);
    if numbers.whole() && numbers.consecutive && numbers.n >= 20 {
        return identifier(name, "whole numbers, the next in every row");
    }
    if numbers.whole() && is_name_of_ids(name) {
        let all_different = distinct.as_ref().is_none_or(|all| all.len() as u64 == numbers.n);
        if numbers.consecutive || all_different && numbers.n > 2 && few > FEW {
            return identifier(name, "whole numbers, another in every row");
        }
    }
    let of = |kind, why: String| Inferred { column: described(name, kind, profile), why };
    if few == 2 && numbers.low == 0.0 && numbers.high == 1.0 {
        return of(Kind::Binary, "0 and 1".into());
    }
    if numbers.whole() && numbers.low >= 0.0 {
        return of(Kind::Count, "whole numbers from 0".into());
    }
    if is_skewed(profile) {
        return of(Kind::Positive, format!("above 0, skewness {:.1}", numbers.skewness()));
    }
    of(Kind::Real, if numbers.whole() { "whole numbers".into() } else { "numbers".into() })
}

/// Numbers that people write for a missing value.
const STAND_INS: &[f64] = &[9.0, 99.0, 999.0, 9999.0, 99999.0, 999_999.0, 99.9, 999.9, 9999.9, 999.99, 9999.99];

/// A number that seems to stand for a missing value, with how often it comes: a row of nines that comes several times and is
/// farther from all other numbers than these are from each other.
pub(super) fn stand_in(profile: &Profile) -> Option<(f64, u64)> {
    let numbers = &profile.numbers;
    let (low, high) = (numbers.low, numbers.high);
    let below = (low, numbers.next.0 - low, high - numbers.next.0);
    let above = (high, high - numbers.next.1, numbers.next.1 - low);
    [below, above].into_iter().find_map(|(end, gap, width)| {
        let n = *numbers.values.get(&(end + 0.0).to_bits())?;
        (STAND_INS.contains(&end.abs()) && n >= 2 && width > 0.0 && gap > width).then_some((end, n))
    })
}

/// True for numbers above 0 that a logarithm makes even.
fn is_skewed(profile: &Profile) -> bool {
    let numbers = &profile.numbers;
    if numbers.low <= 0.0 || numbers.skewness() < 1.5 {
        return false;
    }
    let (mut n, mut sum, mut squares, mut cubes) = (0f64, 0f64, 0f64, 0f64);
    // In an order of their own: sums depend on it.
    let mut counted: Vec<(u64, u64)> = numbers.values.iter().map(|(bits, n)| (*bits, *n)).collect();
    counted.sort_unstable();
    let logs = || counted.iter().map(|(bits, n)| (f64::from_bits(*bits).ln(), *n as f64));
    logs().for_each(|(v, w)| (n, sum) = (n + w, sum + v * w));
    let mean = sum / n.max(1.0);
    logs().for_each(|(v, w)| (squares, cubes) = (squares + w * (v - mean).powi(2), cubes + w * (v - mean).powi(3)));
    let variance = squares / n.max(1.0);
    let skewness = if variance > 0.0 { cubes / n / variance.powf(1.5) } else { 0.0 };
    skewness.abs() < 0.5 * numbers.skewness()
}

/// A column of numbers with its range, its grid and its spikes.
pub(super) fn described(name: &str, kind: Kind, profile: &Profile) -> Column {
    let numbers = &profile.numbers;
    let step = numbers.step();
    // Far from nought 32 bits hold the differences between rows only.
    let far = numbers.mean().abs() > 1e3 * numbers.spread();
    let offset = if far && kind != Kind::Positive { numbers.low } else { 0.0 };
    let spikes = if kind == Kind::Binary { Vec::new() } else { spikes(profile) };
    let found = Numbers { low: numbers.low, high: numbers.high, step, offset, spikes, ..Numbers::default() };
    Column { numbers: Some(found), ..Column::modelled(name, kind) }
}

/// Values that come far more often than those next to them: the zeros of an amount, the 40, 45 and 50 of hours a week.
fn spikes(profile: &Profile) -> Vec<f64> {
    let numbers = &profile.numbers;
    if numbers.values.len() <= FEW {
        return Vec::new();
    }
    let mut all: Vec<(f64, f64)> = numbers.values.iter().map(|(v, n)| (f64::from_bits(*v), *n as f64)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total = numbers.n as f64;
    let usual = total / all.len() as f64;
    let share = if numbers.whole() { ROUND } else { SPIKE };
    let least = (share * total).max(SPIKE_ROWS.min(SPIKE * total));
    let stands_out = |i: &usize| {
        let near = i.saturating_sub(2)..(i + 3).min(all.len());
        let mut beside: Vec<f64> = near.filter(|k| k != i).map(|k| all[k].1).collect();
        beside.sort_by(f64::total_cmp);
        let n = all[*i].1;
        // Next to the zeros of an amount many small ones may stand: a tenth of the rows is told by what values usually have.
        n >= SPIKE * total && n >= 5.0 * usual || n >= least && n >= ABOVE_NEIGHBOURS * beside[beside.len() / 2]
    };
    let mut found: Vec<(f64, f64)> = (0..all.len()).filter(stands_out).map(|i| all[i]).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.total_cmp(&b.0)));
    found.truncate(MOST_SPIKES);
    found.into_iter().map(|(value, _)| value).collect()
}

fn time(name: &str, profile: &Profile, form: &str, why: String) -> Inferred {
    let (low, high) = match profile.days > 0 {
        true => (profile.numbers.low, profile.numbers.high),
        false => profile.forms.range(form).unwrap_or_default(),
    };
    let numbers = Numbers { low, high, offset: low.floor(), date: Some(form.into()), ..Numbers::default() };
    Inferred { column: Column { numbers: Some(numbers), ..Column::modelled(name, Kind::Time) }, why }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Kind, OpenOptions, open};

    #[test]
    fn round_numbers_are_spikes_of_counts_and_a_smooth_count_has_none() {
        // Hours of a week: half the rows 40, a tenth 45, a tenth 50, others spread. Ages: every one as often. Weights: a hundredth 7.5.
        let hours = |i: usize| match i % 10 {
            0..5 => 40,
            5 => 45,
            6 => 50,
            _ => 20 + i / 10 % 41,
        };
        let weight = |i: usize| if i.is_multiple_of(100) { 7.5 } else { (i * 7919 % 6007) as f64 / 100.0 };
        let lines: String = (0..6000).map(|i| format!("{},{},{:.2}\n", hours(i), 18 + i % 60, weight(i))).collect();
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), format!("hours,age,weight\n{lines}")).unwrap();
        let data = open(&file.path().to_string_lossy(), &OpenOptions::default(), &mut |_| ()).unwrap();
        let columns = &data.schema().columns;
        let spikes = |i: usize| columns[i].numbers.as_ref().unwrap().spikes.clone();
        assert_eq!(columns[0].kind, Kind::Count);
        assert_eq!((spikes(0), spikes(1), spikes(2)), (vec![40.0, 45.0, 50.0], vec![], vec![]));
    }
}
