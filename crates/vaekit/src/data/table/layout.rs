//! Which columns of a file are modelled, which stand beside them, and what each of them is.

use std::collections::{HashMap, HashSet};

use crate::{Error, Result, budget};

use super::super::columns::TOTAL;
use super::super::{AskedColumn, Column, Kind, OpenOptions, Role, Schema, counted, few};
use super::infer::{self, Inferred};
use super::modelled::modelled;
use super::profile::{Profile, profile};
use super::source::Source;
use super::{AskedRole, Finding, Overrides, dates, day_range};

/// Bytes that the counts of a column take at least.
const PROFILE: u64 = 16_384;

/// The columns of a table, each with its place in the file.
pub(super) struct Layout {
    pub modelled: Vec<(usize, Column)>,
    /// Their levels are those of the file where the column has none yet.
    pub beside: Vec<(usize, Column)>,
    pub findings: Vec<Finding>,
    pub notes: Vec<String>,
}

impl Layout {
    /// The columns by what the model knows, a person says, and the cells are.
    pub fn of(source: &dyn Source, options: &OpenOptions) -> Result<Self> {
        let names = source.names();
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::data(source.place(), format!("two columns are named '{twice}'; rename one")));
        }
        match (&options.schema, options.columns_are_fixed) {
            (Some(schema), _) if !schema.is_image() => Self::of_model(source, schema, options),
            (_, true) => Self::of_numbers(source, options),
            _ => Self::inferred(source, options),
        }
    }

    /// The columns that a trained model knows; others of the file are carried along.
    fn of_model(source: &dyn Source, schema: &Schema, options: &OpenOptions) -> Result<Self> {
        let names = source.names();
        let at: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
        let modelled = schema.modelled().map(|column| match at.get(column.name.as_str()) {
            Some(place) => Ok((*place, column.clone())),
            None => {
                let problem = format!(
                    "lacks column '{}', which the model knows; it has {}; rename a column, or add an empty one: its cells count as missing",
                    column.name,
                    few(names)
                );
                Err(Error::data(source.place(), problem))
            }
        });
        let modelled: Vec<(usize, Column)> = modelled.collect::<Result<_>>()?;
        let mut beside: Vec<(usize, Column)> = Vec::new();
        let taken =
            |beside: &[(usize, Column)], place: usize| modelled.iter().chain(beside).any(|(known, _)| *known == place);
        // What a person names now is stronger than what the model had.
        for asked in &options.roles {
            let Some(place) = at.get(asked.name.as_str()).copied() else {
                if asked.if_there {
                    continue;
                }
                return Err(no_column(source, key_of(asked.role), &asked.name));
            };
            if modelled.iter().any(|(known, _)| *known == place) {
                let problem = format!("'{}' is a column that the model has; name another", asked.name);
                return Err(Error::setting(key_of(asked.role), problem));
            }
            if !taken(&beside, place) {
                beside.push((place, plain(&asked.name, asked)));
            }
        }
        let known = schema.beside().filter(|column| !options.roles.iter().any(|asked| asked.role == column.role));
        for column in known {
            if let Some(place) = at.get(column.name.as_str())
                && !taken(&beside, *place)
            {
                beside.push((*place, Column { levels: Vec::new(), ..column.clone() }));
            }
        }
        let extra: Vec<usize> = (0..names.len()).filter(|place| !taken(&beside, *place)).collect();
        let mut notes = Vec::new();
        if !extra.is_empty() && schema.is_mixed() {
            let names: Vec<String> = extra.iter().map(|place| format!("'{}'", names[*place])).collect();
            notes.push(format!(
                "the model does not know {}: not modelled, kept in the output of score and impute",
                few(&names)
            ));
        }
        beside.extend(extra.into_iter().map(|place| (place, Column::text(&names[place], Role::Ignored))));
        Ok(Self { modelled, beside, findings: Vec::new(), notes })
    }

    /// Plain numbers, such as codes: nothing is inferred.
    fn of_numbers(source: &dyn Source, options: &OpenOptions) -> Result<Self> {
        let beside = asked_columns(source, options)?;
        let modelled = chosen(source, options, &beside)?;
        let number = |place: usize| (place, Column::modelled(&source.names()[place], Kind::Real));
        let beside = beside.into_iter().map(|(place, asked)| (place, plain(&asked.name, asked))).collect();
        let modelled = modelled.into_iter().map(number).collect();
        Ok(Self { modelled, beside, findings: Vec::new(), notes: Vec::new() })
    }

    fn inferred(source: &dyn Source, options: &OpenOptions) -> Result<Self> {
        let names = source.names();
        let said = &options.overrides.with_exposures()?;
        if let Some(unknown) = said.columns.keys().find(|name| !names.contains(name)) {
            return Err(no_column(source, "schema", unknown));
        }
        if names.iter().any(|name| name == TOTAL) && said.columns.values().any(|c| c.exposure.as_deref() == Some(TOTAL))
        {
            let problem =
                format!("exposure '{TOTAL}' stands for the row's total, and a column has that name; rename it");
            return Err(Error::setting("schema", problem));
        }
        let roles = asked_columns(source, options)?;
        let wanted = chosen(source, options, &roles)?;
        let among: HashSet<usize> = wanted.iter().copied().collect();
        let what = format!("what is counted of {} columns", names.len());
        budget::ask(source.place(), &what, PROFILE * names.len() as u64)?;
        let (rows, profiles) = profile(source)?;
        if rows == 0 {
            return Err(Error::data(source.place(), "has a header and no rows; at least one is needed"));
        }
        let mut layout = Self { modelled: Vec::new(), beside: Vec::new(), findings: Vec::new(), notes: Vec::new() };
        let mut has_id = roles.iter().any(|(_, asked)| asked.role == Role::Identifier);
        for (place, (name, profile)) in names.iter().zip(&profiles).enumerate() {
            let mut asked = roles.iter().find(|(at, _)| *at == place).map(|(_, asked)| (*asked).clone());
            if let Some(role) = said.columns.get(name).and_then(|said| said.role).map(AskedRole::role) {
                let other = AskedColumn { name: name.clone(), role, kind: None, if_there: false };
                asked = Some(asked.filter(|known| known.role == role).unwrap_or(other));
            }
            let found = match &asked {
                Some(asked) if asked.role != Role::Modelled => {
                    Inferred { column: beside(name, asked, profile, said), why: "as you said".into() }
                }
                _ if !among.contains(&place) => {
                    Inferred { column: Column::text(name, Role::Ignored), why: "not among --columns".into() }
                }
                _ => modelled(source, name, profile, said, asked.is_some() || !options.columns.is_empty())?,
            };
            let Inferred { mut column, mut why } = found;
            if let (Role::Modelled, Some((value, n))) = (column.role, infer::stand_in(profile)) {
                let cells = counted(n as usize, "cell");
                layout.notes.push(format!(
                    "'{name}' is {value} in {cells}, far from all its other values: if that means missing, pass --missing {value}"
                ));
            }
            let form = column.numbers.as_ref().and_then(|n| n.date.as_deref());
            if let (Role::Modelled, Some(first)) = (column.role, form.and_then(dates::which_first)) {
                if profile.order.contradicts_itself() {
                    layout.notes.push(format!(
                        "'{name}' contradicts itself: in some dates only the first number can be the day, in others only the second"
                    ));
                }
                layout.notes.push(format!(
                    "'{name}' has dates in several forms, and a date such as 03/04/2024 is read {first} first; to change that, set date = \"mixed\" (month first) or \"mixed-day-first\" in --schema"
                ));
            }
            if column.role == Role::Identifier && asked.is_none() && std::mem::replace(&mut has_id, true) {
                column.role = Role::Ignored;
                why = format!("{why}; another column says already what rows are called");
            }
            layout.findings.push(Finding { column: column.clone(), missing: Some(profile.missing), why });
            match column.role {
                Role::Modelled => layout.modelled.push((place, column)),
                _ => layout.beside.push((place, column)),
            }
        }
        if layout.modelled.is_empty() {
            let why = layout.findings.iter().find(|f| f.column.role == Role::Ignored);
            let why = why.map(|f| format!(" ('{}': {})", f.column.name, f.why)).unwrap_or_default();
            let problem = format!("has no column left to model in {}{why}", counted(rows as usize, "row"));
            return Err(Error::data(source.place(), format!("{problem}; see vaekit data, --schema and --role")));
        }
        let of_total = |(_, column): &&(usize, Column)| {
            column.numbers.as_ref().is_some_and(|n| n.exposure.as_deref() == Some(TOTAL))
        };
        if let [(_, column)] = layout.modelled.iter().filter(of_total).collect::<Vec<_>>()[..] {
            let problem = format!("column '{}': no other count that is modelled has exposure {TOTAL}", column.name);
            return Err(Error::setting("schema", format!("{problem}, so the total would be the count itself")));
        }
        if !options.columns.is_empty() {
            // In the order that a person gave them.
            layout.modelled.sort_by_key(|(place, _)| wanted.iter().position(|wanted| wanted == place));
        }
        day_range::days_of(source, &mut layout)?;
        layout.say_left_out();
        Ok(layout)
    }

    /// One line for what the model will not see, though nobody said so.
    fn say_left_out(&mut self) {
        let unasked = |f: &&Finding| {
            matches!(f.column.role, Role::Ignored | Role::Identifier)
                && !matches!(f.why.as_str(), "as you said" | "not among --columns")
        };
        let left: Vec<String> =
            self.findings.iter().filter(unasked).map(|f| format!("'{}' ({})", f.column.name, f.why)).collect();
        if !left.is_empty() {
            let line = format!(
                "not modelled, kept in the output of score and impute: {}; change this with --role or --schema",
                few(&left)
            );
            self.notes.push(line);
        }
    }
}

