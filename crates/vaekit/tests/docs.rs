//! Documents that are made from the code say what the code says.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[test]
fn the_variants_document_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/variants.md");
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let wanted = vaekit::variants::page::markdown();
    assert!(found.trim_end() == wanted.trim_end(), "run: vaekit variants --markdown > docs/variants.md");
}
