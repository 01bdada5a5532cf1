//! Pages: one HTML file that needs nothing else, by day and by night, on a phone and for a screen reader.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Dots;
pub use super::curves::escape;

/// A page of sections.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    lead: String,
    sections: Vec<(String, String)>,
}

impl Page {
    /// A page with a title and a sentence or two below it.
    pub fn new(title: &str, lead: &str) -> Self {
        Self { title: escape(title), lead: escape(lead), sections: Vec::new() }
    }

    /// Adds a section of HTML under a heading.
    pub fn section(&mut self, heading: &str, body: String) {
        self.sections.push((escape(heading), body));
    }

    /// The whole file.
    pub fn html(&self) -> String {
        let mut links = String::new();
        let mut body = String::new();
        for (i, (heading, content)) in self.sections.iter().enumerate() {
            let _ = write!(links, "<li><a href=\"#s{i}\">{heading}</a></li>");
            let _ = write!(body, "<section aria-labelledby=\"s{i}\"><h2 id=\"s{i}\">{heading}</h2>{content}</section>");
        }
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{css}</style></head><body>\
             <header><h1>{title}</h1><p>{lead}</p><nav aria-label=\"Sections\"><ul>{links}</ul></nav></header>\
             <main>{body}</main><footer><p class=\"soft\">Made by vaekit {version}. Quantities are in nats an example \
             unless they say otherwise; ELBO: higher is better.</p></footer><script>{js}</script></body></html>\n",
            title = self.title,
            lead = self.lead,
            css = include_str!("page.css"),
            js = include_str!("page.js"),
            version = env!("CARGO_PKG_VERSION"),
        )
    }
}

/// A paragraph of text.
pub fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

/// Something to know before trusting a figure.
pub fn warning(text: &str) -> String {
    format!("<p class=\"warn\"><strong>Note:</strong> {}</p>", escape(text))
}

/// A path as a shell takes it.
pub fn quoted(path: &std::path::Path) -> String {
    let text = path.to_string_lossy();
    shlex::try_quote(&text).map_or_else(|_| text.to_string(), std::borrow::Cow::into_owned)
}

/// Lines to type.
pub fn commands(lines: &[String]) -> String {
    format!("<pre tabindex=\"0\" aria-label=\"Commands\"><code>{}</code></pre>", escape(&lines.join("\n")))
}

/// A table whose first column names its rows. Columns of words are set to the left, columns of numbers to the right.
pub fn table(caption: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let is_word = |cell: &String| cell.starts_with(char::is_alphabetic);
    let of_words = |column: usize| {
        let cells = || rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty());
        2 * cells().filter(|cell| is_word(cell)).count() > cells().count()
    };
    let words: Vec<&str> =
        (0..head.len()).map(|column| if of_words(column) { " class=\"words\"" } else { "" }).collect();
    // A heading without words is none.
    let heading = |(h, class): (&&str, &&str)| match h.is_empty() {
        true => "<td></td>".to_owned(),
        false => format!("<th scope=\"col\"{class}>{}</th>", escape(h)),
    };
    let head: String = head.iter().zip(&words).map(heading).collect();
    let line = |row: &Vec<String>| {
        let cell = |(i, cell): (usize, &String)| match i {
            0 => format!("<th scope=\"row\">{}</th>", escape(cell)),
            _ => format!("<td{}>{}</td>", words.get(i).copied().unwrap_or_default(), escape(cell)),
        };
        format!("<tr>{}</tr>", row.iter().enumerate().map(cell).collect::<String>())
    };
    let rows: String = rows.iter().map(line).collect();
    let caption = escape(caption);
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table><caption>{caption}\
         </caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// A PNG inside the page.
pub fn picture(png: &[u8], alt: &str, caption: &str) -> String {
    let data = STANDARD.encode(png);
    format!(
        "<figure><img class=\"pixels\" alt=\"{}\" src=\"data:image/png;base64,{data}\"><figcaption>{}</figcaption>\
         </figure>",
        escape(alt),
        escape(caption)
    )
}

/// An SVG inside the page.
pub fn drawing(svg: &str, caption: &str) -> String {
    format!("<figure>{svg}<figcaption>{}</figcaption></figure>", escape(caption))
}

/// Several drawings side by side, as many as the screen is wide.
pub fn side_by_side(drawings: &[String]) -> String {
    format!("<div class=\"tiles\">{}</div>", drawings.concat())
}

/// Small pictures side by side in one, which a plot shows at its points.
#[derive(Clone, Debug)]
pub struct Sprite {
    /// All pictures in one, row by row.
    pub png: Vec<u8>,
    /// Pixels of a small picture.
    pub width: usize,
    /// Lines of a small picture.
    pub height: usize,
    /// Pictures of a row.
    pub columns: usize,
}

/// Points that show a picture and words under the pointer or the arrow keys.
pub fn explorable(title: &str, dots: &Dots, words: &[String], sprite: Option<&Sprite>, caption: &str) -> String {
    let zoom = sprite.map_or(1, |s| 112usize.div_ceil(s.width.max(1)).max(1));
    let info = serde_json::json!({
        "words": words,
        "width": sprite.map_or(0, |s| s.width),
        "height": sprite.map_or(0, |s| s.height),
        "columns": sprite.map_or(1, |s| s.columns),
        "zoom": zoom,
    });
    // A script's content ends at the first closing tag, whatever it stands in.
    let info = info.to_string().replace('<', "\\u003c");
    let style = sprite.map_or_else(String::new, |s| {
        format!(
            " style=\"width:{}px;height:{}px;background-size:{}px auto;background-image:url(data:image/png;base64,{})\"",
            s.width * zoom,
            s.height * zoom,
            s.width * s.columns * zoom,
            STANDARD.encode(&s.png)
        )
    });
    let legend: String = match dots.names.len() {
        0 | 1 => String::new(),
        _ => {
            let item = |(i, name): (usize, &String)| {
                format!("<li><span style=\"background:var(--ink-{})\"></span>{}</li>", i % 10, escape(name))
            };
            format!("<ul class=\"legend\">{}</ul>", dots.names.iter().enumerate().map(item).collect::<String>())
        }
    };
    format!(
        "<figure data-points><div class=\"beside\"><div class=\"square\" tabindex=\"0\" role=\"group\" \
         aria-label=\"{label}; arrow keys go from point to point\">{svg}</div><div class=\"peek\" aria-live=\"polite\">\
         <div{style}></div><p>Point at a mark, or choose the plot and use the arrow keys.</p></div></div>{legend}\
         <script type=\"application/json\">{info}</script><figcaption>{caption}</figcaption></figure>",
        label = escape(title),
        svg = super::dots_svg(title, dots),
        caption = escape(caption)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_names_cannot_break_out() {
        let mut page = Page::new("<script>", "a & b");
        page.section("x < y", table("t", &["a"], &[vec!["<b>".into()]]));
        let words = ["</script><b>".to_owned()];
        let dots = Dots { at: vec![[0.0, 0.0]], class: vec![0], names: vec![] };
        page.section("points", explorable("p", &dots, &words, None, "c"));
        let html = page.html();
        assert!(!html.contains("<b>") && html.contains("&lt;script&gt;") && html.contains("\\u003c/script"));
        assert_eq!(html.matches("<script").count(), html.matches("</script>").count());
    }

    #[test]
    fn a_page_asks_for_nothing_from_elsewhere() {
        let html = Page::new("t", "l").html();
        assert!(!html.contains("src=\"http") && !html.contains("url(http") && html.contains("lang=\"en\""));
    }
}
