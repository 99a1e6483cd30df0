//! The functions of an exported network, in plain Rust: what the written file holds is the text of
//! these files, and here they are compiled, checked, and run to prove an export.

macro_rules! kernels {
    ($($name:ident $needs:tt,)*) => {
        $(pub(super) mod $name;)*

        /// Name, text, and the kernels that it calls, each after those.
        const TEXTS: &[(&str, &str, &[&str])] =
            &[$((stringify!($name), include_str!(concat!("kernels/", stringify!($name), ".rs")), &$needs)),*];
    };
}

kernels! {
    normalize [],
    linear [],
    linear_sparse [],
    window [],
    conv_tap ["window"],
    conv ["conv_tap"],
    conv_sparse ["conv_tap"],
    pool ["window"],
    max_pool ["pool"],
    avg_pool ["pool"],
    global_avg_pool [],
    select [],
    affine [],
    inverse_sqrt [],
    layer_norm ["inverse_sqrt"],
    add [],
    relu [],
    leaky_relu [],
    exp [],
    tanh ["exp"],
    sigmoid ["exp"],
    erf ["exp"],
    gelu ["erf"],
    gelu_tanh ["exp"],
    softmax ["exp"],
}

pub(super) use window::Window;

/// The text of these kernels and of what they call, for a file of its own.
pub(super) fn text<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut wanted: Vec<&str> = names.into_iter().collect();
    for (name, _, needs) in TEXTS.iter().rev() {
        if wanted.contains(name) {
            wanted.extend(*needs);
        }
    }
    let text = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("use "));
        let text: Vec<&str> = lines.collect();
        format!("\n{}\n", text.join("\n").trim().replace("pub(crate) ", ""))
    };
    TEXTS
        .iter()
        .filter(|(name, ..)| wanted.contains(name))
        .map(|(_, source, _)| text(source))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_near(f: impl Fn(f32) -> f32, oracle: impl Fn(f64) -> f64, unit: impl Fn(f64) -> f64) {
        for i in -20_000..=20_000 {
            let x = 0.001 * i as f32;
            let (y, wants) = (f64::from(f(x)), oracle(f64::from(x)));
            assert!((y - wants).abs() <= 4e-7 * unit(wants), "at {x}: {y}, and {wants} is right");
        }
    }

    fn each(f: impl Fn(&mut [f32])) -> impl Fn(f32) -> f32 {
        move |x| {
            let mut x = [x];
            f(&mut x);
            x[0]
        }
    }

    /// erf by its power series, which converges everywhere and cancels beyond 3 only.
    fn erf_of(z: f64) -> f64 {
        if z.abs() > 3.0 {
            // 2.2e-5 at 3: the continued fraction of erfc.
            let t = z.abs();
            let fraction = (1..=60).rev().fold(t, |f, k| t + f64::from(k) / 2.0 / f);
            return z.signum() * (1.0 - (-t * t).exp() / fraction / std::f64::consts::PI.sqrt());
        }
        let (mut term, mut sum) = (z, z);
        for n in 1..120 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    }

    #[test]
    fn functions_without_a_library_are_as_good_as_f32() {
        let (relative, absolute) = (f64::abs, |_| 1.0);
        let sigmoid_of = |x: f64| 1.0 / (1.0 + (-x).exp());
        assert_near(exp::exp, f64::exp, relative);
        assert_near(erf::erf, erf_of, absolute);
        assert_near(each(tanh::tanh), f64::tanh, absolute);
        assert_near(each(sigmoid::sigmoid), sigmoid_of, absolute);
        let gelu_of = |x: f64| 0.5 * x * (1.0 + erf_of(x / std::f64::consts::SQRT_2));
        assert_near(each(gelu::gelu), gelu_of, |y| 1.0 + y.abs());
        let cubic = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
        let gelu_tanh_of = |x: f64| 0.5 * x * (1.0 + cubic(x).tanh());
        assert_near(each(gelu_tanh::gelu_tanh), gelu_tanh_of, |y| 1.0 + y.abs());
        let inverse = |x: f32| inverse_sqrt::inverse_sqrt(x.abs() + 1e-6);
        let inverse_of = |x: f64| 1.0 / (f64::from(x.abs() as f32 + 1e-6)).sqrt();
        assert_near(inverse, inverse_of, relative);
    }

    #[test]
    fn extremes_give_no_surprise() {
        assert!((0.0..1e-37).contains(&exp::exp(f32::NEG_INFINITY)) && exp::exp(1e30) > 1e38);
        assert!(exp::exp(f32::NAN).is_nan() && erf::erf(f32::NAN).is_nan());
        assert_eq!([-9.0, 9.0, 1e30].map(erf::erf), [-1.0, 1.0, 1.0]);
        let mut x = [1e30, 0.0, -1e30];
        softmax::softmax(&mut x);
        assert!(x[0] == 1.0 && x[1] < 1e-37 && x[2] < 1e-37);
        tanh::tanh(&mut x);
        sigmoid::sigmoid(&mut x);
        assert!(x.iter().all(|x| x.is_finite()));
    }

    /// What a file holds compiles on its own: nothing that it calls is missing.
    #[test]
    fn text_has_what_it_calls_once_and_no_more() {
        let text = text(["conv_sparse", "max_pool", "gelu"]);
        for name in ["conv_sparse<", "conv_tap(", "max_pool(", "pool(", "gelu(", "erf(", "exp("] {
            assert_eq!(text.matches(&format!("\nfn {name}")).count(), 1, "{name} in {text}");
        }
        assert_eq!(text.matches("struct Window").count(), 1);
        assert!(!text.contains("fn linear") && !text.contains("pub") && !text.contains("super"));
    }
}
