//! `vaekit`: one command from data to result.
//!
//! Each verb is a file with its flags and a `run` function; the work is the
//! library's. Figures go to standard output, everything else to standard error.

mod bench;
mod classify;
mod cluster;
mod compare;
mod data;
mod denoise;
mod encode;
mod evaluate;
mod impute;
mod input;
mod interpolate;
mod out;
mod progress;
mod reconstruct;
mod report;
mod sample;
mod say;
mod score;
mod settings;
mod signals;
mod sparse;
mod sweep;
mod train;
mod traverse;
mod variants;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

// Training allocates a buffer for nearly every operation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Train variational autoencoders on images and tables, and use them.
#[derive(Parser)]
#[command(name = "vaekit", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Train a model and leave a run folder
    Train(train::Train),
    /// Draw new rows
    Sample(sample::Sample),
    /// Pass rows through the code and back
    Reconstruct(reconstruct::Reconstruct),
    /// Write the codes of rows
    Encode(encode::Encode),
    /// Write the rows of codes
    Decode(encode::Decode),
    /// Say how strange rows are, and why
    Score(score::Score),
    /// Fill the gaps of a table
    Impute(impute::Impute),
    /// Learn classes from few labels, and say those of rows
    Classify(classify::Classify),
    /// Divide rows into clusters of their codes
    Cluster(cluster::Cluster),
    /// Clean noisy rows, or measure how well a run does
    Denoise(denoise::Denoise),
    /// Learn a dictionary and write sparse codes: of values, or of the latent codes of a run
    Sparse(sparse::Sparse),
    /// Show what lies between two rows or two classes
    Interpolate(interpolate::Interpolate),
    /// Show what each latent dimension does
    Traverse(traverse::Traverse),
    /// Print the figures of a model on rows
    Evaluate(evaluate::Evaluate),
    /// Write a page that says what a run is worth
    Report(report::Report),
    /// Say which of several runs is better, by how much, and in what they differ
    Compare(compare::Compare),
    /// Train over a grid of settings and seeds, and put the results into one table
    Sweep(sweep::Sweep),
    /// List what can be trained, or explain one variant
    Variants(variants::Variants),
    /// List the known data sets, or describe one
    Data(data::Data),
    /// Measure how fast this machine trains and uses models
    Bench(bench::Bench),
}

/// Flags that every verb has.
#[derive(Args, Clone)]
pub struct Common {
    /// Threads to compute with; results do not depend on it [default: all cores]
    #[arg(long, value_name = "N", help_heading = "Everywhere")]
    threads: Option<usize>,
    /// Where to compute
    #[arg(long, default_value = "cpu", value_parser = vaekit::devices(), help_heading = "Everywhere")]
    device: String,
    /// The most memory for each of: a data set, a model with its gradients and optimizer, samples held at once
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = vaekit::budget::parse,
          help_heading = "Everywhere")]
    memory: u64,
    /// The folder for rows of tables that do not fit in half of --memory; nothing stays there [default: TMPDIR, else
    /// /var/tmp]
    #[arg(long, value_name = "FOLDER", help_heading = "Everywhere")]
    cache: Option<std::path::PathBuf>,
    /// Print figures as one JSON object
    #[arg(long, help_heading = "Everywhere")]
    json: bool,
    /// Print only results, warnings and errors
    #[arg(long, short, help_heading = "Everywhere")]
    quiet: bool,
}

impl Common {
    /// Sets up threads and device.
    fn start(&self) -> vaekit::Result<()> {
        vaekit::budget::set_memory(self.memory);
        self.cache.clone().map_or(Ok(()), vaekit::data::set_cache)?;
        self.threads.map_or(Ok(()), vaekit::set_threads)?;
        vaekit::set_device(&self.device)
    }
}

fn main() -> ExitCode {
    signals::watch();
    say::ended(run())
}

fn run() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.verb {
        Verb::Train(args) => return args.run(),
        Verb::Sample(args) => args.run(),
        Verb::Reconstruct(args) => args.run(),
        Verb::Encode(args) => args.run(),
        Verb::Decode(args) => args.run(),
        Verb::Score(args) => args.run(),
        Verb::Impute(args) => args.run(),
        Verb::Classify(args) => args.run(),
        Verb::Cluster(args) => args.run(),
        Verb::Denoise(args) => args.run(),
        Verb::Sparse(args) => args.run(),
        Verb::Interpolate(args) => args.run(),
        Verb::Traverse(args) => args.run(),
        Verb::Evaluate(args) => args.run(),
        Verb::Report(args) => args.run(),
        Verb::Compare(args) => args.run(),
        Verb::Sweep(args) => args.run(),
        Verb::Variants(args) => args.run(),
        Verb::Data(args) => args.run(),
        Verb::Bench(args) => args.run(),
    };
    finish(result)
}

/// The exit code of a result, its error told in one line.
fn finish(result: vaekit::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

/// Help as it is; of a mistake, the line that names it and the tip.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        say::keep(error.print());
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim).take_while(|l| !l.starts_with("Usage:") && !l.starts_with("For more"));
    let told: Vec<&str> = lines.map(|l| l.trim_start_matches("error: ")).filter(|l| !l.is_empty()).collect();
    // A list follows its colon; the tip to pass a flag as a value helps nobody.
    let told = told.into_iter().filter(|l| !l.contains("as a value, use")).collect::<Vec<_>>().join("; ");
    say::error(&format!("{}; see --help", told.replace(":; ", ": ")));
    ExitCode::from(2)
}
