//! Turns the contract, written as YAML for people, into the JSON that is served.

use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let spec = Path::new("spec/openapi.yaml");
    println!("cargo:rerun-if-changed={}", spec.display());
    println!("cargo:rerun-if-changed=build.rs");
    let mut contract: serde_yaml_ng::Value = serde_yaml_ng::from_str(&std::fs::read_to_string(spec)?)?;
    contract.apply_merge()?;
    let contract: serde_json::Value = serde_yaml_ng::from_value(contract)?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("openapi.json"), serde_json::to_vec(&contract)?)?;
    Ok(())
}
