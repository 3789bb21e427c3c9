//! The `turnwire` program.

fn main() -> std::io::Result<std::process::ExitCode> {
    let runtime = tokio::runtime::Runtime::new()?;
    let code = runtime.block_on(turnwire_cli::run_here());
    // Not awaited: a thread may still sit in a read of the terminal, and would only end with the next key.
    runtime.shutdown_background();
    Ok(u8::try_from(code).unwrap_or(1).into())
}
