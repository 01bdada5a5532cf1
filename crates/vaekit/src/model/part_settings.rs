//! The numbers of posteriors and priors.

/// Numbers that posteriors and priors are built from.
#[derive(Clone, Copy, Debug)]
pub struct PartSettings {
    /// Dimensions of z; of the lowest group where there are several.
    pub latent: usize,
    /// Values of a row.
    pub width: usize,
    /// Maps of a flow.
    pub flow_steps: usize,
    /// Hidden units of a flow's networks, and of other small ones.
    pub flow_hidden: usize,
    /// Components of a mixture, rows of a VampPrior, codes of a codebook.
    pub components: usize,
    /// Classes of a class variable.
    pub categories: usize,
    /// Of relaxed class variables.
    pub temperature: f64,
    /// Groups of a hierarchy.
    pub groups: usize,
    /// Pieces of z that a codebook serves.
    pub positions: usize,
    /// Codebooks, each for what those before leave over.
    pub levels: usize,
    /// Weight of the distance to the codes.
    pub commitment: f64,
    /// Share of the dimensions that a spike-and-slab prior expects to be in use.
    pub slab: f64,
}

impl PartSettings {
    /// Small numbers that suit every posterior and prior.
    pub(super) const SMALL: Self = Self {
        latent: 8,
        width: 4,
        flow_steps: 1,
        flow_hidden: 4,
        components: 2,
        categories: 2,
        temperature: 0.5,
        groups: 2,
        positions: 2,
        levels: 1,
        commitment: 0.25,
        slab: 0.2,
    };

    /// Weights of the largest part that these numbers could make, before anything is allocated.
    pub fn weights(&self) -> f64 {
        let product = |factors: &[usize]| factors.iter().map(|n| *n as f64).product::<f64>();
        let all = [
            product(&[4, self.flow_steps, self.latent, self.flow_hidden]),
            product(&[2, self.levels, self.positions, self.components, self.flow_hidden]),
            product(&[self.components, self.width]),
            product(&[2, self.components, self.latent]),
        ];
        all.into_iter().fold(0.0, f64::max)
    }
}
