//! What reads the inputs.

use std::path::{Path, PathBuf};

use vaekit::data::{AskedColumn, Dataset, OpenOptions, Overrides, open};
use vaekit::run::{Checkpoint, Metrics, RunFile};
use vaekit::train::Changes;
use vaekit::uses::classify::Classifier;
use vaekit::uses::sparse::Fitted;
use vaekit::{Run, TrainConfig, Trainer};

use crate::mutate::Wrap;

/// A reader under test.
pub struct Target {
    pub name: &'static str,
    pub wrap: Wrap,
    /// True where the bytes were read all the same.
    pub read: fn(&Workplace, &[u8]) -> bool,
}

/// Every reader.
pub const TARGETS: &[Target] = &[
    Target { name: "csv", wrap: Wrap::None, read: |p, bytes| p.table(bytes) },
    Target { name: "parquet", wrap: Wrap::None, read: |p, bytes| p.data("x.parquet", bytes) },
    Target { name: "arrow", wrap: Wrap::None, read: |p, bytes| p.data("x.arrow", bytes) },
    Target { name: "schema", wrap: Wrap::None, read: |p, bytes| p.schema(bytes) },
    Target { name: "npy", wrap: Wrap::None, read: |p, bytes| p.data("x.npy", bytes) },
    Target { name: "npz", wrap: Wrap::Npz, read: |p, bytes| p.data("x.npz", bytes) },
    Target { name: "npz-whole", wrap: Wrap::None, read: |p, bytes| p.data("x.npz", bytes) },
    Target { name: "idx", wrap: Wrap::Gzip, read: |p, bytes| p.data("x-idx3-ubyte", bytes) },
    Target { name: "png", wrap: Wrap::Png, read: |p, bytes| p.data("pictures/a.png", bytes) },
    Target { name: "jpeg", wrap: Wrap::None, read: |p, bytes| p.data("pictures/a.jpg", bytes) },
    Target { name: "run-toml", wrap: Wrap::None, read: |p, bytes| p.run("run.toml", bytes) },
    Target { name: "safetensors", wrap: Wrap::None, read: |p, bytes| p.run("model.safetensors", bytes) },
    Target { name: "checkpoint", wrap: Wrap::None, read: |p, bytes| p.checkpoint(bytes) },
    Target { name: "metrics", wrap: Wrap::None, read: |p, bytes| p.metrics(bytes) },
    Target { name: "codes-csv", wrap: Wrap::None, read: |p, bytes| p.codes("codes.csv", bytes) },
    Target { name: "codes-npy", wrap: Wrap::None, read: |p, bytes| p.codes("codes.npy", bytes) },
    Target { name: "dictionary", wrap: Wrap::None, read: |p, bytes| p.dictionary(bytes) },
    Target { name: "classifier", wrap: Wrap::None, read: |p, bytes| p.classifier(bytes) },
    Target { name: "factors", wrap: Wrap::None, read: |p, bytes| p.factors(bytes) },
];

/// A folder with a run in it.
pub struct Workplace {
    dir: tempfile::TempDir,
    run: PathBuf,
    file: RunFile,
    opened: Run,
    data: Dataset,
    values: usize,
}

/// The settings of the run that is damaged, and of what is asked of data that could be read.
pub fn small() -> TrainConfig {
    let mut config = TrainConfig { data: "rings".into(), epochs: 2, limit: 64, ..TrainConfig::default() };
    config.model.hidden = vec![4];
    config.model.latent = 2;
    config
}

