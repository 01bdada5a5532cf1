//! Points and bars as SVG, for pages.

use std::fmt::Write as _;

use super::curves::{bounds, escape, number, ticks};

/// Points in the plane with their classes.
#[derive(Clone, Debug, Default)]
pub struct Dots {
    /// (x, y) of each.
    pub at: Vec<[f64; 2]>,
    /// A class a point, below `names.len()`; all 0 without classes.
    pub class: Vec<usize>,
    /// The names of the classes.
    pub names: Vec<String>,
}

const SIDE: f64 = 520.0;
const MARGIN: f64 = 24.0;
/// Colours that a page's style sheet knows; classes beyond share them.
const COLOURS: usize = 10;

/// Draws points in a square. A class shows by colour and, where its name is
/// short, by the name itself, so that no one needs the colours.
///
/// Point i has the attribute `data-i="i"`, by which a script can find it.
pub fn dots_svg(title: &str, dots: &Dots) -> String {
    let finite = |axis: usize| dots.at.iter().map(move |p| p[axis]).filter(|v| v.is_finite());
    let ((x0, x1), (y0, y1)) = (bounds(finite(0)), bounds(finite(1)));
    let place = |v: f64, low: f64, high: f64| MARGIN + (v - low) / (high - low) * (SIDE - 2.0 * MARGIN);
    let short = dots.names.len() > 1 && dots.names.iter().all(|n| n.chars().count() <= 2);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {SIDE} {SIDE}\" font-family=\"sans-serif\" \
         font-size=\"11\" text-anchor=\"middle\" role=\"img\" aria-label=\"{}\">\
         <rect x=\"1\" y=\"1\" width=\"{1}\" height=\"{1}\" fill=\"none\" stroke=\"var(--line)\"/>",
        escape(title),
        SIDE - 2.0
    );
    for (i, p) in dots.at.iter().enumerate().filter(|(_, p)| p[0].is_finite() && p[1].is_finite()) {
        let (x, y) = (place(p[0], x0, x1), SIDE - place(p[1], y0, y1));
        let class = dots.class.get(i).copied().unwrap_or(0);
        let ink = class % COLOURS;
        let _ = match short {
            true => write!(
                svg,
                "<text data-i=\"{i}\" x=\"{x:.1}\" y=\"{:.1}\" fill=\"var(--ink-{ink})\">{}</text>",
                y + 4.0,
                escape(&dots.names[class])
            ),
            false => {
                write!(svg, "<circle data-i=\"{i}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"var(--ink-{ink})\"/>")
            }
        };
    }
    svg.push_str("</svg>");
    svg
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 16.0;

/// Draws a bar for each value, named below.
pub fn bars_svg(title: &str, y_label: &str, bars: &[(String, f64)]) -> String {
    let high = bars.iter().map(|b| b.1).filter(|v| v.is_finite()).fold(0.0, f64::max).max(1e-9);
    let floor = HEIGHT - BOTTOM;
    let y = |v: f64| floor - v / high * (floor - TOP);
    let step = (WIDTH - LEFT - 10.0) / bars.len().max(1) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\" aria-label=\"{}\" fill=\"currentColor\">",
        escape(title)
    );
    for tick in ticks(0.0, high) {
        let at = y(tick);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"var(--line)\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - 10.0,
            LEFT - 6.0,
            at + 4.0,
            number(tick)
        );
    }
    // Names that would overlap are left out, evenly.
    let every = (bars.len() as f64 * 34.0 / (WIDTH - LEFT)).ceil().max(1.0) as usize;
    for (i, (name, value)) in bars.iter().enumerate() {
        let x = LEFT + i as f64 * step;
        let top = y(value.clamp(0.0, high));
        let _ = write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"var(--ink-0)\"><title>{}: \
             {value:.3}</title></rect>",
            x + 0.1 * step,
            0.8 * step,
            floor - top,
            escape(name)
        );
        if i % every == 0 {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                x + step / 2.0,
                floor + 16.0,
                escape(name)
            );
        }
    }
    let _ = write!(
        svg,
        "<text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text></svg>",
        (TOP + floor) / 2.0,
        escape(y_label)
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_point_is_drawn_and_short_names_show() {
        let dots = Dots {
            at: vec![[0.0, 1.0], [f64::NAN, 0.0], [2.0, 3.0]],
            class: vec![0, 0, 1],
            names: vec!["7".into(), "<".into()],
        };
        let svg = dots_svg("a & b", &dots);
        assert_eq!(svg.matches("data-i").count(), 2);
        assert!(svg.contains(">7<") && svg.contains("&lt;") && svg.contains("a &amp; b"));
        assert!(dots_svg("none", &Dots::default()).ends_with("</svg>"));
    }

    #[test]
    fn bars_stand_on_the_floor() {
        let svg = bars_svg("t", "nats", &[("z0".into(), 2.0), ("z1".into(), f64::NAN), ("z2".into(), 0.0)]);
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("height=\"204.0\""));
    }
}
