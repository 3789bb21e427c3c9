//! Whether what was read had to be bent to fit: then its JSON is not passed on as it came, but written anew.

use std::cell::Cell;

thread_local! {
    // serde's traits leave no other way out of a nested reader. Set and read within one call of `noticing`.
    static ODD: Cell<bool> = const { Cell::new(false) };
}

/// A reader met a value of another type than the contract's.
pub(crate) fn note_odd() {
    ODD.set(true);
}

/// What `read` gives, and whether any value in it was odd.
pub(crate) fn noticing<T>(read: impl FnOnce() -> T) -> (T, bool) {
    let outer = ODD.replace(false);
    let value = read();
    (value, ODD.replace(outer))
}
