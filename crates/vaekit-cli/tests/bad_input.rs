//! Bad input of every kind gets one line, exit code 2, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn vaekit(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("vaekit"));
    command.args(args).current_dir(dir).env_remove("VAEKIT_DATA").env("VAEKIT_CACHE", dir.join("cache"));
    command.output().unwrap()
}

/// Asserts one `error:` line with `words` in it, the exit code, and that no run was made.
fn refused(dir: &Path, args: &[&str], code: i32, words: &[&str]) {
    let before = listing(dir);
    let output = vaekit(dir, args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    assert_eq!(errors.len(), 1, "{args:?}: {text}");
    assert!(!text.contains("panicked"), "{args:?}: {text}");
    for word in words {
        assert!(errors[0].contains(word), "{args:?} does not mention {word}: {text}");
    }
    assert_eq!(before, listing(dir), "{args:?} left something behind");
}

fn listing(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            all.push(entry.path().display().to_string());
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    all.sort();
    all
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> String {
    std::fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
    std::fs::write(dir.join(name), bytes).unwrap();
    name.to_owned()
}

fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    file.extend(shape.iter().flat_map(|d| d.to_be_bytes()));
    file.extend(bytes);
    file
}

fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(body);
    bytes
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A small run to ask things of.
fn run(dir: &Path) {
    let args =
        ["train", "rings", "--epochs", "1", "--hidden", "4", "--latent", "2", "--limit", "64", "--out", "run", "-q"];
    assert!(vaekit(dir, &args).status.success());
}

#[test]
fn every_reader_refuses_what_it_cannot_read() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let nan = f32::NAN;
    let png = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::GrayImage::new(9, 7).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let small = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::GrayImage::new(5, 7).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    for name in ["empty.csv", "empty.npy", "empty.npz", "empty-idx3-ubyte", "empty.gz-idx3-ubyte"] {
        refused(d, &["train", &write(d, name, b"")], 2, &[name]);
    }
    let numbers: String = std::iter::once("a,b\n".into()).chain((0..30).map(|i| format!("{i},{}\n", i * i))).collect();
    for (name, bytes, words) in [
        ("magic-idx3-ubyte", vec![1, 2, 3, 4, 5, 6, 7, 8], vec!["not an idx file"]),
        ("huge-idx3-ubyte", idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), vec!["idx3"]),
        ("short-idx3-ubyte", idx(&[3, 2, 2], &[0; 11]), vec!["12", "11"]),
        ("zero-idx3-ubyte", idx(&[0, 2, 2], &[]), vec!["no rows"]),
        ("magic.npy", b"PK not numpy".to_vec(), vec!["NUMPY"]),
        ("huge.npy", npy("<f4", "(1099511627776, 1099511627776)", &[]), vec!["shape"]),
        ("objects.npy", npy("|O", "(1, 1)", &[0; 8]), vec!["element type"]),
        ("hole.npy", npy("<f4", "(2, 0, 5, 3)", &[]), vec!["no rows or no values"]),
        ("wide.npy", npy("<f4", "(0, 1152921504606846976)", &[]), vec!["no rows or no values"]),
        ("wide-idx3-ubyte", idx(&[0, u32::MAX], &[]), vec!["no rows or no values"]),
        ("twice.csv", b"a,a\n1,2\n".to_vec(), vec!["'a'"]),
        ("zero.npy", npy("<f4", "(0, 3)", &[]), vec!["no rows"]),
        ("narrow.npy", npy("<f4", "(3, 0)", &[]), vec!["no rows"]),
        ("flat.npy", npy("<f4", "(2,)", &floats(&[1.0, 2.0])), vec!["shape"]),
        ("nan.npy", npy("<f4", "(2, 2)", &floats(&[nan, nan, nan, nan])), vec!["every cell is missing"]),
        ("inf.npy", npy("<f4", "(1, 2)", &floats(&[1.0, f32::INFINITY])), vec!["row 0", "c1", "inf"]),
        ("not.npz", b"not a zip".to_vec(), vec!["npz"]),
        ("ragged.csv", b"a,b\n1,2\n3\n".to_vec(), vec!["line 3"]),
        ("text.csv", [numbers.as_bytes(), b"3,x\n"].concat(), vec!["line 32", "'b'", "'x'"]),
        ("gap.csv", [numbers.as_bytes(), b"1,nothing\n"].concat(), vec!["--missing nothing", "line 32"]),
        ("one.csv", b"a,b\n1,2\n".to_vec(), vec!["no column left", "constant"]),
        ("header.csv", b"a,b\n".to_vec(), vec!["no rows"]),
        ("bytes.csv", vec![0xff, 0xfe, 0, 1, 2, b'\n', 3], vec!["bytes.csv"]),
        ("data.xyz", b"?".to_vec(), vec!["no known format"]),
    ] {
        refused(d, &["train", &write(d, name, &bytes)], 2, &words);
    }
    write(d, "mixed/a.png", &png);
    write(d, "mixed/b.png", &small);
    refused(d, &["train", "mixed"], 2, &["b.png", "--size"]);
    write(d, "fake/a.png", b"no picture");
    refused(d, &["train", "fake"], 2, &["a.png", "no readable picture"]);
    std::fs::create_dir(d.join("none")).unwrap();
    refused(d, &["train", "none"], 2, &["none"]);
    write(d, "labels/train-images-idx3-ubyte", &idx(&[2, 1, 1], &[1, 2]));
    write(d, "labels/train-labels-idx1-ubyte", &idx(&[3], &[1, 2, 3]));
    refused(d, &["train", "labels"], 2, &["labels", "3"]);
    refused(d, &["train", "nowhere.csv"], 2, &["nowhere.csv"]);
    refused(d, &["train", "mnist", "--offline"], 2, &["--offline"]);
}

