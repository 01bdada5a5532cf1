//! What a row is: its columns, what each can hold, and what each is for.

use serde::{Deserialize, Serialize};

/// The columns of a data set. Where rows are images, their pixels stand before the columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The pixels of a row, all of one kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
    /// The modelled columns of a table first, in the order of the values of a row; then the columns beside them.
    #[serde(default)]
    pub columns: Vec<Column>,
}

/// Pixels, stored channel by channel, line by line: [C, H, W].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pixels {
    /// 1 for grey, 3 for colours.
    pub channels: usize,
    /// Lines.
    pub height: usize,
    /// Pixels of a line.
    pub width: usize,
    /// What the cells can be.
    pub kind: Kind,
}

/// A column of a table, or what stands beside an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The name in the file.
    pub name: String,
    /// What the cells can be.
    pub kind: Kind,
    /// What the column is for.
    pub role: Role,
    /// Of a category, the words that it can be; of an ordinal, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Of numbers in a file, what they are like there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
}

/// What the numbers of a column are like, in the units of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numbers {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// All of them are whole multiples of it, counted from the smallest; 0 for a continuum.
    #[serde(default)]
    pub step: f64,
    /// What is taken away before they become 32-bit numbers, which hold no small differences far from 0.
    #[serde(default)]
    pub offset: f64,
    /// Values that come so often that they are a mass of their own, not part of a continuum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spikes: Vec<f64>,
    /// How dates are written, as strftime has it; the numbers are days since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Of a count, the distribution that a person named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<super::CountDistribution>,
    /// What the mean of a count with a distribution is in proportion to: a positive column, or `total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<String>,
}

impl Numbers {
    /// The fewest decimals that every point of the grid can be written with; none of a continuum.
    fn places(&self) -> Option<usize> {
        let fits = |v: f64, places: i32| {
            let scaled = v * 10f64.powi(places);
            (scaled - scaled.round()).abs() <= 1e-7 * scaled.abs().max(1.0)
        };
        let all = |places: &i32| fits(self.low, *places) && fits(self.step, *places);
        if self.step > 0.0 { (0..=9).find(all).map(|places| places as usize) } else { None }
    }

    /// True for numbers that can be computed with, and a form of dates that can be read and written.
    pub(crate) fn is_sound(&self) -> bool {
        let all = [self.low, self.high, self.step, self.offset].iter().chain(&self.spikes).all(|v| v.is_finite());
        all && self.low <= self.high && self.step >= 0.0 && self.date.as_deref().is_none_or(super::dates::is_form)
    }
}

/// What the cells of a column can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 0 and 1 only.
    Binary,
    /// Whole numbers from 0 to 255.
    Byte,
    /// Any finite number.
    Real,
    /// A number above 0, of which the logarithm is modelled.
    Positive,
    /// A whole number from 0.
    Count,
    /// One of a list of words.
    Category,
    /// One of a list of words or numbers that have an order.
    Ordinal,
    /// A date or a time of day on a date.
    Time,
    /// Any text.
    Text,
}

impl Kind {
    /// The word that files and messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Byte => "byte",
            Self::Real => "real",
            Self::Positive => "positive",
            Self::Count => "count",
            Self::Category => "category",
            Self::Ordinal => "ordinal",
            Self::Time => "time",
            Self::Text => "text",
        }
    }

    /// Every kind that a column of a file can be declared to be.
    pub const OF_COLUMNS: [Self; 8] =
        [Self::Real, Self::Positive, Self::Count, Self::Binary, Self::Category, Self::Ordinal, Self::Time, Self::Text];

    /// True for numbers among which some may be spikes.
    pub fn has_spikes(self) -> bool {
        matches!(self, Self::Real | Self::Positive | Self::Count | Self::Ordinal)
    }

    /// True where a cell is one of the levels of its column.
    pub fn has_levels(self) -> bool {
        matches!(self, Self::Category | Self::Ordinal)
    }

    /// True where cells are words without an order, so that the likeliest is what is expected.
    pub fn is_named(self) -> bool {
        matches!(self, Self::Category | Self::Binary)
    }

    /// The narrowest numeric kind that holds the numbers of both.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Binary, kind) | (kind, Self::Binary) => kind,
            (Self::Byte, Self::Byte) => Self::Byte,
            _ => Self::Real,
        }
    }
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Part of x.
    Modelled,
    /// Told to a conditional model, which does not model it.
    Condition,
    /// The class of a row.
    Label,
    /// What a row is called.
    Identifier,
    /// Not looked at, and carried to every output.
    Ignored,
}

