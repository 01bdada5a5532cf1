//! Dates as people write them.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::source::Cell;

/// Forms of a date, in the order in which they are tried: a file whose every cell reads in several takes the first.
const FORMS: &[&str] = &[
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d-%m-%Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
];

/// How the dates of a column are written: the forms that every cell so far reads in, a bit each, with the first and the last
/// day in each form.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Forms {
    open: u32,
    ranges: [(f64, f64); FORMS.len()],
}

/// The words for a column whose cells have several forms, which are written in the first of them: where day and month could
/// be either, the month or the day comes first.
const MIXED: &str = "mixed";
const MIXED_DAY: &str = "mixed-day-first";

/// For a form of several, which of day and month comes first.
pub(super) fn which_first(form: &str) -> Option<&'static str> {
    [(MIXED, "month"), (MIXED_DAY, "day")].iter().find(|(known, _)| *known == form).map(|(_, first)| *first)
}

/// Cells that only one order of day and month can read, such as 29/04/2022.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Order {
    day_first: bool,
    month_first: bool,
}

impl Order {
    pub fn see(&mut self, cell: &str) {
        // With points or hyphens the day always comes first, which says nothing of slashes.
        let mut parts = cell.splitn(3, '/');
        let mut next = || parts.next().filter(|part| part.len() <= 2).and_then(|part| part.parse::<u8>().ok());
        if let (Some(first), Some(second)) = (next(), next()) {
            self.day_first |= first > 12 && first <= 31 && second <= 12;
            self.month_first |= second > 12 && second <= 31 && first <= 12;
        }
    }

    /// True where some cells have the day first and others the month.
    pub fn contradicts_itself(self) -> bool {
        self.day_first && self.month_first
    }
}

impl Forms {
    pub fn all() -> Self {
        Self { open: (1 << FORMS.len()) - 1, ranges: [(f64::INFINITY, f64::NEG_INFINITY); FORMS.len()] }
    }

    pub fn none(&self) -> bool {
        self.open == 0
    }

    /// Leaves those in which a cell reads.
    pub fn keep(&mut self, cell: &str) {
        for (i, form) in FORMS.iter().enumerate() {
            if self.open & 1 << i == 0 {
                continue;
            }
            match days(cell, form) {
                Some(day) => self.ranges[i] = (self.ranges[i].0.min(day), self.ranges[i].1.max(day)),
                None => self.open &= !(1 << i),
            }
        }
    }

    /// The first and the last day of the cells in a form in which they all read.
    pub fn range(&self, form: &str) -> Option<(f64, f64)> {
        let at = FORMS.iter().position(|known| *known == form)?;
        Some(self.ranges[at]).filter(|(low, high)| self.open & 1 << at != 0 && low <= high)
    }

    /// The first, and another that reads the same cells as other days.
    pub fn chosen(&self) -> Option<(&'static str, Option<&'static str>)> {
        let mut left = FORMS.iter().enumerate().filter(|(i, _)| self.open & 1 << i != 0).map(|(_, form)| *form);
        let first = left.next()?;
        Some((first, left.find(|other| first.starts_with("%m/%d") && other.starts_with("%d/%m"))))
    }
}

/// A form for cells that have none in common.
pub(super) fn mixed(cell: &str) -> bool {
    looks_like_one(cell) && FORMS.iter().any(|form| days(cell, form).is_some())
}

/// The word that a schema has for such a form.
pub(super) fn mixed_form(order: Order) -> String {
    if order.day_first && !order.month_first { MIXED_DAY } else { MIXED }.to_owned()
}

