//! A table of one's own, from file to answer: scored, filled, drawn from, and joined back by its id column.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output};

fn vaekit(dir: &Path, line: &str) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.args(line.split_whitespace()).current_dir(dir).env_remove("VAEKIT_DATA").output().unwrap()
}

fn done(dir: &Path, line: &str) -> String {
    let output = vaekit(dir, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(dir: &Path, line: &str, words: &[&str]) {
    let output = vaekit(dir, line);
    let told = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<&str> = told.lines().filter(|l| l.starts_with("error: ")).collect();
    assert!(output.status.code() == Some(2) && errors.len() == 1, "{line}: {told}");
    assert!(words.iter().all(|word| errors[0].contains(word)), "{line}: {told}");
}

/// Sales with an id, a date, gaps and 1 % planted anomalies: `total` follows from `pieces` and `size`, but in them.
fn sales(n: usize) -> String {
    let line = |i: usize| {
        let size = ["small", "medium", "large"][i * 7 % 3];
        let price = [2.5, 4.0, 7.5][i * 7 % 3];
        let pieces = 1 + i * i % 23;
        let planted = i % 100 == 50;
        let total = price * pieces as f64 * if planted { 10.0 } else { 1.0 } + (i % 11) as f64 / 10.0;
        let pieces = if i % 13 == 5 { "NA".to_owned() } else { pieces.to_string() };
        let size = if i % 17 == 3 { "" } else { size };
        format!("S-{i:05},2024-{:02}-{:02},{size},{pieces},{total:.2},EUR\n", 1 + i / 28 % 12, 1 + i % 28)
    };
    format!("sale_id,day,size,pieces,total,currency\n{}", (0..n).map(line).collect::<String>())
}

fn records(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

#[test]
fn a_table_of_ones_own_is_scored_filled_and_drawn_from_and_joins_back_by_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("sales.csv"), sales(1_000)).unwrap();
    let described = done(at, "data sales.csv");
    for words in ["sale_id", "identifier", "time", "category", "constant: EUR", "count", "2024-01-01 to 2024-12-28"] {
        let found = described.contains(words) || words == "constant: EUR" && described.contains("constant: 'EUR'");
        assert!(found, "{words}: {described}");
    }
    done(at, "train sales.csv --out run --quiet");
    done(at, "score run --part all --out scores.csv --quiet");
    let (header, scores) = records(&at.join("scores.csv"));
    assert_eq!(header[..6], ["sale_id", "score", "rank", "p_value", "anomaly", "reason_1"]);
    assert_eq!(header.last().unwrap(), "currency");
    let rank: HashMap<&str, usize> = scores.iter().map(|row| (row[0].as_str(), row[2].parse().unwrap())).collect();
    let planted: Vec<usize> = (0..10).map(|i| rank[format!("S-{:05}", 100 * i + 50).as_str()]).collect();
    let near = planted.iter().filter(|rank| **rank <= 20).count();
    assert!(near >= 8, "planted rows have ranks {planted:?}");
    refused(at, "impute run --out both.csv --cells both.csv", &["cells", "both.csv", "--out"]);
    // Known cells are what they were, in order; gaps are filled with cells of their column.
    done(at, "impute run --out filled.csv --cells cells.csv --draws 2 --quiet");
    let ((_, before), (_, after)) = (records(&at.join("sales.csv")), records(&at.join("filled.csv")));
    let mut filled = 0;
    for (a, b) in before.iter().zip(&after) {
        for (column, (a, b)) in a.iter().zip(b).enumerate() {
            match a.as_str() {
                "" | "NA" => {
                    filled += 1;
                    match column {
                        2 => assert!(["small", "medium", "large"].contains(&b.as_str()), "{b}"),
                        _ => assert!((1..=23).contains(&b.parse::<u32>().unwrap()), "{b}"),
                    }
                }
                known => assert_eq!(known, b),
            }
        }
    }
    assert_eq!(records(&at.join("cells.csv")).1.len(), filled);
    assert_ne!(std::fs::read(at.join("filled-1.csv")).unwrap(), std::fs::read(at.join("filled-2.csv")).unwrap());
    // New rows are of the columns' own kinds, and have what is demanded.
    done(at, "sample run -n 50 --where size=large,pieces=3 --out new.csv --quiet");
    let (header, drawn) = records(&at.join("new.csv"));
    assert_eq!((header, drawn.len()), (vec!["day".into(), "size".into(), "pieces".into(), "total".into()], 50));
    for row in &drawn {
        assert!(row[0].starts_with("2024-") && row[1] == "large" && row[2] == "3", "{row:?}");
        assert!(row[3].parse::<f64>().is_ok() && row[3].split('.').nth(1).is_none_or(|d| d.len() <= 2), "{row:?}");
    }
    // Other files are held to the columns that the model knows.
    std::fs::write(at.join("other.csv"), "size,total,pieces\nhuge,3.5,2\n").unwrap();
    refused(at, "score run other.csv --out o.csv", &["lacks column 'day'", "size, total, pieces"]);
    std::fs::write(at.join("other.csv"), "day,size,total,pieces\n2024-03-01,huge,3.5,2\n").unwrap();
    refused(at, "score run other.csv --out o.csv", &["line 2, column 'size'", "'huge'", "--unknown missing"]);
    done(at, "score run other.csv --out o.csv --unknown missing --quiet");
    refused(at, "sample run --where sizes=large", &["did you mean 'size'"]);
    refused(at, "score run --contamination 2", &["contamination", "between 0 and 1"]);
}

#[test]
fn scores_are_the_same_bytes_at_any_number_of_threads_and_for_a_row_alone() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let text = sales(400);
    std::fs::write(at.join("sales.csv"), &text).unwrap();
    done(at, "train sales.csv --out run --epochs 5 --members 2 --quiet");
    done(at, "score run sales.csv --part all --out one.csv --threads 1 --quiet");
    done(at, "score run sales.csv --part all --out two.csv --threads 2 --quiet");
    let all = std::fs::read(at.join("one.csv")).unwrap();
    assert!(all == std::fs::read(at.join("two.csv")).unwrap());
    // In files other than the run's own.
    let part = |lines: std::ops::Range<usize>| {
        let lines: Vec<&str> = lines.map(|i| text.lines().nth(i + 1).unwrap()).collect();
        format!("{}\n{}\n", text.lines().next().unwrap(), lines.join("\n"))
    };
    std::fs::write(at.join("alone.csv"), part(37..38)).unwrap();
    std::fs::write(at.join("some.csv"), part(20..300)).unwrap();
    done(at, "score run alone.csv --out alone-scores.csv --quiet");
    done(at, "score run some.csv --out some-scores.csv --quiet");
    let (_, some) = records(&at.join("some-scores.csv"));
    let (_, alone) = records(&at.join("alone-scores.csv"));
    assert_eq!(alone[0][1], some[17][1], "a row alone has another score than among others");
}