impl Role {
    /// The word that files and messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modelled => "modelled",
            Self::Condition => "condition",
            Self::Label => "label",
            Self::Identifier => "identifier",
            Self::Ignored => "ignored",
        }
    }
}

impl Column {
    /// A column of numbers that the model is of.
    pub fn modelled(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, role: Role::Modelled, levels: Vec::new(), numbers: None }
    }

    /// A column of any text, which no model looks at.
    pub fn text(name: impl Into<String>, role: Role) -> Self {
        Self { role, ..Self::modelled(name, Kind::Text) }
    }

    /// A stored value as a cell of the file; empty for a missing one.
    pub fn cell(&self, stored: f32) -> String {
        if stored.is_nan() {
            return String::new();
        }
        if self.kind.has_levels() {
            return self.levels.get(stored as usize).cloned().unwrap_or_default();
        }
        let Some(numbers) = &self.numbers else { return stored.to_string() };
        let value = f64::from(stored) + numbers.offset;
        if let Some(form) = &numbers.date {
            return super::dates::written(value, form);
        }
        // The digits of the file, not those that 32 bits leave behind.
        let significant = || (5 - value.abs().max(1e-30).log10().floor() as i32).clamp(0, 12) as usize;
        let places = numbers.places().unwrap_or_else(significant);
        let text = format!("{value:.places$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        if text == "-0" { "0".into() } else { text.to_owned() }
    }

    /// The same of a number that lies between the points of the column's grid, such as a mean.
    pub fn unrounded(&self, stored: f32) -> String {
        match &self.numbers {
            Some(numbers) if numbers.date.is_none() => (f64::from(stored) + numbers.offset).to_string(),
            _ => self.cell(stored),
        }
    }

    /// The levels or the range of its cells, for people; empty where neither is known.
    pub fn holds(&self) -> String {
        if !self.levels.is_empty() {
            return super::few(&self.levels);
        }
        let Some(numbers) = &self.numbers else { return String::new() };
        if let Some(form) = &numbers.date {
            return format!(
                "{} to {}",
                super::dates::written(numbers.low, form),
                super::dates::written(numbers.high, form)
            );
        }
        let spikes: Vec<String> = numbers.spikes.iter().map(f64::to_string).collect();
        let spikes = if spikes.is_empty() { String::new() } else { format!(", often {}", spikes.join(", ")) };
        format!("{} to {}{spikes}", numbers.low, numbers.high)
    }

    /// A column of words.
    pub fn category(name: impl Into<String>, role: Role, levels: Vec<String>) -> Self {
        Self { role, levels, ..Self::modelled(name, Kind::Category) }
    }
}

impl Schema {
    /// Images of one kind of pixel, `[C, H, W]`.
    pub fn images(shape: [usize; 3], kind: Kind) -> Self {
        let [channels, height, width] = shape;
        Self { pixels: Some(Pixels { channels, height, width, kind }), columns: Vec::new() }
    }

    /// A table whose columns are all of one kind.
    pub fn table(names: impl IntoIterator<Item = impl Into<String>>, kind: Kind) -> Self {
        Self { pixels: None, columns: names.into_iter().map(|name| Column::modelled(name, kind)).collect() }
    }

    /// True where what is said of columns can be computed with.
    pub(crate) fn is_sound(&self) -> bool {
        let column = |c: &Column| {
            let levels = !c.kind.has_levels() || c.role != Role::Modelled || !c.levels.is_empty();
            levels && c.numbers.as_ref().is_none_or(Numbers::is_sound)
        };
        self.columns.iter().all(column)
    }

    /// True for a table whose columns have kinds of their own: words among them, or numbers that a file described.
    pub fn is_mixed(&self) -> bool {
        self.modelled().any(|column| column.numbers.is_some() || column.kind.has_levels())
    }

