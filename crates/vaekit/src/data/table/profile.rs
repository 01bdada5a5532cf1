//! What one pass over a table tells of each column.

use std::collections::HashMap;

use crate::Result;

use super::dates::{self, Forms};
use super::source::{Cell, Source};

/// Different words of a column that are counted.
pub(super) const MAX_LEVELS: usize = 10_000;
/// Bytes of the words that are counted.
const MAX_BYTES: usize = 4 << 20;
/// Different numbers of a column that are counted.
const MAX_VALUES: usize = 4096;
/// Different numbers that are counted in their words, with the words.
const MAX_NUMBERS: usize = 300;
/// Decimals beyond which numbers are a continuum.
const MAX_DECIMALS: usize = 6;

/// What is known of a column after a pass over the file.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub known: u64,
    pub missing: u64,
    pub numbers: Numbers,
    pub words: Words,
    /// Cells that are no number, and the first of them.
    pub no_number: (u64, Option<(u64, String)>),
    /// Cells that are days by their type.
    pub days: u64,
    /// The forms in which every word so far reads as a date.
    pub forms: Forms,
    /// Numbers with zeros in front, which are codes.
    pub padded: u64,
    /// Words that are numbers but for signs and separators, such as `$1,234.50`.
    pub like_numbers: u64,
    /// Words that read as a date in some form, counted while nearly all of them do.
    pub dates: u64,
    /// Which of day and month comes first in them.
    pub order: dates::Order,
    /// The first word that reads as none.
    pub no_date: Option<(u64, String)>,
}

/// The numbers of a column.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    pub n: u64,
    pub low: f64,
    pub high: f64,
    /// The lowest number above `low`, and the highest below `high`.
    pub next: (f64, f64),
    mean: f64,
    /// Sums of squared and cubed differences from the mean.
    squares: f64,
    cubes: f64,
    /// Of each number of decimals, whether all numbers have no more.
    decimals: [bool; MAX_DECIMALS + 1],
    /// The greatest common divisor of the differences from the first whole number; 0 for a single one.
    divisor: u64,
    first: f64,
    /// True while every number is one more than the one before.
    pub consecutive: bool,
    last: f64,
    pub infinite: Option<u64>,
    /// True while every number reads as a day, such as 20240131.
    pub compact_dates: bool,
    /// How often a number comes; the first [`MAX_VALUES`] different ones.
    pub values: HashMap<u64, u64>,
    pub values_overflow: bool,
}

/// The words of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub counts: HashMap<String, u64>,
    bytes: usize,
    pub overflow: bool,
    /// True where more numbers stand among the words than are counted.
    pub numbers_overflow: bool,
    pub longest: usize,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            n: 0,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            next: (f64::INFINITY, f64::NEG_INFINITY),
            mean: 0.0,
            squares: 0.0,
            cubes: 0.0,
            decimals: [true; MAX_DECIMALS + 1],
            divisor: 0,
            first: 0.0,
            consecutive: true,
            last: 0.0,
            infinite: None,
            compact_dates: true,
            values: HashMap::new(),
            values_overflow: false,
        }
    }
}

impl Numbers {
    pub fn see(&mut self, row: u64, v: f64) {
        if !v.is_finite() || !(v as f32).is_finite() {
            self.infinite = self.infinite.or(Some(row));
            return;
        }
        if self.n == 0 {
            self.first = v;
        } else {
            self.consecutive &= v == self.last + 1.0;
        }
        self.last = v;
        self.n += 1;
        self.see_ends(v);
        self.compact_dates = self.compact_dates && dates::is_compact(v);
        let (n, delta) = (self.n as f64, v - self.mean);
        let step = delta / n;
        let square = delta * step * (n - 1.0);
        self.cubes += square * step * (n - 2.0) - 3.0 * step * self.squares;
        self.squares += square;
        self.mean += step;
        self.see_decimals(v);
        let bits = (v + 0.0).to_bits();
        if let Some(count) = self.values.get_mut(&bits) {
            *count += 1;
        } else if self.values.len() < MAX_VALUES {
            self.values.insert(bits, 1);
        } else {
            self.values_overflow = true;
        }
    }

    fn see_ends(&mut self, v: f64) {
        if v < self.low {
            (self.next.0, self.low) = (self.low, v);
        } else if v > self.low {
            self.next.0 = self.next.0.min(v);
        }
        if v > self.high {
            (self.next.1, self.high) = (self.high, v);
        } else if v < self.high {
            self.next.1 = self.next.1.max(v);
        }
    }