impl Workplace {
    /// Trains the run.
    #[expect(clippy::expect_used, reason = "without it there is nothing to test")]
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("pictures")).expect("a folder");
        let run = dir.path().join("run");
        let config = small();
        let data = config.open_data(&OpenOptions::default(), &mut |_| ()).expect("built-in data");
        let opened = Trainer::new(config).out(&run).fit(&data).expect("a run");
        let file = RunFile::read(&run).expect("its file");
        let bytes = std::fs::metadata(run.join("model.safetensors")).expect("its weights").len();
        Self { dir, run, file, opened, data, values: bytes as usize / 4 }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        let _ = std::fs::write(&path, bytes);
        path
    }

    /// Data that could be read must be refused or trainable, whatever it holds.
    fn tried(data: vaekit::Result<Dataset>) -> bool {
        let Ok(data) = data else { return false };
        let _ = data.fingerprint();
        let _ = Trainer::new(TrainConfig { data: data.name.clone(), ..small() }).check(&data);
        true
    }

    fn opened(path: &Path, options: &OpenOptions) -> vaekit::Result<Dataset> {
        open(&path.to_string_lossy(), options, &mut |_| ())
    }

    fn data(&self, name: &str, bytes: &[u8]) -> bool {
        let path = self.write(name, bytes);
        let path = if name.contains('/') { self.dir.path().join("pictures") } else { path };
        let read = Self::tried(Self::opened(&path, &OpenOptions::default()));
        if name.contains('/') {
            let _ = std::fs::remove_file(self.dir.path().join(name));
        }
        read
    }

    fn table(&self, bytes: &[u8]) -> bool {
        let path = self.write("x.csv", bytes);
        let plain = Self::tried(Self::opened(&path, &OpenOptions::default()));
        let (kind, id) = ("kind".to_owned(), "id".to_owned());
        let roles = AskedColumn::by_settings(Some(&kind), &["dose".to_owned()], Some(&id));
        let roles = roles.into_iter().map(|asked| AskedColumn { if_there: true, ..asked }).collect();
        let options = OpenOptions { roles, missing: vec!["-99".into()], ..OpenOptions::default() };
        Self::tried(Self::opened(&path, &options)) || plain
    }

    /// What a person says of the columns of a table.
    fn schema(&self, bytes: &[u8]) -> bool {
        let Ok(overrides) = Overrides::parse(&String::from_utf8_lossy(bytes)) else { return false };
        let rows: String =
            (0..40).map(|i| format!("{i},{}.5,{},2024-01-{:02}\n", i % 7, ["a", "b"][i % 2], 1 + i % 28)).collect();
        let path = self.write("described.csv", format!("id,x,kind,day\n{rows}").as_bytes());
        Self::tried(Self::opened(&path, &OpenOptions { overrides, ..OpenOptions::default() }));
        true
    }

    /// A file of the run, put back afterwards.
    fn run(&self, name: &str, bytes: &[u8]) -> bool {
        let path = self.run.join(name);
        let Ok(before) = std::fs::read(&path) else { return false };
        let _ = std::fs::write(&path, bytes);
        let read = match Run::open(&self.run) {
            Ok(run) => {
                let _ = run.sample(2, run.default_observation(), run.rng());
                true
            }
            Err(_) => false,
        };
        let _ = std::fs::write(&path, before);
        read
    }

    /// What can be read is gone on from.
    fn checkpoint(&self, bytes: &[u8]) -> bool {
        const FILES: [&str; 3] = ["state/checkpoint.safetensors", "model.safetensors", "metrics.jsonl"];
        let before = FILES.map(|name| (self.run.join(name), std::fs::read(self.run.join(name)).unwrap_or_default()));
        let _ = std::fs::write(&before[0].0, bytes);
        let read = matches!(Checkpoint::read(&self.run, &self.file.identity(), self.values), Ok(Some(_)));
        let went_on = read && {
            let resumed = Trainer::resume(&self.run, &Changes::default());
            resumed.is_ok_and(|trainer| trainer.fit(&self.data).is_ok())
        };
        for (path, bytes) in before {
            let _ = std::fs::write(path, bytes);
        }
        went_on
    }

    fn metrics(&self, bytes: &[u8]) -> bool {
        let path = self.run.join("metrics.jsonl");
        let Ok(before) = std::fs::read(&path) else { return false };
        let _ = std::fs::write(&path, bytes);
        let read = Metrics::read(&self.run);
        let _ = Metrics::open_after(&self.run, 2);
        let _ = std::fs::write(&path, before);
        read.is_ok_and(|lines| !lines.is_empty())
    }

    /// What can be read codes a row.
    fn dictionary(&self, bytes: &[u8]) -> bool {
        let path = self.write("dictionary.safetensors", bytes);
        let Ok(fitted) = Fitted::read(&path) else { return false };
        let _ = fitted.code(&vec![0.5; fitted.dictionary.width()]).map(|coded| fitted.shown_rows(&coded.codes));
        true
    }

    /// What can be read classifies rows, or says why not.
    fn classifier(&self, bytes: &[u8]) -> bool {
        let path = self.write("classifier.safetensors", bytes);
        let Ok(found) = Classifier::read(&path) else { return false };
        let _ = found.classify(&self.opened, &self.file.identity(), &self.data, &[0, 1]);
        true
    }

    fn codes(&self, name: &str, bytes: &[u8]) -> bool {
        let path = self.write(name, bytes);
        let Ok(codes) = self.opened.read_codes(&path) else { return false };
        let _ = self.opened.given_of(&codes);
        let _ = self.opened.strays(&codes);
        let _ = self.opened.decode(&codes.mean, codes.latent, 4, None);
        true
    }

    fn factors(&self, bytes: &[u8]) -> bool {
        let path = self.write("factors.csv", bytes);
        Self::opened(&path, &OpenOptions { columns_are_fixed: true, ..OpenOptions::default() }).is_ok()
    }
}
