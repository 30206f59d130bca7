//! Links against Node's own symbols.

fn main() {
    napi_build::setup();
}