    fn see_decimals(&mut self, v: f64) {
        let mut unit = 1.0;
        for whole in &mut self.decimals {
            if *whole {
                let scaled = v * unit;
                *whole = (scaled - scaled.round()).abs() <= 1e-9 * scaled.abs().max(1.0) && scaled.abs() < 1e15;
            }
            unit *= 10.0;
        }
        if self.decimals[0] {
            let difference = (v - self.first).abs();
            if difference < 1e15 {
                self.divisor = greatest_common_divisor(self.divisor, difference as u64);
            }
        }
    }

    pub fn mean(&self) -> f64 {
        self.mean
    }

    pub fn spread(&self) -> f64 {
        (self.squares / (self.n.max(1) as f64)).sqrt()
    }

    /// The third standardised moment.
    pub fn skewness(&self) -> f64 {
        let n = self.n.max(1) as f64;
        let variance = self.squares / n;
        if variance > 0.0 { self.cubes / n / variance.powf(1.5) } else { 0.0 }
    }

    pub fn whole(&self) -> bool {
        self.n > 0 && self.decimals[0]
    }

    /// The grid on which all numbers lie; 0 for a continuum.
    pub fn step(&self) -> f64 {
        if self.whole() {
            return self.divisor.max(1) as f64;
        }
        if let Some(step) = self.distinct().and_then(|all| grid(&all)) {
            return step;
        }
        let decimals = self.decimals.iter().position(|whole| *whole);
        decimals.map_or(0.0, |decimals| 10f64.powi(-(decimals as i32)))
    }

