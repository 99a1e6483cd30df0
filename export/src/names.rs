//! Names that no two things of a file share, however its layers are called.

use std::collections::HashMap;

/// The names that are taken, each with the last number that was put behind it.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// Those that are taken from the start.
    pub(super) fn taken<'a>(names: impl IntoIterator<Item = &'a str>) -> Names {
        Names(names.into_iter().map(|name| (name.to_owned(), 1)).collect())
    }

    /// A name that is free, and is taken from now on: the wanted one, or it with a number.
    pub(super) fn free(&mut self, wanted: String) -> String {
        let mut n = *self.0.get(&wanted).unwrap_or(&0);
        let mut name = wanted.clone();
        while self.0.contains_key(&name) {
            n += 1;
            name = format!("{wanted}_{n}");
        }
        self.0.insert(wanted, n.max(1));
        self.0.entry(name.clone()).or_insert(1);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::taken(["a", "a_3"]);
        let given: Vec<String> =
            ["a", "b", "a", "a", "a_2", "b"].map(|name| names.free(name.to_owned())).into();
        assert_eq!(given, ["a_2", "b", "a_4", "a_5", "a_2_2", "b_2"]);
    }
}