/// Days since 1970 of a cell in a form.
pub(crate) fn days(cell: &str, form: &str) -> Option<f64> {
    if !looks_like_one(cell) {
        return None;
    }
    if form == MIXED {
        return FORMS.iter().find_map(|form| days(cell, form));
    }
    if form == MIXED_DAY {
        let later = |form: &&&str| !form.starts_with("%m/%d");
        return FORMS.iter().filter(later).chain(FORMS).find_map(|form| days(cell, form));
    }
    let of = |time: NaiveDateTime| {
        let utc = time.and_utc();
        utc.timestamp() as f64 / 86_400.0 + f64::from(utc.timestamp_subsec_nanos()) / 86_400e9
    };
    if form.ends_with("%:z") {
        return DateTime::parse_from_str(cell, form).ok().map(|time| of(time.naive_utc()));
    }
    if has_time(form) {
        // A year of two digits would be the first century.
        return NaiveDateTime::parse_from_str(cell, form).ok().filter(|time| time.year() >= 1000).map(of);
    }
    let date = NaiveDate::parse_from_str(cell, form).ok()?;
    (date.year() >= 1000).then(|| of(date.and_hms_opt(0, 0, 0).unwrap_or_default()))
}

/// True for a form with a time of day.
pub(crate) fn has_time(form: &str) -> bool {
    ["%H", "%I", "%k", "%l", "%T", "%R", "%X", "%r", "%c", "%s"].iter().any(|item| form.contains(item))
}

/// True for a form in which a moment can be written and read back.
pub(crate) fn is_form(form: &str) -> bool {
    // 29 February 2024, 13 o'clock: no number of it could be another's.
    let moment = 19_782.0 + if has_time(form) { 13.0 / 24.0 } else { 0.0 };
    which_first(form).is_some() || days(&written(moment, form), form).is_some_and(|read| (read - moment).abs() < 1e-6)
}

/// False for most words and numbers, at little cost.
fn looks_like_one(cell: &str) -> bool {
    (8..=40).contains(&cell.len()) && cell.as_bytes().iter().filter(|b| b.is_ascii_digit()).count() >= 5
}

/// A day in a form, as a cell of the file.
pub(crate) fn written(days: f64, form: &str) -> String {
    let seconds = (days * 86_400.0).round().clamp(-FARTHEST, FARTHEST) as i64;
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let form = if which_first(form).is_some() { FORMS[0] } else { form };
    let mut text = String::new();
    let written = match form.ends_with("%:z") {
        true => write!(text, "{}", time.fixed_offset().format(form)),
        false => write!(text, "{}", time.naive_utc().format(form)),
    };
    // Forms are checked where they come from; what cannot be written is given in one that can.
    if written.is_ok() { text } else { time.naive_utc().to_string() }
}

/// Seconds from 1970 that a calendar reaches, about the year 250,000.
const FARTHEST: f64 = 7.8e12;

/// Hour of the day, 0 to 23, day of the week, 0 for Monday, and month, 0 for January.
pub(crate) fn parts(days: f64) -> [usize; 3] {
    let time =
        DateTime::from_timestamp((days * 86_400.0).round().clamp(-FARTHEST, FARTHEST) as i64, 0).unwrap_or_default();
    [time.hour() as usize, time.weekday().num_days_from_monday() as usize, time.month0() as usize]
}

/// How many days lie between a day and the nearest one with that day of the week and that month, where they are given.
pub(crate) fn days_to(day: f64, weekday: Option<usize>, month: Option<usize>) -> f64 {
    let has = |far: &f64| {
        let [_, its_weekday, its_month] = parts(day + far);
        weekday.is_none_or(|weekday| weekday == its_weekday) && month.is_none_or(|month| month == its_month)
    };
    // Every month is within 184 days, and has every day of the week.
    let near = (0..200).flat_map(|k| [f64::from(k), -f64::from(k)]);
    near.into_iter().find(has).unwrap_or(0.0)
}

/// A whole number that is a day, such as 20240131.
pub(crate) const COMPACT: &str = "%Y%m%d";

/// True for a number that reads as a day of the years 1900 to 2100 in [`COMPACT`].
pub(super) fn is_compact(number: f64) -> bool {
    (19_000_101.0..=21_001_231.0).contains(&number) && days(&number.to_string(), COMPACT).is_some()
}

