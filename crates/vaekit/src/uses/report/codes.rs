//! Where codes lie and what each dimension does, on a page.

use crate::Result;
use crate::data::Dataset;
use crate::eval::representation::{PERPLEXITY, Pca, has_t_sne, plane, t_sne};
use crate::plot::page::{Sprite, drawing, explorable, paragraph, table};
use crate::plot::{Dots, bars_svg, png, tiles};
use crate::run::Run;

use super::{Part, with_error};

/// Points of a plot of codes.
const POINTS: usize = 1_000;

impl Run {
    /// Codes in the plane: as they are, by PCA, and by t-SNE.
    pub(super) fn codes_part(&self, data: &Dataset, rows: &[u32]) -> Result<Part> {
        let rows = &self.some(rows, POINTS)[..];
        let (codes, _) = self.posteriors(data, rows)?;
        if codes.ncols() < 2 {
            return Ok(Err("codes of one dimension have no plane to be shown in".into()));
        }
        let sprite = self.sprite(data, rows)?;
        let mut dots = Dots::default();
        if let Some(labels) = data.labels() {
            let unlabelled = labels.names.len();
            dots.class = rows.iter().map(|&r| (labels.ids[r as usize] as usize).min(unlabelled)).collect();
            dots.names = labels.names.to_vec();
            if dots.class.contains(&unlabelled) {
                dots.names.push("no class".into());
            }
        }
        let words: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(i, row)| match dots.class.get(i) {
                Some(class) => format!("{}, class {}", data.name_of(*row), dots.names[*class]),
                None => data.name_of(*row),
            })
            .collect();
        let shown = |title: &str, at: Vec<[f64; 2]>, caption: &str| {
            explorable(title, &Dots { at, ..dots.clone() }, &words, sprite.as_ref(), caption)
        };
        let n = rows.len();
        if codes.ncols() == 2 {
            let caption = format!("Mean codes of {n} rows.");
            let mut body = shown("codes", plane(&codes), &caption);
            if let (true, Ok(manifold)) =
                (self.vae().posterior.is_density() && data.schema().is_image(), self.manifold(20))
            {
                body += "<h3>What the plane decodes to</h3>";
                body += &self.shown(
                    &manifold,
                    "decoded grid",
                    "Means decoded at the 2.5 % to 97.5 % quantiles of the prior.",
                )?;
            }
            return Ok(Ok(body));
        }
        let flat = plane(&Pca::fit(&codes, 2)?.apply(&codes));
        let mut body =
            shown("codes, two principal axes", flat.clone(), &format!("The two principal axes of {n} mean codes."));
        if has_t_sne(n) {
            body += &shown(
                "codes by t-SNE",
                t_sne(&codes, &flat, self.rng()),
                &format!(
                    "t-SNE (perplexity {PERPLEXITY}) of the same codes: near points are near in the code, distances \
                     between groups mean little."
                ),
            );
        }
        Ok(Ok(body))
    }

    /// KL of each dimension, codes against the prior, and traversals.
    pub(super) fn dimensions_part(&self, data: &Dataset, rows: &[u32]) -> Result<Part> {
        let (_, stats) = self.evaluate(data, rows, 1)?;
        let (values, what) = match &stats.kl {
            Some(kl) => (kl, "KL, nats"),
            None => (&stats.variance, "Variance of the mean code"),
        };
        let mut bars: Vec<(String, f64)> = values.iter().enumerate().map(|(i, v)| (format!("z{i}"), *v)).collect();
        bars.sort_by(|a, b| b.1.total_cmp(&a.1));
        bars.truncate(64);
        let caption = format!("{what} of each latent dimension over rows, largest first.");
        let mut body = drawing(&bars_svg(&caption, what, &bars), &caption);
        match self.aggregate(data, &self.some(rows, 1_000)) {
            Ok(a) => {
                let line = |name: &str, value: String, what: &str| vec![name.to_owned(), value, what.to_owned()];
                let caption = format!("The rate taken apart, on {} rows", a.rows);
                body += &table(
                    &caption,
                    &["", "value", "what it is"],
                    &[
                        line(
                            "I(x; z), nats",
                            format!("{:.3}", a.information_nats),
                            &format!(
                                "what codes say of which row of these it is; at most log rows = {:.2}",
                                (a.rows as f64).ln()
                            ),
                        ),
                        line(
                            "total correlation, nats",
                            format!("{:.3}", a.total_correlation_nats),
                            if a.information_nats > 0.9 * (a.rows as f64).ln() {
                                "dependence of dimensions; too high here by what I(x; z) misses at its limit"
                            } else {
                                "dependence of dimensions"
                            },
                        ),
                        line(
                            "dimension-wise KL, nats",
                            format!("{:.3}", a.dimension_kl_nats),
                            "each dimension against the prior",
                        ),
                        line(
                            "MMD\u{b2} to the prior",
                            with_error(a.mmd, a.mmd_se),
                            "all codes against the prior, 0 is best",
                        ),
                    ],
                );
            }
            Err(why) => body += &paragraph(&format!("Codes against the prior are left out: {why}.")),
        }
        if data.schema().is_image() {
            let (values, order) = self.traverse(data, rows, None, 11, 12)?;
            let order: Vec<String> = order.iter().map(|d| format!("z{d}")).collect();
            body += "<h3>Traversals</h3>";
            let caption = format!(
                "One dimension moves over three standard deviations to each side, the others stay; from the top: {}.",
                order.join(", ")
            );
            body += &self.shown(&values, "traversals of the latent dimensions", &caption)?;
        }
        Ok(Ok(body))
    }

    /// Small pictures of rows; none for tables.
    fn sprite(&self, data: &Dataset, rows: &[u32]) -> Result<Option<Sprite>> {
        let Some([channels, height, width]) = data.schema().image_shape() else { return Ok(None) };
        // Larger ones would make the page heavy.
        if height * width > 64 * 64 {
            return Ok(None);
        }
        let values = self.preparation().prepare(data, rows, 0)?.with_gaps();
        let range = self.encoding().range(data.schema());
        let columns = rows.len().isqrt().max(1);
        let picture = tiles(&values, [channels, height, width], range, columns, (1, 0));
        let png = png(&picture).map_err(|e| crate::Error::io("draw", self.dir(), e))?;
        Ok(Some(Sprite { png, width, height, columns }))
    }
}