/// A column that a person gave another role than that of x.
fn beside(name: &str, asked: &AskedColumn, profile: &Profile, said: &Overrides) -> Column {
    let kind = asked.kind.or_else(|| said.columns.get(name).and_then(|said| said.kind));
    let numeric = profile.no_number.0 == 0 && profile.days == 0;
    let kind = match (asked.role, kind) {
        (Role::Identifier | Role::Ignored, _) => Kind::Text,
        (Role::Label, _) => Kind::Category,
        (_, Some(kind)) if kind.has_levels() => Kind::Category,
        (_, Some(_)) => Kind::Real,
        (_, None) if numeric => Kind::Real,
        (_, None) => Kind::Category,
    };
    Column { role: asked.role, ..Column::modelled(name, kind) }
}

/// The same by the kind that was asked for alone.
fn plain(name: &str, asked: &AskedColumn) -> Column {
    let kind = match (asked.role, asked.kind) {
        (Role::Identifier | Role::Ignored, _) => Kind::Text,
        (Role::Label, None) => Kind::Category,
        (_, kind) => kind.unwrap_or(Kind::Category),
    };
    Column { role: asked.role, ..Column::modelled(name, kind) }
}

/// The setting that gives a role.
fn key_of(role: Role) -> &'static str {
    match role {
        Role::Modelled => "columns",
        Role::Condition => "condition",
        Role::Label => "label_column",
        Role::Identifier => "id_column",
        Role::Ignored => "role",
    }
}

