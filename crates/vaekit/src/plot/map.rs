//! Points in the plane as SVG, with axes and a legend: a file that is looked at alone.

use std::fmt::Write as _;

use super::Dots;
use super::curves::{bounds, escape, number, ticks};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 180.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 50.0;
/// Names in a legend; more are counted in one line.
const NAMED: usize = 24;
/// Colours that people who see fewer of them can tell apart (Okabe & Ito 2008), then darker ones.
const COLOURS: [&str; 12] = [
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#7f7f00", "#000000", "#003f5c", "#8a5a00",
    "#00513b", "#7a3400",
];

/// Draws points, a colour and a shape for each class, with a legend where there is more than one.
pub fn map_svg(title: &str, [x_label, y_label]: [&str; 2], dots: &Dots) -> String {
    let finite = |axis: usize| dots.at.iter().map(move |p| p[axis]).filter(|v| v.is_finite());
    let ((x0, x1), (y0, y1)) = (bounds(finite(0)), bounds(finite(1)));
    let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let x = |v: f64| LEFT + (v - x0) / (x1 - x0) * (right - LEFT);
    let y = |v: f64| floor - (v - y0) / (y1 - y0) * (floor - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\"><title>{0}</title><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"15\">{0}</text>",
        escape(title)
    );
    for tick in ticks(x0, x1) {
        let at = x(tick);
        let _ = write!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{floor}\" stroke=\"#e4e4e4\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            floor + 16.0,
            number(tick)
        );
    }
    for tick in ticks(y0, y1) {
        let at = y(tick);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e4e4e4\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            number(tick)
        );
    }
    let middle = (TOP + floor) / 2.0;
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text x=\"16\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle})\">{}</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 12.0,
        escape(x_label),
        escape(y_label)
    );
    for (i, p) in dots.at.iter().enumerate().filter(|(_, p)| p[0].is_finite() && p[1].is_finite()) {
        mark(&mut svg, dots.class.get(i).copied().unwrap_or(0), x(p[0]), y(p[1]));
    }
    if dots.names.len() > 1 {
        for (class, name) in dots.names.iter().enumerate().take(NAMED) {
            let at = TOP + 8.0 + 20.0 * class as f64;
            mark(&mut svg, class, right + 18.0, at);
            let short: String = name.chars().take(20).collect();
            let _ = write!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", right + 30.0, at + 4.0, escape(&short));
        }
        if dots.names.len() > NAMED {
            let at = TOP + 12.0 + 20.0 * NAMED as f64;
            let more = dots.names.len() - NAMED;
            let _ = write!(svg, "<text x=\"{}\" y=\"{at}\">and {more} more</text>", right + 18.0);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// A mark of a class: circles, squares, triangles, crosses in turn.
fn mark(svg: &mut String, class: usize, x: f64, y: f64) {
    let ink = COLOURS[class % COLOURS.len()];
    // With more classes than colours a colour comes again in another shape.
    let _ = match (class + class / COLOURS.len()) % 4 {
        0 => write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{ink}\" fill-opacity=\"0.7\"/>"),
        1 => write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"5.4\" height=\"5.4\" fill=\"{ink}\" fill-opacity=\"0.7\"/>",
            x - 2.7,
            y - 2.7
        ),
        2 => write!(svg, "<path d=\"M{x:.1} {:.1}l3.6 6.2h-7.2z\" fill=\"{ink}\" fill-opacity=\"0.7\"/>", y - 4.0),
        _ => write!(
            svg,
            "<path d=\"M{:.1} {:.1}l5.6 5.6m0 -5.6l-5.6 5.6\" stroke=\"{ink}\" stroke-width=\"1.6\"/>",
            x - 2.8,
            y - 2.8
        ),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_axes_a_title_and_a_legend_and_no_place_for_what_is_not_finite() {
        let at = vec![[0.0, 1.0], [2.0, 3.0], [f64::NAN, 0.0]];
        let dots = Dots { at, class: vec![0, 1, 1], names: vec!["a<b".into(), "c".into()] };
        let svg = map_svg("codes", ["z0", "z1"], &dots);
        for part in ["<title>codes</title>", ">z0<", ">z1<", ">a&lt;b<", ">c<"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        // A circle and a square in the plane, and each once in the legend.
        assert_eq!((svg.matches("<circle").count(), svg.matches("width=\"5.4\"").count()), (2, 2));
        assert!(!svg.contains("NaN"));
        let looks = |class: usize| {
            let mut svg = String::new();
            mark(&mut svg, class, 1.0, 1.0);
            svg
        };
        let all: std::collections::BTreeSet<String> = (0..NAMED).map(looks).collect();
        assert_eq!(all.len(), NAMED);
    }
}