#[test]
fn every_truncation_is_refused() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let image = image::GrayImage::from_fn(20, 20, |x, y| image::Luma([(x * y) as u8]));
    let mut png = std::io::Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, &idx(&[50, 2, 2], &[7; 200])).unwrap();
    let files = [
        ("a-idx3-ubyte", idx(&[50, 2, 2], &[7; 200])),
        ("a-idx3-ubyte.gz", gz.finish().unwrap()),
        ("a.npy", npy("<f4", "(10, 2)", &floats(&[0.5; 20]))),
        ("pictures/a.png", png.into_inner()),
    ];
    for (name, bytes) in files {
        let target = if name.contains('/') { "pictures" } else { name };
        for tenth in 0..10 {
            write(d, name, &bytes[..bytes.len() * tenth / 10]);
            refused(d, &["train", target], 2, &["a"]);
        }
    }
}

#[test]
fn every_flag_is_checked() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    for (flags, words) in [
        (vec!["--latnet", "3"], vec!["--latnet", "--latent"]),
        (vec!["--latent", "0"], vec!["latent", "from 1"]),
        (vec!["--latent", "-3"], vec!["latent", "-3"]),
        (vec!["--latent", "many"], vec!["latent", "many"]),
        (vec!["--latent", "99999999999"], vec!["latent"]),
        (vec!["--hidden", "0"], vec!["hidden"]),
        (vec!["--hidden", "a,b"], vec!["hidden", "a"]),
        (vec!["--hidden", "1048576,1048576"], vec!["hidden", "weights"]),
        (vec!["--epochs", "0"], vec!["epochs"]),
        (vec!["--batch", "0"], vec!["batch"]),
        (vec!["--batch", "1.5"], vec!["batch", "1.5"]),
        (vec!["--lr", "0"], vec!["lr", "above 0"]),
        (vec!["--lr", "nan"], vec!["lr", "NaN"]),
        (vec!["--lr", "fast"], vec!["lr", "fast", "a number"]),
        (vec!["--beta", "-1"], vec!["beta"]),
        (vec!["--samples", "0"], vec!["samples"]),
        (vec!["--variant", "vea"], vec!["'vea'", "'vae'"]),
        (vec!["--likelihood", "poison"], vec!["likelihood", "poison"]),
        (vec!["--likelihood", "bernoulli"], vec!["likelihood", "0 to 1"]),
        (vec!["--activation", "relo"], vec!["activation", "relo"]),
        (vec!["--net", "cnn"], vec!["net", "cnn", "resnet"]),
        (vec!["--net", "conv"], vec!["net", "need images", "mlp"]),
        (vec!["--channels", "0"], vec!["channels", "from 1"]),
        (vec!["--channels", "32"], vec!["channels", "--net conv"]),
        (vec!["--upsample", "resize"], vec!["upsample", "--net conv"]),
        (vec!["--optimizer", "adma"], vec!["optimizer", "adma"]),
        (vec!["--binarize", "dynamic"], vec!["binarize", "0 to 1"]),
        (vec!["--normalize", "0-1"], vec!["normalize", "0-1"]),
        (vec!["--valid", "2"], vec!["valid"]),
        (vec!["--valid", "0", "--patience", "3"], vec!["patience", "valid"]),
        (vec!["--valid", "0.6", "--test", "0.5"], vec!["valid"]),
        (vec!["--variant", "ae", "--beta", "2"], vec!["beta", "ae"]),
        (vec!["--noise", "gaussian"], vec!["noise", "vae"]),
        (vec!["--variant", "dae", "--noise", "pink"], vec!["noise", "pink"]),
        (vec!["--variant", "dae", "--noise-level", "99"], vec!["noise_level", "99"]),
        (vec!["--variant", "dae", "--noise", "masking", "--noise-level", "2"], vec!["noise_level", "share"]),
        (vec!["--set", "latent"], vec!["set", "key=value"]),
        (vec!["--set", "latnet=3"], vec!["latnet", "'latent'"]),
        (vec!["--config", "nowhere.toml"], vec!["nowhere.toml"]),
        (vec!["--size", "200000"], vec!["size"]),
        (vec!["--save-every", "-1"], vec!["save-every"]),
        (vec!["--threads", "0"], vec!["threads"]),
        (vec!["--device", "gpu"], vec!["device", "gpu"]),
        (vec!["--seed", "-1"], vec!["seed"]),
        (vec!["--resume", "nowhere"], vec!["nowhere", "run.toml"]),
        (vec!["--resume", "a", "--out", "b"], vec!["--out"]),
        (vec!["--out", "/proc/vaekit"], vec!["out", "/proc/vaekit"]),
    ] {
        let args = [&["train", "rings"], flags.as_slice()].concat();
        refused(d, &args, 2, &words);
    }
    refused(d, &["train", "dgits"], 2, &["'digits'"]);
    refused(d, &["frobnicate"], 2, &["frobnicate"]);
    write(d, "bad.toml", b"latent = \n");
    refused(d, &["train", "rings", "--config", "bad.toml"], 2, &["bad.toml", "line 1"]);
    write(d, "unknown.toml", b"latnet = 3\n");
    refused(d, &["train", "rings", "--config", "unknown.toml"], 2, &["latnet", "'latent'"]);
}