    /// True for pictures.
    pub fn is_image(&self) -> bool {
        self.pixels.is_some()
    }

    /// The modelled columns of a table; none for images.
    pub fn modelled(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.role == Role::Modelled)
    }

    /// Their names.
    pub fn modelled_names(&self) -> Vec<String> {
        self.modelled().map(|column| column.name.clone()).collect()
    }

    /// The columns that are not modelled.
    pub fn beside(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.role != Role::Modelled)
    }

    /// The column of classes.
    pub fn label(&self) -> Option<&Column> {
        self.columns.iter().find(|column| column.role == Role::Label)
    }

    /// The names of the classes; none without.
    pub fn classes(&self) -> &[String] {
        self.label().map_or(&[], |label| &label.levels)
    }

    /// What a conditional model is told: the columns of that role, or else the classes.
    pub fn conditions(&self) -> Vec<&Column> {
        let of = |role| self.columns.iter().filter(|column| column.role == role).collect::<Vec<_>>();
        let conditions = of(Role::Condition);
        if conditions.is_empty() { of(Role::Label) } else { conditions }
    }

    /// Modelled values in a row.
    pub fn width(&self) -> usize {
        match &self.pixels {
            Some(p) => p.channels * p.height * p.width,
            None => self.modelled().count(),
        }
    }

    /// The same for sizes from a file, which may overflow.
    pub fn checked_width(&self) -> Option<usize> {
        match &self.pixels {
            Some(p) => p.channels.checked_mul(p.height)?.checked_mul(p.width),
            None => Some(self.modelled().count()),
        }
    }

    /// Channels of a pixel; 1 for a table.
    pub fn channels(&self) -> usize {
        self.pixels.as_ref().map_or(1, |p| p.channels)
    }

    /// `[C, H, W]` of images.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        self.pixels.as_ref().map(|p| [p.channels, p.height, p.width])
    }

    /// The narrowest kind that holds every modelled value.
    pub fn value_kind(&self) -> Kind {
        match &self.pixels {
            Some(p) => p.kind,
            None => self.modelled().map(|column| column.kind).reduce(Kind::with).unwrap_or(Kind::Real),
        }
    }

    /// What to call a value of a row in a message.
    pub fn value_name(&self, i: usize) -> String {
        match &self.pixels {
            Some(p) => format!("pixel y={} x={}", i / p.width % p.height, i % p.width),
            None => self.modelled().nth(i).map_or_else(|| format!("column {i}"), |c| format!("column '{}'", c.name)),
        }
    }
}

impl std::fmt::Display for Schema {
    /// Of the modelled values: `28x28 byte images`, `real table of 2 columns`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.value_kind().name();
        match &self.pixels {
            Some(Pixels { channels: 1, height, width, .. }) => write!(f, "{height}x{width} {kind} images"),
            Some(Pixels { channels, height, width, .. }) => write!(f, "{channels}x{height}x{width} {kind} images"),
            None if self.is_mixed() => write!(f, "table of {}", super::counted(self.width(), "column")),
            None => write!(f, "{kind} table of {}", super::counted(self.width(), "column")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_holds_all_values_and_is_the_narrowest() {
        let kind = |kinds: &[Kind]| {
            let columns = kinds.iter().enumerate().map(|(i, kind)| Column::modelled(i.to_string(), *kind)).collect();
            Schema { pixels: None, columns }.value_kind()
        };
        assert_eq!(kind(&[Kind::Binary, Kind::Binary]), Kind::Binary);
        assert_eq!(kind(&[Kind::Byte, Kind::Binary]), Kind::Byte);
        assert_eq!(kind(&[Kind::Binary, Kind::Real, Kind::Byte]), Kind::Real);
    }

    #[test]
    fn the_classes_are_the_condition_where_no_column_has_that_role() {
        let mut schema = Schema::table(["a"], Kind::Real);
        schema.columns.push(Column::category("class", Role::Label, vec!["x".into()]));
        assert_eq!(schema.conditions()[0].name, "class");
        schema.columns.push(Column { role: Role::Condition, ..Column::modelled("dose", Kind::Real) });
        assert_eq!(schema.conditions().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["dose"]);
        assert_eq!((schema.width(), schema.beside().count()), (1, 2));
    }
}
