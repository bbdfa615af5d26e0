//! Writes the attack tokens to `filters/jwt_bola/testdata/`.

use std::fs;
use std::io;

use portcullis_integration_tests::attacks::files;

fn main() -> io::Result<()> {
    for (file, text) in files() {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, text)?;
        println!("{}", file.display());
    }
    Ok(())
}
