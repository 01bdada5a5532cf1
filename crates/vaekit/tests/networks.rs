//! Convolutional networks on images of any size: they train, save, load, sample and resume like any other.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use vaekit::data::{Dataset, Kind, Rows, Schema};
use vaekit::train::Changes;
use vaekit::uses::Observation;
use vaekit::{Run, TrainConfig, TrainEvent, Trainer};
use vaekit_ops::device;

/// Images of one colour, another for each: channel c of image i is at 60 c + 10 (i mod 8) of 255.
fn flags(n: usize, [channels, height, width]: [usize; 3]) -> Dataset {
    let pixels = height * width;
    let value = |i: usize, c: usize| (60 * c + 10 * (i % 8)) as u8;
    let bytes = (0..n).flat_map(|i| (0..channels * pixels).map(move |j| value(i, j / pixels))).collect();
    Dataset::new("flags", Schema::images([channels, height, width], Kind::Byte), Rows::U8(bytes)).unwrap()
}

fn config(net: &str, upsample: &str, likelihood: &str) -> TrainConfig {
    let mut config = TrainConfig { epochs: 2, batch: 8, test: 0.0, ..TrainConfig::default() };
    config.model.net = net.into();
    config.model.upsample = upsample.into();
    config.model.likelihood = likelihood.into();
    config.model.channels = vec![4, 6];
    config.model.hidden = vec![8];
    config.model.latent = 2;
    config
}

#[test]
fn any_size_and_number_of_channels_trains_and_samples() {
    let dir = tempfile::tempdir().unwrap();
    for (net, upsample, likelihood, size) in [
        ("conv", "transposed", "bernoulli", [1, 5, 7]),
        ("conv", "resize", "gaussian-learned", [3, 9, 6]),
        ("resnet", "transposed", "gaussian-shared", [2, 16, 4]),
        ("resnet", "resize", "bernoulli", [4, 13, 11]),
    ] {
        let data = flags(24, size);
        let out = dir.path().join(format!("{net}-{upsample}"));
        let train = |name: &str, threads| {
            let out = out.join(name);
            let config = config(net, upsample, likelihood);
            device::with_threads(threads, || Trainer::new(config).out(&out).fit(&data).map(drop)).unwrap();
            std::fs::read(out.join("model.safetensors")).unwrap()
        };
        assert!(train("one", 1) == train("two", 2), "{net} {upsample} depends on threads");
        let run = Run::open(out.join("one")).unwrap();
        let rows = run.sample(3, Observation::Mean, run.rng()).unwrap();
        assert_eq!(rows.values.len(), 3 * data.width());
        let codes = run.encode(&data, &[0, 1]).unwrap();
        assert_eq!(codes, Run::open(out.join("two")).unwrap().encode(&data, &[0, 1]).unwrap());

        // Stopped after one epoch of two, and gone on with.
        let half = out.join("half");
        let flag = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&flag);
        let listener = move |event| set.store(matches!(event, TrainEvent::Epoch(_)), Ordering::SeqCst);
        let config = config(net, upsample, likelihood);
        Trainer::new(config).out(&half).interrupt(flag).on_event(listener).fit(&data).unwrap();
        let bytes = |name: &str| std::fs::read(out.join(name).join("model.safetensors")).unwrap();
        assert!(bytes("half") != bytes("one"));
        Trainer::resume(&half, &Changes::default()).unwrap().fit(&data).unwrap();
        assert!(bytes("half") == bytes("one"), "{net} {upsample} did not go on to the same bytes");
    }
}

/// Channels stay where they are: a model that learns means per channel gives them back.
#[test]
fn colours_come_back_channel_by_channel() {
    let dir = tempfile::tempdir().unwrap();
    for (net, upsample, likelihood) in
        [("conv", "transposed", "gaussian-learned"), ("resnet", "resize", "gaussian-shared")]
    {
        let data = flags(32, [3, 6, 5]);
        let config = TrainConfig { epochs: 20, lr: 3e-3, ..config(net, upsample, likelihood) };
        let run = Trainer::new(config).out(dir.path().join(net)).fit(&data).unwrap();
        let rows = run.sample(8, Observation::Mean, run.rng()).unwrap();
        for row in rows.values.chunks(90) {
            let mean = |c: usize| row[c * 30..(c + 1) * 30].iter().sum::<f32>() / 30.0;
            // Channels are 60 apart, and images differ by up to 70 all together.
            assert!(mean(1) > mean(0) + 20.0 && mean(2) > mean(1) + 20.0, "{net}: {} {} {}", mean(0), mean(1), mean(2));
        }
    }
}

#[test]
fn a_net_that_does_not_fit_the_data_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |config: TrainConfig, data: &Dataset| {
        let error = Trainer::new(config).out(dir.path().join("no")).fit(data).map(drop).unwrap_err().to_string();
        assert!(!dir.path().join("no").exists());
        error
    };
    let small = flags(8, [1, 2, 2]);
    assert!(refused(config("conv", "transposed", "bernoulli"), &small).contains("more often than they can be"));
    let mut line = config("conv", "transposed", "bernoulli");
    line.model.channels.clear();
    assert!(refused(line, &flags(8, [1, 1, 9])).contains("images of 2x2 or more"));
    let mut huge = config("resnet", "transposed", "bernoulli");
    huge.model.channels = vec![16_384];
    assert!(refused(huge, &flags(8, [1, 8, 8])).contains("--memory"));
    let table = Dataset::from_rows("t", &["a", "b", "c", "d"], (0..80).map(|i| i as f32).collect()).unwrap();
    assert!(refused(config("resnet", "transposed", "gaussian"), &table).contains("need images"));
    let mut mlp = config("mlp", "transposed", "bernoulli");
    assert!(refused(mlp.clone(), &small).contains("only goes with --net conv, resnet"));
    mlp.model.channels.clear();
    mlp.model.upsample = "resize".into();
    assert!(refused(mlp.clone(), &small).contains("only goes with --net conv, resnet"));
    mlp.model.upsample = "transposed".into();
    mlp.model.net = "cnn".into();
    assert!(refused(mlp, &small).contains("expected one of mlp, conv, resnet"));
}