    /// The different numbers in order, where all of them were counted.
    pub fn distinct(&self) -> Option<Vec<(f64, u64)>> {
        if self.values_overflow {
            return None;
        }
        let mut all: Vec<(f64, u64)> = self.values.iter().map(|(bits, n)| (f64::from_bits(*bits), *n)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some(all)
    }
}

/// The smallest gap between numbers in order, where all others are multiples of it: whole numbers that were scaled, such as
/// standardised counts.
fn grid(all: &[(f64, u64)]) -> Option<f64> {
    let gap = all.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(f64::INFINITY, f64::min);
    let places = |(value, _): &(f64, u64)| (value - all[0].0) / gap;
    let on = |place: f64| place < 1e6 && (place - place.round()).abs() < 1e-5 * (1.0 + place);
    (gap.is_finite() && gap > 0.0 && all.iter().map(places).all(on)).then_some(gap)
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Words {
    fn see(&mut self, word: &str) {
        self.longest = self.longest.max(word.len());
        if let Some(count) = self.counts.get_mut(word) {
            *count += 1;
        } else if self.counts.len() < MAX_LEVELS && self.bytes < MAX_BYTES {
            self.bytes += word.len();
            self.counts.insert(word.to_owned(), 1);
        } else {
            self.overflow = true;
        }
    }

    /// Counts a number in its words for as long as there are few of them: the levels of a column of numbers.
    fn see_number(&mut self, word: &str) {
        if self.numbers_overflow {
            return;
        }
        if let Some(count) = self.counts.get_mut(word) {
            *count += 1;
        } else if self.counts.len() < MAX_NUMBERS {
            self.counts.insert(word.to_owned(), 1);
        } else {
            self.numbers_overflow = true;
        }
    }

    /// True where every word came once.
    pub fn all_different(&self) -> bool {
        self.counts.values().all(|n| *n == 1)
    }
}

impl Profile {
    pub fn new() -> Self {
        Self {
            known: 0,
            missing: 0,
            numbers: Numbers::default(),
            words: Words::default(),
            no_number: (0, None),
            days: 0,
            forms: Forms::all(),
            dates: 0,
            order: dates::Order::default(),
            no_date: None,
            padded: 0,
            like_numbers: 0,
        }
    }

    pub fn see(&mut self, row: u64, cell: Cell<'_>, number: impl Fn(&str) -> Option<f64>) {
        match cell {
            Cell::Missing(_) => {
                self.missing += 1;
                return;
            }
            Cell::Number(v) => self.numbers.see(row, v),
            Cell::Days(v) => {
                self.days += 1;
                self.numbers.see(row, v);
            }
            // `inf` and `12e4567` are words where others are; alone among numbers they are told as strays.
            Cell::Text(word) => match number(word).filter(|v| v.is_finite()) {
                Some(v) => {
                    self.numbers.see(row, v);
                    self.words.see_number(word);
                    self.padded += u64::from(is_padded(word));
                }
                None => self.see_word(row, word),
            },
        }
        self.known += 1;
    }

    fn see_word(&mut self, row: u64, word: &str) {
        self.no_number.0 += 1;
        if self.no_number.1.is_none() {
            self.no_number.1 = Some((row, word.chars().take(60).collect()));
        }
        self.words.see(word);
        self.like_numbers += u64::from(is_like_a_number(word));
        // Of dates in a form that all share each is looked at once; the rest is for columns that share none.
        let is_date = match self.forms.none() {
            false => {
                self.forms.keep(word);
                !self.forms.none() || dates::mixed(word)
            }
            true => 10 * self.dates >= 9 * (self.no_number.0 - 1) && dates::mixed(word),
        };
        self.dates += u64::from(is_date);
        self.order.see(word);
        if !is_date && self.no_date.is_none() {
            self.no_date = Some((row, word.chars().take(60).collect()));
        }
    }
}

fn is_padded(word: &str) -> bool {
    word.len() > 1 && word.starts_with('0') && word.bytes().all(|b| b.is_ascii_digit())
}

/// True for a number with a currency before it, a unit behind it, or separators in it.
fn is_like_a_number(word: &str) -> bool {
    let currencies = ['$', '\u{20ac}', '\u{a3}', '\u{a5}'];
    let bare = word.trim_start_matches(['-', '+']).trim_start_matches(currencies).trim_start();
    let digits = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '\'' | '\u{a0}');
    let unit = bare.trim_start_matches(digits);
    let number = &bare[..bare.len() - unit.len()];
    let unit = unit.trim();
    let is_unit =
        unit.chars().count() <= 3 && !unit.contains(|c: char| c.is_ascii_digit() || matches!(c, '-' | '/' | ':'));
    number.starts_with(|c: char| c.is_ascii_digit()) && is_unit
}

/// A pass over a whole table.
pub(super) fn profile(source: &dyn Source) -> Result<(u64, Vec<Profile>)> {
    let mut profiles = vec![Profile::new(); source.names().len()];
    let mut rows = 0;
    source.scan(&mut |row, cells| {
        rows = row + 1;
        profiles.iter_mut().zip(cells).for_each(|(profile, cell)| profile.see(row, *cell, |word| source.number(word)));
        Ok(())
    })?;
    Ok((rows, profiles))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_steps_and_counts_are_those_of_the_numbers() {
        let mut numbers = Numbers::default();
        [2.5, 3.0, 4.5, 10.0].into_iter().for_each(|v| numbers.see(0, v));
        assert_eq!((numbers.mean(), numbers.step(), numbers.whole()), (5.0, 0.5, false));
        let m = |p: i32| [2.5f64, 3.0, 4.5, 10.0].iter().map(|v| (v - 5.0).powi(p)).sum::<f64>() / 4.0;
        assert!((numbers.spread() - m(2).sqrt()).abs() < 1e-12);
        assert!((numbers.skewness() - m(3) / m(2).powf(1.5)).abs() < 1e-12);
        let mut scaled = Numbers::default();
        (0..50).for_each(|i| scaled.see(0, (f64::from(i * i % 23) - 9.0) / 7.7));
        assert!((scaled.step() - 1.0 / 7.7).abs() < 1e-9, "{}", scaled.step());
        let mut whole = Numbers::default();
        [2700.0, 3325.0, 4050.0].into_iter().for_each(|v| whole.see(0, v));
        assert_eq!((whole.step(), whole.distinct().unwrap().len()), (25.0, 3));
    }

    #[test]
    fn numbers_with_signs_are_told_from_names() {
        for word in ["$1,234.50", "12%", "12.0 %", "8.3 \u{b0}C", "1.234,50", "-3,5", "\u{20ac} 7", "1,234"] {
            assert!(is_like_a_number(word), "{word}");
        }
        for word in ["S-00123", "2024-01-02", "12:30", "A7", "555-1234", "3x4x5", "", "north"] {
            assert!(!is_like_a_number(word), "{word}");
        }
    }

    #[test]
    fn a_mean_far_from_nought_does_not_hide_the_spread() {
        let mut numbers = Numbers::default();
        (0..1000).for_each(|i| numbers.see(0, 1e6 + 0.1 * f64::from(i % 2)));
        assert!((numbers.spread() - 0.05).abs() < 1e-6, "{}", numbers.spread());
    }
}
