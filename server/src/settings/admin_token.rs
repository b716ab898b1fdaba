use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{
    Password, Settings, SettingsError,
    kind::{Kind, Token},
};

/// No token is longer, and no such file endless.
const MOST_BYTES: u64 = 4096;

impl Settings {
    /// The token of `admin_token`, or the one in the file of `admin_token_file`; `None` if neither is set.
    pub(crate) fn read_admin_token(&self) -> Result<Option<Password>, SettingsError> {
        match (&self.admin_token, &self.admin_token_file) {
            (Some(token), _) => check(token.expose(), "admin_token").map(Some),
            (None, Some(file)) => {
                let text = read(file).map_err(|source| SettingsError::SecretFile {
                    setting: "admin_token_file",
                    path: file.clone(),
                    source,
                })?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                let token = line.strip_suffix('\r').unwrap_or(line);
                check(token, &format!("the token in the file {} (admin_token_file)", file.display())).map(Some)
            }
            (None, None) => Ok(None),
        }
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn check(token: &str, whose: &str) -> Result<Password, SettingsError> {
    Token::parse(token).map_err(|allowed| {
        SettingsError::Combination(format!("{whose} has {}; allowed is {allowed}", Token::shown(token)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &[u8]) -> Result<Option<Password>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, text).unwrap();
        let settings = Settings { admin_token_file: Some(file.clone()), ..Settings::default() };
        settings.read_admin_token().map_err(|error| error.to_string().replace(&*file.to_string_lossy(), "FILE"))
    }

    #[test]
    fn a_file_may_end_its_line() {
        for text in ["0123456789abcdef", "0123456789abcdef\n", "0123456789abcdef\r\n"] {
            assert_eq!(with_file(text.as_bytes()), Ok(Some(Password::new("0123456789abcdef"))));
        }
    }

    #[test]
    fn a_file_without_a_token_is_refused() {
        let allowed = "allowed is 16 to 1024 visible ASCII characters, such as `openssl rand -hex 32` makes";
        for (text, given) in [
            ("", "0 characters"),
            ("\n", "0 characters"),
            ("0123456789abcde\n", "15 characters"),
            ("0123456789 abcdef", "17 characters, of which 1 cannot be used"),
            ("0123456789abcdef\n\n", "17 characters, of which 1 cannot be used"),
            ("0123456789abcdéf", "16 characters, of which 1 cannot be used"),
        ] {
            let told = format!("the token in the file FILE (admin_token_file) has {given}; {allowed}");
            assert_eq!(with_file(text.as_bytes()), Err(told));
        }
        assert_eq!(with_file(&[0xff; 32]), Err("admin_token_file is `FILE`, which cannot be read".to_owned()));
        let missing = Settings { admin_token_file: Some("/no/such/file".into()), ..Settings::default() };
        let told = missing.read_admin_token().unwrap_err().to_string();
        assert_eq!(told, "admin_token_file is `/no/such/file`, which cannot be read");
    }

    #[test]
    fn a_token_that_a_program_sets_is_no_shorter() {
        let short = Settings { admin_token: Some(Password::new("secret")), ..Settings::default() };
        let told = short.read_admin_token().unwrap_err().to_string();
        assert!(told.starts_with("admin_token has 6 characters; allowed is 16 to 1024"), "{told}");
    }
}
