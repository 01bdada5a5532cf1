//! Noise that is added is taken off: of pictures, of a table, and by a search; and what cannot be cleaned.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{figures, refused};

#[test]
fn noise_on_digits_is_taken_off_and_each_picture_can_have_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let small = "--hidden 64 --latent 16 --threads 2";
    figures(at, &format!("train digits --variant dae --set noise_level=0.5 --epochs 12 {small} --out dae"));
    let found = figures(at, "denoise dae --add --level 0.5");
    let of = |found: &serde_json::Value, when: &str, what: &str| found[when][what].as_f64().unwrap();
    // N(0, 0.5^2) has 20 log10(1 / 0.5) decibels.
    assert!((of(&found, "before", "psnr") - 6.02).abs() < 0.1, "{found}");
    assert!(of(&found, "after", "psnr") > of(&found, "before", "psnr") + 8.0, "{found}");
    assert!(of(&found, "after", "ssim") > of(&found, "before", "ssim"), "{found}");
    // The range of a pixel is 1 whatever a model makes of it.
    let scaled = "--normalize=-1..1 --likelihood gaussian-shared --epochs 2";
    figures(at, &format!("train digits {scaled} {small} --out scaled"));
    let found = figures(at, "denoise scaled --add --level 0.5 --force");
    assert!((of(&found, "before", "psnr") - 6.02).abs() < 0.1, "{found}");
    figures(at, &format!("train digits --epochs 10 {small} --out vae"));
    for noise in ["gaussian", "masking", "salt-and-pepper"] {
        for by in ["pass", "search"] {
            let found = figures(at, &format!("denoise vae --add --noise {noise} --level 0.3 --by {by} --force"));
            let gain = of(&found, "before", "mse") / of(&found, "after", "mse");
            assert!(gain > if by == "search" { 1.5 } else { 0.8 }, "{noise}, {by}: {found}");
        }
    }
    assert!(std::fs::metadata(at.join("denoised.png")).unwrap().len() > 500);
    figures(at, "denoise vae --add --out cleaned");
    assert!(std::fs::read_dir(at.join("cleaned")).unwrap().count() > 100);
    refused(at, "denoise vae --add --out cleaned", &[".png", "there already"]);
    // A folder of pictures that is read is never written into, and names are kept.
    figures(at, "train cleaned --hidden 8 --epochs 1 --threads 2 --out pictures");
    for out in ["cleaned", "cleaned/again"] {
        refused(at, &format!("denoise pictures cleaned --out {out} --force"), &["cleaned", "which is read"]);
        refused(at, &format!("sparse cleaned --atoms 8 -k 2 --out {out} --force"), &["cleaned", "which is read"]);
    }
    figures(at, "denoise pictures cleaned --out again");
    let names = |folder: &str| {
        let files = std::fs::read_dir(at.join(folder)).unwrap().map(|file| file.unwrap().file_name());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names("again"), names("cleaned"));
    for (flags, words) in [
        ("--noise gaussian --out o.png", &["noise", "--by search"][..]),
        ("--add --level -1", &["level", "-1", "above 0"]),
        ("--add --level NaN", &["level", "NaN"]),
        ("--add --noise masking --level 1.5", &["level", "at most 1"]),
        ("--add --noise smoke", &["smoke", "masking"]),
        ("--add --out clean.txt", &["clean.txt", ".png"]),
    ] {
        refused(at, &format!("denoise vae {flags}"), words);
    }
}

#[test]
fn noise_on_the_numbers_of_a_table_is_taken_off_and_rows_keep_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let line = |i: usize| {
        let (a, kind) = ((i as f64 * 1.3).sin() * 3.0, ["x", "y"][i % 2]);
        let values: Vec<String> = (1..7).map(|j| format!("{:.4}", a * f64::from(j) + (i % 2) as f64)).collect();
        format!("part-{i},{},{kind}\n", values.join(","))
    };
    let text = format!("name,a,b,c,d,e,f,kind\n{}", (0..600).map(line).collect::<String>());
    std::fs::write(at.join("parts.csv"), text).unwrap();
    figures(at, "train parts.csv --threads 2 --epochs 40 --out run");
    let found = figures(at, "denoise run --add --level 0.5 --out clean.csv");
    let mse = |when: &str| found[when]["mse"].as_f64().unwrap();
    assert!((mse("before") - 0.25).abs() < 0.03 && mse("after") < 0.8 * mse("before"), "{found}");
    assert!(found["before"]["psnr"].is_null());
    let clean = std::fs::read_to_string(at.join("clean.csv")).unwrap();
    assert!(clean.starts_with("name,a,b,c,d,e,f,kind\npart-"), "{}", &clean[..60]);
    // Words and ids stay what they were.
    figures(at, "denoise run --out all.csv");
    let kinds = |file: &str| -> Vec<String> {
        let text = std::fs::read_to_string(at.join(file)).unwrap();
        text.lines().map(|line| line.split(',').next_back().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("all.csv"), kinds("parts.csv"));
    refused(at, "denoise run --out folder", &["folder", ".csv"]);
}