#[test]
fn resume_takes_no_contradiction() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    run(d);
    refused(d, &["train", "--resume", "run", "--latent", "3"], 2, &["latent", "3", "2"]);
    refused(d, &["train", "--resume", "run", "--variant", "ae"], 2, &["variant"]);
    refused(d, &["train", "moons", "--resume", "run"], 2, &["moons", "other data"]);
    refused(d, &["train", "--resume", "run", "--epochs", "0"], 2, &["epochs"]);
    refused(d, &["train", "rings", "--out", "run"], 2, &["out", "not empty", "--resume"]);
}

#[test]
fn uses_check_what_they_are_given() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    run(d);
    write(d, "wide.npy", &npy("<f4", "(2, 3)", &floats(&[0.5; 6])));
    write(d, "pair.npy", &npy("<f4", "(2, 2)", &floats(&[0.5; 4])));
    for (args, words) in [
        (vec!["sample", "nowhere"], vec!["nowhere"]),
        (vec!["sample", "run", "-n", "0"], vec!["0"]),
        (vec!["sample", "run", "--out", "a.gif"], vec!["a.gif", ".png"]),
        (vec!["sample", "run", "--out", "no/such/a.png"], vec!["no/such"]),
        (vec!["decode", "run", "wide.npy", "--out", "a.csv"], vec!["3", "2"]),
        (vec!["encode", "run", "wide.npy", "--out", "a.csv"], vec!["3 columns"]),
        (vec!["encode", "run", "rings", "--out", "a.png"], vec!["a.png"]),
        (vec!["reconstruct", "run", "digits"], vec!["28x28"]),
        (vec!["interpolate", "run", "--rows", "1"], vec!["rows"]),
        (vec!["interpolate", "run", "--rows", "1,99999"], vec!["99999"]),
        (vec!["interpolate", "run", "--classes", "0,7"], vec!["'7'"]),
        (vec!["traverse", "run", "--row", "99999"], vec!["99999"]),
        (vec!["evaluate", "run", "--samples", "0"], vec!["samples"]),
        (vec!["variants", "vea"], vec!["'vae'"]),
    ] {
        refused(d, &args, 2, &words);
    }
    if Path::new("/dev/full").exists() {
        std::os::unix::fs::symlink("/dev/full", d.join("full.npy")).unwrap();
        refused(d, &["sample", "run", "--out", "full.npy"], 1, &["full.npy"]);
    }
}

