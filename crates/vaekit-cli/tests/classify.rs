//! Classes from few labels, by every method, by the names of rows; and labels that cannot be learned from.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{figures, refused};

#[test]
fn digits_are_told_from_ten_labels_a_class_by_every_method() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    figures(at, "train digits --hidden 64 --latent 8 --epochs 20 --threads 2 --out run");
    for method in ["m1", "m2", "m1+m2", "supervised", "propagation"] {
        let out = format!("{method}.safetensors");
        let epochs = if method.contains("m2") { "--epochs 3" } else { "" };
        let flags = format!("--labels-per-class 10 {epochs} --threads 2");
        let found = figures(at, &format!("classify train run --method {method} {flags} --out {out}"));
        let error = found["error"].as_f64().unwrap();
        assert!(error < 0.6 && found["labelled"] == 100, "{method}: {found}");
        figures(at, &format!("classify predict run --classifier {out} --out {method}.csv"));
        let told = std::fs::read_to_string(at.join(format!("{method}.csv"))).unwrap();
        let row: Vec<&str> = told.lines().nth(1).unwrap().split(',').collect();
        assert!(told.starts_with("row,p(0),p(1)") && row.len() == 12 && row[0] == "0", "{method}: {row:?}");
        let sum: f64 = row[1..11].iter().map(|p| p.parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{method}: {row:?}");
    }
    let again =
        "classify train run --method m1+m2 --labels-per-class 10 --epochs 3 --threads 1 --out again.safetensors";
    figures(at, again);
    let bytes = |name: &str| std::fs::read(at.join(name)).unwrap();
    assert!(bytes("again.safetensors") == bytes("m1+m2.safetensors"), "threads change the classifier");
    figures(at, "train digits --hidden 8 --latent 4 --epochs 1 --out other");
    refused(at, "classify predict other --classifier m1.safetensors --out o.csv", &["another run"]);
    refused(at, "classify train run --labels-per-class 5000 --out o.safetensors", &["labels-per-class", "class '0'"]);
    refused(at, "classify predict run --classifier run/run.toml --out o.csv", &["run.toml"]);
    refused(at, "classify train run --method m1 --epochs 3 --out o.safetensors", &["epochs", "m1"]);
    refused(at, "classify train run --out m1.safetensors", &["m1.safetensors", "--force"]);
}

#[test]
fn labels_of_a_file_go_by_the_id_of_a_row_and_empty_ones_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let row = |i: usize| {
        let values: Vec<String> =
            (0..4).map(|j| format!("{:.3}", ((i * 7 + j * 3) % 13) as f64 / 13.0 + 3.0 * (i % 2) as f64)).collect();
        format!("p-{i},{}\n", values.join(","))
    };
    let text: String = (0..400).map(row).collect();
    std::fs::write(at.join("parts.csv"), format!("part,a,b,c,d\n{text}")).unwrap();
    figures(at, "train parts.csv --id-column part --epochs 40 --threads 2 --out run");
    let labels = |empty: usize| -> String {
        let line = |i: usize| format!("p-{i},{}\n", if i.is_multiple_of(empty) { ["low", "high"][i % 2] } else { "" });
        format!("part,kind\n{}", (0..400).map(line).collect::<String>())
    };
    std::fs::write(at.join("labels.csv"), labels(15)).unwrap();
    let found = figures(at, "classify train run --labels labels.csv --method m1");
    assert!(found["labelled"].as_u64().unwrap() <= 27 && found["error"].as_f64().unwrap() < 0.1, "{found}");
    figures(at, "classify predict run parts.csv --id-column part");
    let told = std::fs::read_to_string(at.join("classes.csv")).unwrap();
    assert!(told.starts_with("part,p(high),p(low),class\np-0,") && told.lines().count() == 401, "{}", &told[..80]);
    let right = told.lines().skip(1).enumerate().filter(|(i, line)| line.ends_with(["low", "high"][i % 2])).count();
    assert!(right > 380, "{right}");
    for (name, text, words) in [
        ("one.csv", "part,kind\np-1,high\np-3,high\n".to_owned(), &["1 class"][..]),
        ("stranger.csv", "part,kind\nq-1,high\n".to_owned(), &["line 2", "'q-1'"]),
        ("twice.csv", "part,kind\np-1,high\np-1,low\n".to_owned(), &["twice"]),
        ("wide.csv", "part,kind,more\np-1,high,x\n".to_owned(), &["3 columns", "expected 2"]),
    ] {
        std::fs::write(at.join(name), text).unwrap();
        refused(at, &format!("classify train run --labels {name} --out o.safetensors"), words);
    }
    refused(at, "classify train run --out o.safetensors", &["no classes", "--label-column", "--labels"]);
}
