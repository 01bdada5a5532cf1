//! Where the cells of a table come from: a file that can be read from its beginning, as often as need be.

use crate::Result;

/// A cell as its file gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Nothing is known; the word that says so.
    Missing(&'a str),
    /// A number of a typed file.
    Number(f64),
    /// Days since 1970, of a typed file.
    Days(f64),
    /// A word, or a number in words.
    Text(&'a str),
}

/// What hears of each row: its number, counted from 0, and its cells.
pub(crate) type Each<'a> = dyn FnMut(u64, &[Cell<'_>]) -> Result<()> + 'a;

/// A table in a file.
pub(crate) trait Source {
    /// What a message calls the file.
    fn place(&self) -> &str;

    /// The columns, in the order of the file.
    fn names(&self) -> &[String];

    /// What a message calls a row: `line 12` of a file that people open in an editor.
    fn row_name(&self, row: u64) -> String;

    /// The number that a word stands for.
    fn number(&self, word: &str) -> Option<f64>;

    /// What stands between the cells of a csv file that is like this one.
    fn separator(&self) -> u8 {
        b','
    }

    /// A number in the words of the file.
    fn written(&self, number: &str) -> String {
        number.to_owned()
    }

    /// What was assumed of the file, a line each.
    fn notes(&self) -> Vec<String>;

    /// Reads the file from its beginning.
    ///
    /// # Errors
    /// What is wrong with the file, and the first error of `each`.
    fn scan(&self, each: &mut Each<'_>) -> Result<()>;
}
