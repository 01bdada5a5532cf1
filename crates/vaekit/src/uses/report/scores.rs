//! Scores of codes and samples on a page. A score that cannot be had says why.

use crate::data::{Dataset, Factors};
use crate::eval::disentanglement::Disentanglement;
use crate::eval::representation::Clusters;
use crate::plot::page::{paragraph, table};
use crate::run::Run;

use super::super::Source;
use super::{Effort, Part, with_error};

impl Run {
    pub(super) fn representation_part(&self, data: &Dataset, train: &[u32], rows: &[u32], effort: &Effort) -> Part {
        let few = |rows: &[u32]| self.some(rows, effort.judged_rows);
        let (train, test) = (few(train), few(rows));
        let served = self.representation(data, &train, &test).map_err(|e| e.to_string())?;
        let three = |c: &Clusters| format!("{:.3} / {:.3} / {:.3}", c.accuracy, c.nmi, c.ari);
        let lines: Vec<Vec<String>> = served
            .iter()
            .map(|s| {
                let mixture = s.mixture.as_ref().map_or_else(|| "\u{2013}".to_owned(), three);
                let (probe, near) = (format!("{:.4}", s.probe), format!("{:.4}", s.neighbours));
                vec![s.of.clone(), s.dimensions.to_string(), probe, near, three(&s.k_means), mixture]
            })
            .collect();
        let head = ["", "dims", "linear probe", "5 neighbours", "k-means acc / NMI / ARI", "mixture acc / NMI / ARI"];
        let caption = format!("{} training rows teach, {} others judge", train.len(), test.len());
        let about = "How well classes can be read from the codes, beside principal axes and the values themselves. A \
                     clustering has as many clusters as there are classes and never sees them.";
        Ok(paragraph(about) + &table(&caption, &head, &lines))
    }

    pub(super) fn disentanglement_part(&self, data: &Dataset, rows: &[u32], factors: Option<&Factors>) -> Part {
        let rows = &self.some(rows, 5_000)[..];
        let (d, constant) = self.disentanglement(data, rows, factors).map_err(|e| e.to_string())?;
        type Score = (&'static str, fn(&Disentanglement) -> Option<f64>, &'static str);
        let scores: [Score; 11] = [
            ("MIG, binned", |d| Some(d.mig_binned), "mean codes in 20 bins, all factors"),
            ("MIG, sampled", |d| d.mig_sampled, "samples of q(z given x), by density"),
            ("DCI disentanglement", |d| Some(d.dci_disentanglement), "each code matters for one factor"),
            ("DCI completeness", |d| Some(d.dci_completeness), "one code matters for each factor"),
            ("DCI informativeness", |d| Some(d.dci_informativeness), "accuracy of the trees behind DCI"),
            ("SAP", |d| Some(d.sap), "gap in accuracy of the two best single codes"),
            ("beta-VAE score", |d| Some(d.beta_vae), "which factor was held, linear"),
            ("FactorVAE score", |d| Some(d.factor_vae), "which factor was held, least varying code"),
            ("modularity", |d| Some(d.modularity), "a code knows one factor only"),
            ("explicitness", |d| Some(d.explicitness), "factors can be read linearly"),
            ("IRS", |d| Some(d.irs), "a code stays when other factors change"),
        ];
        let line = |(name, of, what): Score| {
            let chance = d.chance.as_deref().and_then(of).map_or_else(String::new, |v| format!("{v:.3}"));
            Some(vec![name.to_owned(), format!("{:.3}", of(&d)?), chance, what.to_owned()])
        };
        let lines: Vec<Vec<String>> = scores.into_iter().filter_map(line).collect();
        let caption = format!(
            "By the factors {} on {} rows; chance: each row with another's factors",
            d.factors.join(", "),
            d.rows
        );
        let left_out = match constant.is_empty() {
            true => String::new(),
            false => paragraph(&format!("Constant on these rows, so left out: {}.", constant.join(", "))),
        };
        Ok(table(&caption, &["score", "value", "chance", "asks"], &lines) + &left_out)
    }

    pub(super) fn quality_part(&self, data: &Dataset, train: &[u32], rows: &[u32], effort: &Effort) -> Part {
        let q = self.quality(data, train, &self.some(rows, effort.judged_rows)).map_err(|e| e.to_string())?;
        let line = |name: &str, value: String, what: &str| vec![name.to_owned(), value, what.to_owned()];
        let lines = [
            line("Frechet distance", format!("{:.3}", q.frechet), &format!("{:.3} between real rows", q.frechet_floor)),
            line("kernel distance", with_error(q.kernel, q.kernel_se), "0 is best"),
            line("precision", format!("{:.3}", q.manifold.precision), "samples that look like rows"),
            line("recall", format!("{:.3}", q.manifold.recall), "rows that look like samples"),
            line("density", format!("{:.3}", q.manifold.density), "1 for a perfect model"),
            line("coverage", format!("{:.3}", q.manifold.coverage), "rows with a sample nearby"),
            line(
                "nearest training row",
                format!("{:.2}", q.nearest_ratio),
                "1: as far as test rows; far below: copies",
            ),
        ];
        let about = format!(
            "In the features of a classifier that vaekit trained on the same rows (test accuracy {:.4}, seed {}). These \
             are not Inception scores; compare them only with others by the same classifier.",
            q.classifier_accuracy, q.classifier_seed
        );
        let caption = format!("{} samples against {} rows", q.samples, q.rows);
        let mixture = self.usual_source() != Source::Prior;
        let about = if mixture { about + " The samples are of a mixture fitted to codes." } else { about };
        Ok(paragraph(&about) + &table(&caption, &["", "value", ""], &lines))
    }
}
