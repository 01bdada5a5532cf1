//! The settings by name, with a line of help each: flags, errors and docs read this list.

/// A setting that every variant understands.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub key: &'static str,
    /// What stands for its value in help.
    pub value: &'static str,
    pub doc: &'static str,
}

const fn setting(key: &'static str, value: &'static str, doc: &'static str) -> Setting {
    Setting { key, value, doc }
}

/// Every setting of [`TrainConfig`](super::TrainConfig) but `data`, in the order in which help shows them.
pub const SETTINGS: &[Setting] = &[
    setting("variant", "NAME", "What to train; see `vaekit variants`"),
    setting("net", "NAME", "mlp, or for images conv or resnet"),
    setting(
        "channels",
        "SIZES",
        "Channels of a convolutional net after each halving; they follow the image unless said",
    ),
    setting("upsample", "HOW", "How a convolutional decoder doubles an image: transposed or resize"),
    setting("init", "NAME", "Initial weights: torch (as torch.nn.Linear has them) or glorot (and biases of 0)"),
    setting("hidden", "SIZES", "Hidden layers of the encoder, 512,256 for two; the decoder mirrors them"),
    setting("latent", "D", "Dimensions of the code z"),
    setting("activation", "NAME", "relu, tanh, sigmoid, softplus, gelu, elu or leaky-relu"),
    setting(
        "likelihood",
        "NAME",
        "p(x given z), a name that `vaekit variants likelihoods` lists; auto follows the data",
    ),
    setting("posterior", "NAME", "q(z given x), a name that `vaekit variants posteriors` lists"),
    setting("prior", "NAME", "p(z), a name that `vaekit variants priors` lists; auto follows the posterior"),
    setting(
        "estimator",
        "NAME",
        "Gradient of the encoder: reparameterized, score, sticking-the-landing or doubly-reparameterized",
    ),
    setting("flow_steps", "N", "Maps of a flow, posterior or prior"),
    setting("flow_hidden", "N", "Hidden units of a flow's networks and of other small ones"),
    setting("components", "N", "Components of a mixture, rows of a VampPrior, codes of a codebook"),
    setting("categories", "N", "Classes of a class variable in z"),
    setting("temperature", "T", "Of relaxed class variables; smaller is sharper"),
    setting("groups", "N", "Groups of latents of a hierarchy, each with half the dimensions of the one below"),
    setting("positions", "N", "Pieces of z that have a code of the codebook each"),
    setting("levels", "N", "Codebooks, each for what those before it leave over"),
    setting("commitment", "W", "Weight of the distance between the encoder's outputs and their codes"),
    setting("slab", "SHARE", "Dimensions that a spike-and-slab prior expects in use"),
    setting("perceptual", "NAME", "A loss beside the likelihood: none, ms-ssim or features (of a classifier)"),
    setting("perceptual_weight", "W", "Weight of the perceptual loss"),
    setting("epochs", "N", "Passes over the training rows"),
    setting("batch", "N", "Rows a batch"),
    setting("lr", "X", "Learning rate"),
    setting("optimizer", "NAME", "adam, adamw, sgd, rmsprop or lion"),
    setting("epsilon", "X", "The small number that adam and adamw divide by at least"),
    setting("momentum", "X", "Momentum of sgd"),
    setting("weight_decay", "X", "Decay of the weights"),
    setting(
        "lr_schedule",
        "NAME",
        "constant, cosine, step, exponential, plateau or stages (of the importance-weighted paper)",
    ),
    setting("lr_factor", "X", "What step, exponential and plateau multiply the rate by"),
    setting("lr_epochs", "N", "Length of a step, horizon of cosine and stages (0 there: all epochs)"),
    setting("lr_min", "X", "The rate never falls below this"),
    setting("lr_patience", "N", "Epochs that plateau waits for a better validation value"),
    setting("beta", "B", "Weight of the KL"),
    setting("samples", "L", "Monte Carlo samples of z a row"),
    setting("kl_schedule", "NAME", "constant, linear (warm-up) or cyclical"),
    setting("kl_period", "EPOCHS", "Length of the warm-up or of a cycle"),
    setting("free_bits", "NATS", "KL that each latent dimension has for free; in a hierarchy for a group together"),
    setting("clip", "NORM", "Largest norm of all gradients together; 0 for no limit"),
    setting("accumulate", "N", "Batches whose gradients are averaged for one step"),
    setting("patience", "N", "Stop after N epochs without a better validation value, keep the best; 0 for never"),
    setting("normalize", "HOW", "none, 0..1, -1..1 or standardize; follows the data unless said"),
    setting("binarize", "HOW", "none, dynamic (drawn anew each epoch) or threshold"),
    setting("output_bias", "HOW", "Start the decoder at the mean training row, or random as PyTorch does"),
    setting("valid", "SHARE", "Share of the rows for validation"),
    setting("test", "SHARE", "Share of the rows for testing, where the set brings no test rows"),
    setting("limit", "ROWS", "Train on at most so many rows, chosen by the seed; 0 for all"),
    setting("seed", "N", "Decides weights, order, noise and splits"),
    setting("size", "SIDE", "Resize pictures of a folder to SIDE x SIDE; the aspect ratio is not kept"),
    setting("key", "NAME", "The array of an npz archive"),
    setting("columns", "NAMES", "Columns of a csv table to model; all unless said"),
    setting("label_column", "NAME", "Column of a csv table that holds classes"),
    setting("condition", "NAMES", "Columns of a csv table that a conditional model is told: words or numbers"),
    setting("id_column", "NAME", "Column of a csv table that says what rows are called"),
    setting("missing", "WORDS", "Words of a csv table for a missing value, beside NA, NaN, null, none, ? and nothing"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::TrainConfig;

    #[test]
    fn every_setting_is_listed_and_nothing_else() {
        let mut listed: Vec<String> = SETTINGS.iter().map(|s| s.key.to_owned()).chain(["data".into()]).collect();
        let mut keys = TrainConfig::keys();
        listed.sort();
        keys.sort();
        assert_eq!(listed, keys);
    }
}