#[test]
fn damaged_runs_are_refused() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    run(d);
    let good = |name: &str| std::fs::read(d.join("run").join(name)).unwrap();
    for name in ["run.toml", "model.safetensors"] {
        let bytes = good(name);
        for tenth in 0..10 {
            write(d, &format!("run/{name}"), &bytes[..bytes.len() * tenth / 10]);
            refused(d, &["evaluate", "run"], 2, &["run"]);
        }
        write(d, &format!("run/{name}"), &bytes);
    }
    let text = String::from_utf8(good("run.toml")).unwrap();
    for (from, to, words) in [
        ("format = 2", "format = 3", vec!["format 3", "newer"]),
        ("latent = 2", "latent = 3", vec!["model.safetensors"]),
        ("hidden = [4]", "hidden = [1048576, 1048576]", vec!["layers"]),
        ("variant = \"vae\"", "variant = \"ave\"", vec!["'ave'"]),
        ("epochs = 1", "epochs = \"x\"", vec!["run.toml"]),
        ("batch = 128", "batch = 0", vec!["run.toml", "batch"]),
        ("accumulate = 1", "accumulate = 0", vec!["run.toml", "accumulate"]),
        ("latent = 2", "latent = 0", vec!["run.toml", "latent"]),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        write(d, "run/run.toml", text.replacen(from, to, 1).as_bytes());
        refused(d, &["evaluate", "run"], 2, &words);
    }
    write(d, "run/run.toml", text.as_bytes());

    // A header that claims more than the file has, and a checkpoint cut short.
    let mut model = good("model.safetensors");
    let whole = model.clone();
    model[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    write(d, "run/model.safetensors", &model);
    refused(d, &["sample", "run"], 2, &["model.safetensors"]);
    let mut nan = whole.clone();
    let at = nan.len() - 4;
    nan[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    write(d, "run/model.safetensors", &nan);
    refused(d, &["sample", "run"], 2, &["model.safetensors", "NaN"]);
    write(d, "run/model.safetensors", &whole);

    let state = good("state/checkpoint.safetensors");
    write(d, "run/state/checkpoint.safetensors", &state[..state.len() / 2]);
    refused(d, &["train", "--resume", "run", "--epochs", "2"], 2, &["checkpoint.safetensors"]);
}