#[test]
fn what_is_saved_holds_no_training_row() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("sales.csv"), sales(300)).unwrap();
    done(at, "train sales.csv --out run --epochs 3 --quiet");
    let cells = ["S-00123", "S-00007"];
    let mut files = vec![at.join("run")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for cell in cells {
            let found = bytes.windows(cell.len()).any(|window| window == cell.as_bytes());
            assert!(!found, "{} holds {cell}", path.display());
        }
    }
}

#[test]
fn tables_that_nobody_can_use_are_refused_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
    let numbers: String = (0..200_000).map(|i| format!("{}.5,{i}\n", i % 977)).collect();
    write("word.csv", &format!("x,y\n{numbers}oops,1\n"));
    write("torn.csv", "0,1502\n1,0213\n0,7777\n");
    write("twice.csv", "a,a\n1,2\n");
    write("empty.csv", "a,b\nNA,\n,NA\n");
    for (line, words) in [
        ("train word.csv --out r", ["line 200002, column 'x'", "--missing oops"]),
        ("train torn.csv --out r", ["decimal comma", "--decimal"]),
        ("train twice.csv --out r", ["two columns", "'a'"]),
        ("train empty.csv --out r", ["no column left", "every cell is missing"]),
        ("train word.csv --role z=id --out r", ["'z' is no column", "x, y"]),
        ("train word.csv --role x=what --out r", ["role", "model, ignore, condition, label, id"]),
    ] {
        refused(at, line, &words);
        assert!(!at.join("r").exists());
    }
    // Ten thousand columns are many, and no reason to refuse.
    let row = |i: usize| (0..10_000).map(|j| ((i * j * 7 + i) % 91).to_string()).collect::<Vec<_>>().join(",");
    let names: Vec<String> = (0..10_000).map(|j| format!("v{j}")).collect();
    write("wide.csv", &format!("{}\n{}\n", names.join(","), (0..6).map(row).collect::<Vec<_>>().join("\n")));
    assert!(done(at, "data wide.csv --quiet").contains("10000 columns"));
}

#[test]
fn rows_on_disk_lead_to_the_same_bytes_as_rows_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    std::fs::write(at.join("sales.csv"), sales(30_000)).unwrap();
    std::fs::create_dir(at.join("cache")).unwrap();
    let (held, disk) = ("--quiet", "--memory 2MiB --cache cache --quiet");
    let told = vaekit(at, &format!("data sales.csv {disk}"));
    assert!(String::from_utf8_lossy(&told.stderr).contains("kept on disk in cache"), "{told:?}");
    for (run, flags) in [("held", held), ("disk", disk)] {
        done(at, &format!("train sales.csv --out {run} --epochs 1 {flags}"));
        done(at, &format!("train --resume {run} --epochs 2 {flags}"));
        done(at, &format!("score {run} --explain 20 --out {run}-scores.csv {flags}"));
        std::fs::write(at.join("gaps.csv"), sales(300)).unwrap();
        done(at, &format!("impute {run} gaps.csv --out {run}-filled.csv --cells {run}-cells.csv {flags}"));
        done(at, &format!("evaluate {run} {flags}"));
    }
    for [a, b] in [
        ["held/model.safetensors", "disk/model.safetensors"],
        ["held-scores.csv", "disk-scores.csv"],
        ["held-filled.csv", "disk-filled.csv"],
        ["held-cells.csv", "disk-cells.csv"],
    ] {
        let same = std::fs::read(at.join(a)).unwrap() == std::fs::read(at.join(b)).unwrap();
        assert!(same, "{a} and {b} differ");
    }
    assert_eq!(std::fs::read_dir(at.join("cache")).unwrap().count(), 0);
    refused(at, "train sales.csv --cache nowhere", &["cache", "nowhere", "folder that exists"]);
}