fn no_column(source: &dyn Source, key: &str, name: &str) -> Error {
    let names = source.names();
    let nearest = crate::nearest(name, names.iter().map(String::as_str));
    let hint = nearest.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
    let (place, has) = (source.place(), few(names));
    Error::setting(key, format!("'{name}' is no column of {place}; it has {has}{hint}"))
}

/// The columns to which settings give a role, with their places.
fn asked_columns<'a>(source: &dyn Source, options: &'a OpenOptions) -> Result<Vec<(usize, &'a AskedColumn)>> {
    let places: HashMap<&str, usize> = source.names().iter().map(String::as_str).zip(0..).collect();
    let mut found: Vec<(usize, &AskedColumn)> = Vec::new();
    for asked in &options.roles {
        let (name, key) = (&asked.name, key_of(asked.role));
        let Some(place) = places.get(name.as_str()).copied() else {
            if asked.if_there {
                continue;
            }
            return Err(no_column(source, key, name));
        };
        if options.columns.contains(name) {
            let problem = match options.columns_are_fixed {
                true => "is a column that the model has; name another",
                false => "is among --columns as well; leave it out of one of them",
            };
            return Err(Error::setting(key, format!("'{name}' {problem}")));
        }
        if found.iter().any(|(known, _)| *known == place) {
            return Err(Error::setting(key, format!("'{name}' has another role already; name each column once")));
        }
        found.push((place, asked));
    }
    Ok(found)
}

/// The places of the columns that are modelled: those that are named, else all without another role.
fn chosen(source: &dyn Source, options: &OpenOptions, beside: &[(usize, &AskedColumn)]) -> Result<Vec<usize>> {
    let names = source.names();
    let mut seen = HashSet::new();
    if let Some(twice) = options.columns.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(Error::setting("columns", format!("'{twice}' is named twice; name each column once")));
    }
    let places: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    let find = |name: &String| places.get(name.as_str()).copied().ok_or_else(|| no_column(source, "columns", name));
    let chosen: Vec<usize> = match options.columns.is_empty() {
        true => (0..names.len()).filter(|i| !beside.iter().any(|(place, _)| place == i)).collect(),
        false => options.columns.iter().map(find).collect::<Result<_>>()?,
    };
    match chosen.is_empty() {
        true => Err(Error::data(source.place(), "has no column left to model besides those with another role")),
        false => Ok(chosen),
    }
}
