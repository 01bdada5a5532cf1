//! What signals do: the first asks for an end that loses nothing, the second makes one.
//!
//! On Linux a signal that the parent chose to ignore, as `nohup` does with SIGHUP, stays ignored. A verb that does not ask whether
//! it was interrupted ends at once, and leaves no half-written file.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by the first signal, and where a sweep has ended.
fn flag() -> &'static Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(Arc::default)
}

/// True once a verb looks at the flag.
static HEARD: AtomicBool = AtomicBool::new(false);

/// A flag that the first signal sets; the second ends the process.
pub fn interrupts() -> Arc<AtomicBool> {
    HEARD.store(true, Ordering::SeqCst);
    Arc::clone(flag())
}

/// Asks for an end, as a signal does, once standard input closes: a sweep that dies, however it does, takes its
/// trainings along.
pub fn end_with_parent() {
    let ask = interrupts();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        ask.store(true, Ordering::SeqCst);
    });
}

/// Begins to listen.
#[cfg(unix)]
#[expect(clippy::exit, reason = "the second signal means now")]
pub fn watch() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    // A limit on the size of files then is an error of the write, told like any other.
    let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::default());
    let ignored = ignored();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0);
    let Ok(mut signals) = Signals::new(wanted) else {
        crate::say::warning("signals cannot be heard; Ctrl-C will end this at once");
        return;
    };
    std::thread::spawn(move || {
        let mut seen = false;
        for signal in signals.forever() {
            if seen || !HEARD.load(Ordering::SeqCst) {
                let _held = vaekit::run::clear_unfinished();
                if !seen {
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
                std::process::exit(1);
            }
            seen = true;
            flag().store(true, Ordering::SeqCst);
        }
    });
}

/// The signals that were ignored when this process began, a bit each.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// Begins to listen.
#[cfg(not(unix))]
pub fn watch() {
    use signal_hook::consts::SIGINT;
    // A signal ends the process while this is set: the second one, and the first where no verb asks for it.
    let ends = Arc::new(AtomicBool::new(true));
    let _ = signal_hook::flag::register_conditional_shutdown(SIGINT, 1, Arc::clone(&ends));
    let _ = signal_hook::flag::register(SIGINT, Arc::clone(flag()));
    std::thread::spawn(move || {
        loop {
            ends.store(flag().load(Ordering::SeqCst) || !HEARD.load(Ordering::SeqCst), Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
}
