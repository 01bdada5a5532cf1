//! A trained model, independent of a run folder.

use crate::data::{Condition, Dataset, Encoding, Kind, Preparation, Schema};
use crate::rng::{Purpose, Rng};
use crate::{Error, Result};

use super::Vae;
use super::likelihood::Domain;

/// What training makes and every use takes: networks, what rows are, and how they become numbers.
///
/// It can be shared between threads: nothing in it changes while it is used.
pub struct Model {
    vae: Vae,
    schema: Schema,
    encoding: Encoding,
    variant: String,
    seed: u64,
    samples_from_prior: bool,
    /// The numbers of conditions that were chosen for new rows, each where one was.
    chosen: Vec<Option<Vec<f32>>>,
}

/// What a model is called and does beside its networks.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The name of the variant.
    pub variant: String,
    /// The seed of its randomness.
    pub seed: u64,
    /// True where draws from the prior look like data.
    pub samples_from_prior: bool,
}

impl Model {
    /// Puts networks and their data together.
    pub fn new(vae: Vae, schema: Schema, encoding: Encoding, identity: Identity) -> Self {
        let Identity { variant, seed, samples_from_prior } = identity;
        let chosen = vec![None; encoding.given.len()];
        Self { vae, schema, encoding, variant, seed, samples_from_prior, chosen }
    }

    /// The networks.
    pub fn vae(&self) -> &Vae {
        &self.vae
    }

    /// What a row is.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How rows become numbers and back.
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Numbers of a row as the networks see it.
    pub fn x_width(&self) -> usize {
        self.encoding.width(&self.schema)
    }

    /// The name of the variant that made it.
    pub fn variant_name(&self) -> &str {
        &self.variant
    }

    /// The seed that it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// True where draws from the prior look like data.
    pub fn samples_from_prior(&self) -> bool {
        self.samples_from_prior
    }

    /// Randomness that belongs to this model's seed.
    pub fn rng(&self) -> Rng {
        Rng::new(self.seed)
    }

    /// How rows become what the networks see.
    pub fn preparation(&self) -> Preparation {
        Preparation { encoding: self.encoding.clone(), rng: self.rng(), hide: 0.0 }
    }

    /// What log p is of: `x`, or `x | site, dose` for a model that is conditioned on these columns.
    pub fn given_x(&self) -> String {
        let names: Vec<&str> = self.encoding.given.iter().map(|c| c.column.as_str()).collect();
        if names.is_empty() { "x".into() } else { format!("x | {}", names.join(", ")) }
    }

    /// True when the model is told columns of each row.
    pub fn is_conditional(&self) -> bool {
        !self.encoding.given.is_empty()
    }

    /// The same with a value for a condition of new rows and decoded codes, in the words of the file.
    ///
    /// # Errors
    /// A model that is not conditional, no such column, one that has a value already, or a value that it cannot have.
    pub fn given(mut self, column: &str, value: &str) -> Result<Self> {
        if !self.is_conditional() {
            let problem = format!("'{}' is not a conditional variant; use --variant cvae", self.variant);
            return Err(Error::setting("given", problem));
        }
        let Some(at) = self.encoding.given.iter().position(|condition| condition.column == column) else {
            let names: Vec<&str> = self.encoding.given.iter().map(|c| c.column.as_str()).collect();
            let problem = format!("'{column}' is no condition of this model; expected one of {}", names.join(", "));
            return Err(Error::setting("given", problem));
        };
        let numbers = self.encoding.given[at].encode(value);
        let numbers = numbers.map_err(|problem| Error::setting("given", format!("{column}: {problem}")))?;
        if self.chosen[at].is_some() {
            return Err(Error::setting("given", format!("'{column}' has a value already; give it once")));
        }
        self.chosen[at] = Some(numbers);
        Ok(self)
    }

    /// The same with a class for new rows and decoded codes, of a model that is told one.
    ///
    /// # Errors
    /// A model that is told no class, or a name that is none.
    pub fn of_class(self, name: &str) -> Result<Self> {
        let words: Vec<&Condition> = self.encoding.given.iter().filter(|c| !c.levels.is_empty()).collect();
        let label = self.schema.label().map(|label| label.name.as_str());
        let told = match (words.iter().find(|c| Some(c.column.as_str()) == label), words.as_slice()) {
            (Some(told), _) => *told,
            (None, [told]) => told,
            (None, []) => {
                let problem = format!("'{}' is not conditional on classes; train --variant cvae", self.variant);
                return Err(Error::setting("class", problem));
            }
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|c| c.column.as_str()).collect();
                let problem = format!("the model is conditional on {}; say which by --given", names.join(", "));
                return Err(Error::setting("class", problem));
            }
        };
        if !told.levels.iter().any(|level| level == name) {
            let names = told.levels.join(", ");
            return Err(Error::setting("class", format!("'{name}' is no class; expected one of {names}")));
        }
        let column = told.column.clone();
        self.given(&column, name)
    }

    /// The numbers of each condition that were chosen by [`given`](Self::given).
    pub(crate) fn chosen_conditions(&self) -> &[Option<Vec<f32>>] {
        &self.chosen
    }

    /// At most `n` of the rows, by the model's seed: files are often sorted.
    pub fn some(&self, rows: &[u32], n: usize) -> Vec<u32> {
        let order = self.rng().permutation(Purpose::Choice, rows.len());
        order.into_iter().take(n).map(|i| rows[i as usize]).collect()
    }

    /// Numbers the classes and conditions of other rows as the model's own, where all of them are among these.
    pub fn number(&self, data: &mut Dataset) {
        data.number_as(&self.schema);
    }

    /// Checks that rows of other data fit the model.
    ///
    /// # Errors
    /// Another shape, another kind of values, or rows without what a conditional model is told; each is named.
    pub fn check_fits(&self, data: &Dataset) -> Result<()> {
        self.encoding.given(data, &[])?;
        let (ours, theirs) = (&self.schema, data.schema());
        let (our_kind, their_kind) = (ours.value_kind(), theirs.value_kind());
        let other = || Error::data(&data.name, format!("holds {theirs}; this model was trained on {ours}"));
        match self.vae.likelihood.domain() {
            Domain::Counts => data.check_counts()?,
            Domain::Bytes if their_kind == Kind::Real => {
                let problem = format!("holds {theirs}, and this model's likelihood is of bytes");
                return Err(Error::data(&data.name, problem));
            }
            // Bytes of another scale would come out beyond 0 and 1.
            Domain::Bytes | Domain::Binary | Domain::Unit if their_kind != our_kind => {
                let inside = their_kind == Kind::Binary || self.encoding.gives_unit_interval(theirs);
                if !inside {
                    return Err(other());
                }
            }
            _ => {}
        }
        let same_shape = ours.image_shape() == theirs.image_shape() && ours.width() == theirs.width();
        // A picture of bytes and one of fractions have other units; a table keeps its own.
        if same_shape && (!ours.is_image() || our_kind != Kind::Byte || their_kind != Kind::Real) {
            return Ok(());
        }
        Err(other())
    }
}

/// A model can be held by a server and used by its threads: this does not compile otherwise.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Model>();
};
