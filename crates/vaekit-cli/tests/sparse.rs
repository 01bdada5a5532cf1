//! Sparse codes of a table, of pictures and of the latent codes of a run, and what cannot be coded.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod common;

use common::{figures, refused, vaekit};

/// Rows of six numbers made of two directions, with a name each.
fn table(n: usize) -> String {
    let line = |i: usize| {
        let (a, b) = ((i as f64 * 1.3).sin() * 3.0, (i as f64 * 0.7).cos() * 2.0);
        let values: Vec<String> = (0..6).map(|j| format!("{:.4}", a * f64::from(j) + b * f64::from(5 - j))).collect();
        format!("part-{i},{}\n", values.join(","))
    };
    format!("name,a,b,c,d,e,f\n{}", (0..n).map(line).collect::<String>())
}

#[test]
fn a_table_is_coded_by_name_and_new_rows_by_the_same_dictionary() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("parts.csv"), table(300)).unwrap();
    let found = figures(at, "sparse parts.csv --atoms 4 -k 2 --passes 5");
    // Two directions are all that there is.
    assert!(found["explained"].as_f64().unwrap() > 0.99, "{found}");
    assert!(found["per_row"].as_f64().unwrap() <= 2.0, "{found}");
    let codes = std::fs::read_to_string(at.join("sparse/codes.csv")).unwrap();
    assert!(codes.starts_with("name,atom,value\npart-0,"), "{}", &codes[..60]);
    let made = std::fs::read_to_string(at.join("sparse/reconstructed.csv")).unwrap();
    assert!(made.starts_with("name,a,b,c,d,e,f\npart-0,") && made.lines().count() == 301);
    std::fs::write(at.join("new.csv"), table(12).replace("part", "new")).unwrap();
    let again = figures(at, "sparse new.csv --dictionary sparse/dictionary.safetensors --out new");
    assert!(again["explained"].as_f64().unwrap() > 0.99, "{again}");
    assert!(!at.join("new/dictionary.safetensors").exists());
    for (flags, words) in [
        ("--atoms 4 -k 5", &["k", "1 to 4"][..]),
        ("--atoms 0", &["atoms", "found 0"]),
        ("--atoms 4 -k 0", &["k", "found 0"]),
        ("--atoms 4 --method fista --penalty -1", &["penalty", "above 0"]),
        ("--atoms 1000", &["atoms", "found 1000"]),
        ("--passes 0 --atoms 4 -k 2", &["passes"]),
        ("parts.csv", &["no run"]),
        ("--method lasso -k 3", &["k", "--penalty"]),
        ("--method omp --penalty 3", &["penalty", "-k"]),
    ] {
        refused(at, &format!("sparse parts.csv {flags} --out none"), words);
    }
    refused(at, "sparse parts.csv --atoms 4 -k 2", &["there already", "--force"]);
    // Later files are read as the first was: in any order, a single row, with further columns.
    std::fs::write(at.join("one-new.csv"), "f,e,d,c,b,a,note,name\n1,2,3,4,5,6,x,new-1\n").unwrap();
    figures(at, "sparse one-new.csv --dictionary sparse/dictionary.safetensors --out one-new");
    let codes = std::fs::read_to_string(at.join("one-new/codes.csv")).unwrap();
    assert!(codes.starts_with("name,atom,value\nnew-1,"), "{codes}");
    // Columns far from 0 are stored less their smallest value, in each file another.
    let text = table(300);
    let far = |(i, line): (usize, &str)| match i {
        0 => format!("{line},far"),
        _ => format!("{line},{}", 101_325.5 + (i % 7) as f64),
    };
    let far: Vec<String> = text.lines().enumerate().map(far).collect();
    std::fs::write(at.join("far.csv"), far.join("\n") + "\n").unwrap();
    figures(at, "sparse far.csv --atoms 4 -k 3 --out far");
    let cell = |file: &str, line: usize| {
        let text = std::fs::read_to_string(at.join(file)).unwrap();
        text.lines().nth(line).unwrap().split(',').next_back().unwrap().parse::<f64>().unwrap()
    };
    assert!((cell("far/reconstructed.csv", 9) - 101_328.0).abs() < 10.0);
    let some: Vec<String> = far[..1].iter().chain(&far[5..9]).cloned().collect();
    std::fs::write(at.join("far-new.csv"), some.join("\n") + "\n").unwrap();
    figures(at, "sparse far-new.csv --dictionary far/dictionary.safetensors --out far-new");
    assert!((cell("far-new/reconstructed.csv", 1) - cell("far/reconstructed.csv", 5)).abs() < 1e-2);
    refused(at, "sparse parts.csv --atoms 4 -k 2 --out parts.csv", &["parts.csv"]);
    refused(at, "sparse new.csv --dictionary parts.csv --out none", &["parts.csv"]);
    std::fs::write(at.join("words.csv"), "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n").unwrap();
    refused(at, "sparse words.csv --atoms 1 -k 1 --out none", &["'b'", "category", "name its run"]);
    std::fs::write(at.join("gaps.csv"), "a,b\n1,2.5\n2,\n3,1.5\n4,0.5\n").unwrap();
    refused(at, "sparse gaps.csv --atoms 1 -k 1 --out none", &["lacks 1 value", "impute"]);
    std::fs::write(at.join("one.csv"), "a,b\n1.5,2.5\n").unwrap();
    refused(at, "sparse one.csv --atoms 2 -k 1 --out none", &["1 row", "constant"]);
    assert!(!at.join("none").exists());
}

#[test]
fn pictures_and_latent_codes_are_coded_and_leave_atoms_to_look_at() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let of_pixels = figures(at, "sparse digits --atoms 32 -k 5 --limit 400 --passes 5 --out pixels");
    assert!(of_pixels["explained"].as_f64().unwrap() > 0.5, "{of_pixels}");
    let trained = vaekit(at, "train digits --hidden 32 --latent 8 --epochs 5 --threads 1 --quiet --out run");
    assert!(trained.status.success());
    let of_codes = figures(at, "sparse run --atoms 16 -k 3 --passes 5 --out codes");
    assert!(of_codes["linear_mse"].as_f64().unwrap() > 0.0 && of_codes["decoded_mse"].as_f64().unwrap() < 0.1);
    for picture in ["pixels/atoms.png", "pixels/reconstructions.png", "codes/atoms.png", "codes/reconstructions.png"] {
        assert!(std::fs::metadata(at.join(picture)).unwrap().len() > 500, "{picture}");
    }
    for learner in ["k-svd", "mod"] {
        let found = figures(at, &format!("sparse run --atoms 16 -k 3 --passes 5 --learner {learner} --out {learner}"));
        assert!(found["explained"].as_f64().unwrap() > 0.5, "{learner}: {found}");
    }
    let of_other = "sparse run --dictionary pixels/dictionary.safetensors --out none";
    refused(at, of_other, &["dictionary", "784 columns", "z0"]);
    refused(at, "sparse run --missing x --out none", &["missing", "name DATA"]);
    // A dictionary of codes is for the codes of its run alone.
    figures(at, "train digits --hidden 8 --latent 8 --epochs 1 --threads 1 --out other");
    refused(at, "sparse other --dictionary codes/dictionary.safetensors --out none", &["another run"]);
}
