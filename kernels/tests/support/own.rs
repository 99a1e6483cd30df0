//! Penalties from outside the package.

use proxtape_kernels::prox::{Form, GroupProx, L11L12, Mcp, Own, Penalty, Regularizer, Steps};

/// The sum of the weights, none of which may be negative.
#[derive(Debug)]
pub struct Nonnegative;

impl Penalty for Nonnegative {
    fn form(&self) -> Form<'_> {
        Form::Whole(self)
    }

    fn is_convex(&self) -> bool {
        true
    }
}

impl GroupProx for Nonnegative {
    fn prox(&self, v: &mut [f32], e: Steps<'_>) {
        v.iter_mut().enumerate().for_each(|(i, v)| *v = (*v - e.at(i)).max(0.0));
    }

    fn value(&self, x: &[f32]) -> f64 {
        x.iter().map(|&x| if x < 0.0 { f64::INFINITY } else { f64::from(x) }).sum()
    }
}

/// The largest of a group's absolute values, in one step for all: `|x| <= t` where the entries that are
/// above t exceed it by e in all.
#[derive(Debug)]
pub struct Largest;

impl Penalty for Largest {
    fn form(&self) -> Form<'_> {
        Form::Whole(self)
    }

    fn supports_diagonal(&self) -> bool {
        false
    }

    fn is_convex(&self) -> bool {
        true
    }
}

impl GroupProx for Largest {
    fn prox(&self, v: &mut [f32], e: Steps<'_>) {
        let mut a: Vec<f64> = v.iter().map(|&v| f64::from(v).abs()).collect();
        a.sort_by(|x, y| y.total_cmp(x));
        let (mut sum, mut t) = (0.0, 0.0);
        for (k, x) in a.iter().enumerate() {
            sum += x;
            t = f64::max(t, (sum - f64::from(e.at(0))) / (k + 1) as f64);
        }
        v.iter_mut().for_each(|v| *v = v.signum() * (f64::from(*v).abs().min(t) as f32));
    }

    fn value(&self, x: &[f32]) -> f64 {
        x.iter().fold(0.0, |most: f64, &x| most.max(f64::from(x).abs()))
    }
}

static L11_L12: L11L12 = L11L12 { lambda1: 0.1, rho: 0.15 };
static MCP: Mcp = Mcp { lambda: 0.4, gamma: 3.0 };

/// One of each form that has a kernel of its own.
pub fn own() -> [Regularizer; 4] {
    let of = |penalty: &'static dyn Penalty, strength| {
        Regularizer::Own(Own::new(penalty).times(strength))
    };
    [of(&Nonnegative, 0.4), of(&Largest, 0.8), of(&L11_L12, 2.0), of(&MCP, 0.5)]
}
