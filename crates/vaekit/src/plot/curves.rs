//! Line plots as SVG, readable in any browser.

use std::fmt::Write as _;

/// A named line.
#[derive(Clone, Debug)]
pub struct Curve {
    /// The name in the legend.
    pub name: String,
    /// (x, y), from left to right.
    pub points: Vec<(f64, f64)>,
}

/// The colours that a plot is drawn in.
#[derive(Clone, Copy, Debug)]
pub struct Inks {
    /// Behind everything.
    pub paper: &'static str,
    /// Words and numbers.
    pub text: &'static str,
    /// Lines behind the curves.
    pub grid: &'static str,
    /// Curves, in their order.
    pub lines: [&'static str; 4],
}

/// A file that is looked at alone: blue, orange, green and red on white, told
/// apart by people who see fewer colours, too.
pub const ON_WHITE: Inks =
    Inks { paper: "#fff", text: "#000", grid: "#e4e4e4", lines: ["#1f5fbf", "#d9730d", "#2e8b57", "#b3262a"] };

/// A part of a page, whose style sheet says what these are by day and by night.
pub const ON_PAGE: Inks = Inks {
    paper: "none",
    text: "currentColor",
    grid: "var(--line)",
    lines: ["var(--ink-0)", "var(--ink-1)", "var(--ink-2)", "var(--ink-3)"],
};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 46.0;

/// Points of a curve that are drawn at most: more than a pixel each would show nothing more.
const DRAWN: usize = 1_200;

/// The points that show: of each of [`DRAWN`] / 4 pieces the first, the lowest, the highest and the last.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() <= DRAWN {
        return points;
    }
    let piece = points.len().div_ceil(DRAWN / 4);
    let mut kept = Vec::with_capacity(DRAWN);
    for points in points.chunks(piece) {
        let by = |i: &usize, j: &usize| points[*i].1.total_cmp(&points[*j].1);
        let (low, high) = ((0..points.len()).min_by(by), (0..points.len()).max_by(by));
        let mut shown = vec![0, low.unwrap_or(0), high.unwrap_or(0), points.len() - 1];
        shown.sort_unstable();
        shown.dedup();
        kept.extend(shown.into_iter().map(|i| points[i]));
    }
    kept
}

/// Draws curves in one frame with round ticks and a legend.
pub fn curves_svg(title: &str, x_label: &str, y_label: &str, curves: &[Curve], inks: &Inks) -> String {
    let points = || curves.iter().flat_map(|c| &c.points).filter(|p| p.0.is_finite() && p.1.is_finite());
    let (x0, x1) = bounds(points().map(|p| p.0));
    let (y0, y1) = bounds(points().map(|p| p.1));
    let px = |x: f64| LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT);
    let py = |y: f64| HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM);
    let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\" role=\"img\" fill=\"{1}\"><title>{0}</title><rect width=\"100%\" height=\"100%\" fill=\"{2}\"/>\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{0}</text>",
        escape(title),
        inks.text,
        inks.paper
    );
    for x in ticks(x0, x1) {
        let at = px(x);
        let _ = write!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{floor}\" stroke=\"{}\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            inks.grid,
            floor + 18.0,
            number(x)
        );
    }
    for y in ticks(y0, y1) {
        let at = py(y);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            inks.grid,
            LEFT - 8.0,
            at + 4.0,
            number(y)
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 8.0,
        escape(x_label),
        (TOP + floor) / 2.0,
        escape(y_label)
    );
    for (i, curve) in curves.iter().enumerate() {
        let ink = inks.lines[i % inks.lines.len()];
        let finite = curve.points.iter().copied().filter(|p| p.0.is_finite() && p.1.is_finite());
        let path: Vec<String> =
            thinned(finite.collect()).into_iter().map(|p| format!("{:.1},{:.1}", px(p.0), py(p.1))).collect();
        // A single epoch is a point, not a line.
        if let [only] = path.as_slice() {
            let (x, y) = only.split_once(',').unwrap_or_default();
            let _ = write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{ink}\"/>");
        }
        let row = TOP + 12.0 + 22.0 * i as f64;
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{ink}\" stroke-width=\"2\"/>\
             <line x1=\"{}\" x2=\"{}\" y1=\"{row}\" y2=\"{row}\" stroke=\"{ink}\" stroke-width=\"3\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            path.join(" "),
            right + 12.0,
            right + 32.0,
            right + 38.0,
            row + 4.0,
            escape(&curve.name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// The range of some values, widened a little; never empty.
pub(super) fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    match high - low {
        d if d > 0.0 => (low - 0.03 * d, high + 0.03 * d),
        _ if low.is_finite() => (low - 0.5, low + 0.5),
        _ => (0.0, 1.0),
    }
}

/// Five or so round numbers between two ends.
pub(super) fn ticks(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(rough);
    let first = (low / step).ceil();
    (0..20).map(|i| (first + f64::from(i)) * step).take_while(|t| *t <= high).collect()
}

pub(super) fn number(v: f64) -> String {
    // Rounded to what a tick can mean; -0 would look odd.
    let text = format!("{:.6}", if v == 0.0 { 0.0 } else { v });
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text as HTML and SVG show it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_keep_their_peaks_and_not_their_points() {
        let points: Vec<(f64, f64)> =
            (0..100_000).map(|i| (f64::from(i), if i == 54_321 { 9.0 } else { 1.0 })).collect();
        let kept = thinned(points.clone());
        assert!(kept.len() <= DRAWN && kept.contains(&points[54_321]) && kept.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[99_999]));
        let svg = curves_svg("t", "x", "y", &[Curve { name: "c".into(), points }], &ON_WHITE);
        assert!(svg.len() < 30_000, "{} bytes", svg.len());
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(101.0, 104.0), [101.0, 102.0, 103.0, 104.0]);
    }

    #[test]
    fn names_are_escaped_and_empty_plots_are_plots() {
        let curve = Curve { name: "p & q".into(), points: vec![(1.0, 2.0)] };
        let svg = curves_svg("a < b", "x", "y", &[curve], &ON_WHITE);
        assert!(svg.contains("a &lt; b") && svg.contains("p &amp; q") && svg.contains("<circle"));
        assert!(!curves_svg("t", "x", "y", &[], &ON_WHITE).contains("NaN"));
    }
}
