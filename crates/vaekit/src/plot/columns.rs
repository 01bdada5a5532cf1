//! A column of two tables as bars, and a square of numbers as shades: SVG for pages.

use std::fmt::Write as _;

use super::curves::{Inks, escape, number, ticks};

/// Bars of a group: the name of its place and a height for each of the sets.
pub type Group = (String, Vec<f64>);

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 40.0;

/// Groups of bars side by side, a colour for each set, with a legend. Names that would overlap are thinned out.
pub fn grouped_svg(title: &str, x_label: &str, y_label: &str, sets: &[&str], groups: &[Group], inks: &Inks) -> String {
    let most = groups.iter().flat_map(|(_, heights)| heights).copied().fold(1e-9, f64::max);
    let (right, floor) = (WIDTH - 8.0, HEIGHT - BOTTOM);
    let py = |v: f64| floor - v / most * (floor - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"10\" role=\"img\" fill=\"{1}\"><title>{0}</title><rect width=\"100%\" height=\"100%\" fill=\"{2}\"/>\
         <text x=\"{LEFT}\" y=\"16\" font-size=\"13\">{0}</text>",
        escape(title),
        inks.text,
        inks.paper
    );
    for y in ticks(0.0, most) {
        let at = py(y);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}</text>",
            inks.grid,
            LEFT - 4.0,
            at + 3.0,
            number(y)
        );
    }
    let slot = (right - LEFT) / groups.len().max(1) as f64;
    let bar = slot * 0.8 / sets.len().max(1) as f64;
    // A name needs about six units a letter.
    let widest = groups.iter().map(|(name, _)| name.chars().count().min(12)).max().unwrap_or(1) as f64 * 6.0 + 4.0;
    let every = (widest / slot).ceil().max(1.0) as usize;
    for (i, (name, heights)) in groups.iter().enumerate() {
        let from = LEFT + i as f64 * slot + slot * 0.1;
        for (set, height) in heights.iter().enumerate() {
            let (x, y) = (from + set as f64 * bar, py(*height));
            let ink = inks.lines[set % inks.lines.len()];
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{ink}\"/>",
                bar.max(0.5),
                (floor - y).max(0.0)
            );
        }
        if i % every == 0 {
            let shown: String = name.chars().take(12).collect();
            let at = from + slot * 0.4;
            let _ = write!(
                svg,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                floor + 13.0,
                escape(&shown)
            );
        }
    }
    for (set, name) in sets.iter().enumerate() {
        let x = LEFT + set as f64 * 90.0;
        let ink = inks.lines[set % inks.lines.len()];
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"24\" width=\"9\" height=\"9\" fill=\"{ink}\"/><text x=\"{}\" y=\"32\">{}</text>",
            x + 13.0,
            escape(name)
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text><text transform=\"translate(10 {:.1}) rotate(-90)\" \
         text-anchor=\"middle\">{}</text></svg>",
        (LEFT + right) / 2.0,
        HEIGHT - 8.0,
        escape(x_label),
        (TOP + floor) / 2.0,
        escape(y_label)
    );
    svg
}

/// A square of numbers from -1 to 1 with names on both sides, and a scale beside it: blue below 0, orange above.
pub fn heat_svg(title: &str, names: &[String], values: &[f64], inks: &Inks) -> String {
    let n = names.len();
    let cell = (420.0 / n.max(1) as f64).clamp(6.0, 34.0);
    let margin = 110.0;
    let (width, height) = (margin + cell * n as f64 + 70.0, margin + cell * n as f64 + 14.0);
    let shade = |v: f64| {
        let ink = if v < 0.0 { inks.lines[0] } else { inks.lines[1] };
        format!("fill=\"{ink}\" fill-opacity=\"{:.2}\"", v.abs().clamp(0.0, 1.0))
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" \
         font-size=\"10\" role=\"img\" fill=\"{1}\"><title>{0}</title><rect width=\"100%\" height=\"100%\" fill=\"{2}\"/>\
         <text x=\"4\" y=\"16\" font-size=\"13\">{0}</text>",
        escape(title),
        inks.text,
        inks.paper
    );
    let every = (11.0 / cell).ceil().max(1.0) as usize;
    for (i, name) in names.iter().enumerate().filter(|(i, _)| i % every == 0) {
        let at = margin + (i as f64 + 0.5) * cell;
        let shown: String = name.chars().take(16).collect();
        let shown = escape(&shown);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{shown}</text><text transform=\"translate({:.1} {}) \
             rotate(-60)\">{shown}</text>",
            margin - 4.0,
            at + 3.0,
            at + 3.0,
            margin - 4.0
        );
    }
    for (i, v) in values.iter().enumerate() {
        let (x, y) = (margin + (i % n.max(1)) as f64 * cell, margin + (i / n.max(1)) as f64 * cell);
        let (row, column) = (&names[i / n.max(1)], &names[i % n.max(1)]);
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{cell:.1}\" height=\"{cell:.1}\" {}><title>{} and {}: {v:.2}</title></rect>",
            shade(*v),
            escape(row),
            escape(column)
        );
    }
    for (i, v) in [1.0, 0.5, 0.0, -0.5, -1.0].into_iter().enumerate() {
        let (x, y) = (margin + cell * n as f64 + 14.0, margin + i as f64 * 16.0);
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"14\" height=\"14\" {} stroke=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">{v}</text>",
            shade(v),
            inks.grid,
            x + 18.0,
            y + 11.0
        );
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::super::curves::ON_WHITE;
    use super::*;

    #[test]
    fn what_a_user_names_cannot_break_out_and_nothing_is_drawn_of_nothing() {
        let svg = grouped_svg("<a>", "x", "y", &["<b>"], &[("<c>".into(), vec![0.5])], &ON_WHITE);
        assert!(!svg.contains("<a>") && !svg.contains("<b>") && !svg.contains("<c>"));
        assert!(grouped_svg("t", "x", "y", &["a"], &[], &ON_WHITE).ends_with("</svg>"));
        assert!(heat_svg("t", &["<i>".into()], &[1.0], &ON_WHITE).contains("&lt;i&gt;"));
    }
}
