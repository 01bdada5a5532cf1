//! Clusters of codes and maps of them, by the names of the rows; and what cannot be clustered.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{figures, refused};

/// Three kinds of parts that differ in every number.
fn table(n: usize) -> String {
    let line = |i: usize| {
        let noise = |j: usize| (((i * 31 + j * 17) % 101) as f64 / 101.0 - 0.5) * 0.8;
        let centre = [[0.0, 5.0, 0.0], [5.0, 0.0, 0.0], [5.0, 5.0, 9.0]][i % 3];
        let values: Vec<String> = (0..3).map(|j| format!("{:.4}", centre[j] + noise(j))).collect();
        format!("part-{i},{},{}\n", values.join(","), ["x", "y", "z"][i % 3])
    };
    format!("name,a,b,c,kind\n{}", (0..n).map(line).collect::<String>())
}

#[test]
fn parts_of_three_kinds_are_divided_and_new_ones_assigned() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("parts.csv"), table(600)).unwrap();
    figures(at, "train parts.csv --label-column kind --epochs 60 --latent 2 --threads 2 --out run");
    let found = figures(at, "cluster run --clusters 3 --map map.svg");
    assert!(found["agreement"]["accuracy"].as_f64().unwrap() > 0.9, "{found}");
    let clusters = std::fs::read_to_string(at.join("clusters.csv")).unwrap();
    assert!(clusters.starts_with("name,cluster,probability\npart-0,") && clusters.lines().count() == 601);
    let map = std::fs::read_to_string(at.join("map.svg")).unwrap();
    assert!(["pc0", "pc1", "cluster 0", "cluster 2"].iter().all(|word| map.contains(word)), "{}", &map[..400]);
    let chosen = figures(at, "cluster run --most 6 --out chosen.csv");
    assert!(chosen["clusters"].as_u64().unwrap() >= 3, "{chosen}");
    std::fs::write(at.join("new.csv"), table(30).replace("part", "new")).unwrap();
    let by_k_means = figures(at, "cluster run new.csv --method k-means --clusters 3 --out new-clusters.csv");
    assert!(by_k_means["agreement"]["accuracy"].as_f64().unwrap() > 0.9, "{by_k_means}");
    assert!(std::fs::read_to_string(at.join("new-clusters.csv")).unwrap().starts_with("name,cluster\nnew-0,"));
    for (flags, words) in [
        ("--clusters 0", &["clusters", "found 0"][..]),
        ("--clusters 100000", &["clusters", "training rows"]),
        ("--out clusters.png", &["clusters.png", "--map"]),
        ("--out none.csv --map map.png", &["map.png", ".svg"]),
        ("", &["clusters.csv", "--force"]),
    ] {
        let out = if flags.contains("--out") || flags.is_empty() { "" } else { "--out none.csv" };
        refused(at, &format!("cluster run {flags} {out}"), words);
    }
    assert!(!at.join("none.csv").exists());
    for (by, column) in [("pca", "pc0,pc1"), ("tsne", "tsne0,tsne1")] {
        figures(at, &format!("encode run --reduce {by} --out {by}.csv --map {by}.svg"));
        let text = std::fs::read_to_string(at.join(format!("{by}.csv"))).unwrap();
        assert!(text.starts_with(&format!("name,{column}\npart-0,")), "{}", &text[..60]);
        let map = std::fs::read_to_string(at.join(format!("{by}.svg"))).unwrap();
        assert!([">x<", ">y<", ">z<"].iter().all(|class| map.contains(class)));
    }
    refused(at, "encode run --reduce pca --dims 9 --out none.csv", &["dims", "1 to 2"]);
    refused(at, "encode run new.csv --reduce tsne --out none.csv", &["tsne", "92 rows", "30"]);
}

#[test]
fn a_model_with_clusters_of_its_own_says_them() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    figures(at, "train digits --variant gm-vae --hidden 64 --latent 10 --epochs 3 --limit 500 --threads 2 --out run");
    let found = figures(at, "cluster run --method own --map map.svg");
    assert_eq!(
        found["rows"].as_u64(),
        Some(found["sizes"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).sum())
    );
    assert!(std::fs::read_to_string(at.join("clusters.csv")).unwrap().starts_with("row,cluster\n0,"));
    assert!(found["agreement"]["nmi"].as_f64().unwrap() >= 0.0, "{found}");
}
