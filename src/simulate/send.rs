//! Sends simulated visitors to a Mayfly.
pub struct Args;
pub struct SimulateError;
pub async fn run(_: Args) -> Result<(), SimulateError> {
    Ok(())
}
