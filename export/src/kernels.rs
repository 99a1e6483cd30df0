//! The functions of an exported network, in plain Rust: what the written file holds is the text of
//! these files, and here they are compiled, checked, and run to prove an export.

macro_rules! kernels {
    ($($name:ident,)*) => {
        $(pub(crate) mod $name;)*

        /// The names and texts of the functions with files of their own.
        const FILES: &[(&str, &str)] =
            &[$((stringify!($name), include_str!(concat!("kernels/", stringify!($name), ".rs")))),*];
    };
}

kernels! {
    normalize,
    linear,
    linear_sparse,
    window,
    conv_tap,
    conv,
    conv_sparse,
    pool,
    max_pool,
    avg_pool,
    global_avg_pool,
    select,
    affine,
    inverse_sqrt,
    layer_norm,
    add,
    exp,
    erf,
    softmax,
}

pub(crate) use window::Window;

/// The text of a function of a file, with its comment.
pub(crate) fn function(file: &'static str, name: &str) -> &'static str {
    let at = file.find(&format!("fn {name}(")).expect("the function is there");
    let start = file[..at].rfind("\n\n").map_or(0, |start| start + 2);
    let len = file[start..].find("\n}\n").expect("a function has an end") + 3;
    &file[start..][..len]
}

/// Whether a text calls a function, or uses the window.
fn uses(text: &str, name: &str) -> bool {
    let word = if name == "window" { "Window".to_owned() } else { format!("{name}(") };
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    text.match_indices(&word).any(|(at, _)| !text[..at].ends_with(is_part))
}

/// The text of these functions and of those that they call, for a file of its own; `others` are names and
/// texts of functions that are not here.
pub(crate) fn text<'a>(
    names: impl IntoIterator<Item = &'a str>,
    others: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> String {
    let texts: Vec<_> = FILES.iter().copied().chain(others).collect();
    let mut wanted: Vec<&str> = names.into_iter().collect();
    let mut next = 0;
    while let Some(name) = wanted.get(next) {
        let (_, text) = texts.iter().find(|(other, _)| other == name).expect("a function of ours");
        let called = texts.iter().filter(|(other, _)| uses(text, other)).map(|(other, _)| *other);
        let called: Vec<&str> = called.filter(|other| !wanted.contains(other)).collect();
        wanted.extend(called);
        next += 1;
    }
    let text = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("use "));
        let text: Vec<&str> = lines.collect();
        format!("\n{}\n", text.join("\n").trim().replace("pub(crate) ", ""))
    };
    let wanted = texts.iter().filter(|(name, _)| wanted.contains(name));
    wanted.map(|(_, source)| text(source)).collect()
}

#[cfg(test)]
mod tests;
