//! `vaekit cluster`

use std::path::PathBuf;

use clap::Args;
use vaekit::uses::{Asked, CLUSTERINGS, Clustering, Reduction, check_output, write_map};
use vaekit::{Error, Result};

use crate::encode::svg_only;
use crate::input::{Input, Part};
use crate::out::Replace;
use crate::progress::download;
use crate::{Common, say};

/// Flags of `cluster`.
#[derive(Args)]
pub struct Cluster {
    #[command(flatten)]
    input: Input,
    /// A mixture of Gaussians, k-means, or the clusters of the model itself, such as those of gm-vae
    #[arg(long, default_value = "mixture", value_parser = clap::builder::PossibleValuesParser::new(CLUSTERINGS.iter().map(|(name, _)| *name)))]
    method: String,
    /// How many [default: as many as clearly raise the likelihood of held-out codes under a mixture]
    #[arg(long, value_name = "K")]
    clusters: Option<usize>,
    /// The largest number to choose from
    #[arg(long, value_name = "K", default_value_t = 15, conflicts_with = "clusters", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=200))]
    most: usize,
    /// Of the starts
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A .csv or .npy file with the cluster of each row
    #[arg(long, value_name = "FILE", default_value = "clusters.csv")]
    out: PathBuf,
    /// Also draw the two principal axes of the codes with a colour for each cluster, an .svg file
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    #[command(flatten)]
    replace: Replace,
    #[command(flatten)]
    common: Common,
}

impl Cluster {
    pub fn run(self) -> Result<()> {
        self.common.start()?;
        if check_output(&self.out)? == "png" {
            return Err(Error::setting("out", format!("{}: expected .csv or .npy; see --map", self.out.display())));
        }
        let reads = self.input.read_paths();
        self.replace.check(&self.out, &reads)?;
        self.map.iter().try_for_each(|map| svg_only(map).and_then(|()| self.replace.check(map, &reads)))?;
        let by = CLUSTERINGS.iter().find(|(name, _)| *name == self.method).map_or(Clustering::Mixture, |(_, by)| *by);
        let (run, data, rows) = self.input.open(Part::All, self.common.quiet)?;
        let (opened, splits) = match run.is_of(&data)? {
            true => (None, run.split(&data)?),
            false => {
                let (own, splits) = run.open_data(&self.input.places().options(), &mut download(self.common.quiet))?;
                (Some(own), splits)
            }
        };
        let own = opened.as_ref().unwrap_or(&data);
        let asked = Asked { by, clusters: self.clusters, most: self.most, seed: self.seed };
        let found = run.cluster((own, &splits), (&data, &rows), asked)?;
        found.values().write(&self.out)?;
        if let Some(map) = &self.map {
            let codes = run.encode(&data, &rows)?;
            let places = if codes.latent < 2 { codes.values(false) } else { run.reduce(&codes, Reduction::Pca, 2)? };
            let names = (0..found.clusters).map(|k| format!("cluster {k}")).collect();
            let title = format!("{}, clusters of codes", data.name);
            write_map(map, &title, &places, (&data, &rows), Some((&found.cluster, names)))?;
        }
        let sizes: Vec<usize> =
            (0..found.clusters).map(|k| found.cluster.iter().filter(|c| **c == k).count()).collect();
        if self.common.json {
            let tried: Vec<_> = found.tried.iter().map(|(k, log, error)| (k, log, error)).collect();
            say::json(&serde_json::json!({
                "out": self.out, "rows": rows.len(), "clusters": found.clusters, "sizes": sizes, "agreement": found.agreement,
                "held_out_log_likelihood": tried,
            }));
            return Ok(());
        }
        if let (None, Some((_, log, error))) = (self.clusters, found.tried.iter().find(|t| t.0 == found.clusters)) {
            say::out(&format!(
                "{} clusters: the log-likelihood of held-out codes is {log:.3} ± {error:.3} nats, and more do not clearly raise it",
                found.clusters
            ));
            if found.clusters == self.most {
                say::note(&format!("{} is the largest number that was tried; raise --most", self.most));
            }
        }
        let sizes: Vec<String> = sizes.iter().enumerate().map(|(k, n)| format!("{k}: {}", say::count(*n))).collect();
        say::out(&format!("rows by cluster: {}", sizes.join(", ")));
        if let Some(agreement) = found.agreement {
            say::out(&format!(
                "against the classes of the rows: accuracy {:.4}, normalised mutual information {:.4}, adjusted Rand index {:.4}",
                agreement.accuracy, agreement.nmi, agreement.ari
            ));
        }
        say::wrote(&self.out, rows.len(), &self.common);
        Ok(())
    }
}