/// The day of a cell that is known.
pub(super) fn of_cell(cell: Cell<'_>, form: &str) -> Option<f64> {
    match cell {
        Cell::Missing(_) => None,
        Cell::Days(day) => Some(day),
        Cell::Number(number) => compact(number, form),
        // A column of whole numbers with gaps may be written as 20240131.0, or with a decimal comma.
        Cell::Text(word) => days(word, form).or_else(|| compact(word.replace(',', ".").parse().ok()?, form)),
    }
}

/// The day that a whole number is in [`COMPACT`]; in no other form is a number a date.
fn compact(number: f64, form: &str) -> Option<f64> {
    (form == COMPACT && is_compact(number)).then(|| days(&number.to_string(), form)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_in_their_form_and_are_written_back() {
        for (cell, expected) in [
            ("2024-02-29", 19_782.0),
            ("2024-02-29 12:00:00", 19_782.5),
            ("2024-02-29T06:00:00Z", 19_782.25),
            ("2024/02/29", 19_782.0),
            ("29.02.2024", 19_782.0),
            ("02/29/2024", 19_782.0),
            ("29/02/2024", 19_782.0),
            ("29-Feb-2024", 19_782.0),
            ("Feb 29, 2024", 19_782.0),
            ("February 29, 2024", 19_782.0),
            ("Feb 29 2024", 19_782.0),
            ("29 February 2024", 19_782.0),
        ] {
            let mut forms = Forms::all();
            forms.keep(cell);
            let (form, _) = forms.chosen().unwrap_or_else(|| panic!("{cell} has no form"));
            assert_eq!(days(cell, form), Some(expected), "{cell} as {form}");
            assert_eq!(written(expected, form), cell);
        }
    }

    #[test]
    fn a_later_cell_decides_between_day_and_month_and_words_are_no_dates() {
        let mut forms = Forms::all();
        forms.keep("03/04/2024");
        assert_eq!(forms.chosen(), Some(("%m/%d/%Y", Some("%d/%m/%Y"))));
        forms.keep("13/04/2024");
        assert_eq!(forms.chosen(), Some(("%d/%m/%Y", None)));
        for word in ["Adelie", "3.14159265", "12345678", "2024-13-40", "0024-01-01"] {
            let mut forms = Forms::all();
            forms.keep(word);
            assert!(forms.none(), "{word}");
        }
    }

    #[test]
    fn parts_are_hours_and_days_of_the_week() {
        // 29 February 2024 was a Thursday.
        assert_eq!(parts(19_782.5), [12, 3, 1]);
        // To 31 January, to 1 March, and to Monday, 4 March.
        let of = |weekday, month| days_to(19_782.0, weekday, month);
        assert_eq!(
            (of(None, Some(0)), of(None, Some(2)), of(Some(0), Some(2)), of(None, None)),
            (-29.0, 1.0, 4.0, 0.0)
        );
        assert!(is_compact(20_240_229.0) && !is_compact(20_230_229.0) && !is_compact(20_240_229.5));
    }

    #[test]
    fn forms_that_differ_take_the_order_that_some_cell_shows() {
        let order = |cells: &[&str]| {
            let mut order = Order::default();
            cells.iter().for_each(|cell| order.see(cell));
            mixed_form(order)
        };
        let of = |cell: &str, form: &str| days(cell, form).map(|day| written(day, "%Y-%m-%d"));
        let day_first = order(&["2022-04-29", "12/06/2020", "29/04/2022"]);
        assert_eq!(of("12/06/2020", &day_first).as_deref(), Some("2020-06-12"));
        assert_eq!(of("2022-04-29", &day_first).as_deref(), Some("2022-04-29"));
        assert_eq!(of("04/29/2022", &day_first).as_deref(), Some("2022-04-29"));
        let month_first = order(&["2022-04-29", "12/06/2020"]);
        assert_eq!(of("12/06/2020", &month_first).as_deref(), Some("2020-12-06"));
        assert_eq!(order(&["29/04/2022", "04/29/2022"]), month_first);
        assert_eq!(order(&["29.04.2022", "12/06/2020"]), month_first);
        assert!(is_form(&day_first) && is_form(&month_first));
    }
}
